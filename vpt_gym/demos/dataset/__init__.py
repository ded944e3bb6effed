"""Batches of sequences for PyTorch: finding, decoding, caching and ordering demos."""
