"""The leaderboard: checking submissions, the store, the static site and the submission server."""
