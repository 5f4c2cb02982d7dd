"""Requests that sound risky by one word, beside the same requests in plain words."""
