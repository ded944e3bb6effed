"""Benchmarks: one file a question; each writes its figures to ``benchmarks/results``."""
