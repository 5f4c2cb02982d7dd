"""How long the report of a large run takes, and how large it is."""
