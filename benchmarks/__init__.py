"""Measurements of introbench. What they found stands under `results/`, with command, machine and versions."""
