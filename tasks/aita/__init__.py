"""The task `aita`: conflicts that people posted online, judged as wrong or not wrong; the posts are the user's."""
