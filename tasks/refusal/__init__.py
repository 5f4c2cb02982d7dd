"""The task `refusal`: harmless requests that sound more or less risky."""
