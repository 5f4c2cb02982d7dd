"""Studies: arms × seeds, each a unit that is trained, run on held-out items and summed up in one file."""
