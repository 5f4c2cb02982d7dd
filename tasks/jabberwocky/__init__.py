"""Nonsense trigger words whose rule is never stated; a model has it only by training."""
