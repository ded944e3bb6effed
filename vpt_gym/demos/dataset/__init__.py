"""Demos as batches of sequences for PyTorch: finding, decoding, caching and ordering them."""
