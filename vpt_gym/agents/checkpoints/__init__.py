"""Checkpoints: reading weights and settings from files without executing anything in them, and saving them."""
