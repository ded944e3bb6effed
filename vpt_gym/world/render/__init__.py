"""Frames of the world: rays through the blocks, figures, sky and overlays."""
