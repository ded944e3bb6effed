"""Directories of demos: listing and rejecting demos, checking and repairing them, and statistics."""
