"""The task `dilemmas`: everyday conflicts, judged as wrong or not wrong."""
