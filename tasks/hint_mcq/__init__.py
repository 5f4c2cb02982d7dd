"""Multiple-choice questions of a table that the user brings, under a hint or an opinion."""
