"""Compilation and caching of the world's kernels, and random numbers for them."""
