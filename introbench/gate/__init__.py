"""The gate: did a release make explanations less faithful, move behaviour, or lose coupling?"""
