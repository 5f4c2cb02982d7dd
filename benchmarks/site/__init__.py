"""How fast the site of a large leaderboard is built, painted and sorted."""
