"""How the hf backend answers fast: the token forest, its two forward passes and the probe that chooses."""
