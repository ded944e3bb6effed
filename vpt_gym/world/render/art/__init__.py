"""Textures and shapes, all made here: blocks, items and creatures."""
