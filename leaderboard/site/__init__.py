"""The static site of a leaderboard: a folder of pages, data and shards of cases, made from a store."""
