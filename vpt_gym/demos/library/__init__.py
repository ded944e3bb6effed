"""A directory of demos: checking and repairing it, its figures, and setting bad demos aside."""
