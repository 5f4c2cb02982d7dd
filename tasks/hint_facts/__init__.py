"""Short factual questions under a hint or an opinion; behaviour is read as text."""
