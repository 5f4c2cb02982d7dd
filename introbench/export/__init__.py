"""Cases written out for other harnesses."""
