"""Replaces methods of MineDojo's wrappers by ones that take a third of the time, with the same results."""
