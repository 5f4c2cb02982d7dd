"""The submission server: takes bundles, has each checked in a process of its own, and serves the board's site."""
