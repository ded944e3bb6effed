"""Comparison of training runs in one HTML page: :mod:`vpt_gym.report.record` reads a run, the other modules show it."""
