"""Benchmarks: one file for each question; each writes its figures to ``benchmarks/results``."""
