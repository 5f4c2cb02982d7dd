"""A task for introbench in a package of its own."""
