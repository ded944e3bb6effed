"""The trainings behind docs/results.md, cell by cell: ``make results``."""
