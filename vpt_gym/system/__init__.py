"""The computer and its processes: a description of it, file locks, optional packages, and new Python processes."""
