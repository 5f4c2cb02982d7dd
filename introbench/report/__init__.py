"""How a person reads a summary."""
