"""The task plugins that come with introbench."""
