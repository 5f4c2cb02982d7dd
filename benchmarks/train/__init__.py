"""The recipe's training loop beside the obvious one."""
