"""Checkpoints: reads and saves weights and configs; nothing in a file is ever executed."""
