"""How fast the scorer answers, beside other engines on the same token ids: `python -m benchmarks.scorer`."""
