"""The test questions of MMLU under a hint or an opinion; behaviour is read by letters."""
