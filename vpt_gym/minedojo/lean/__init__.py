"""MineDojo's chain of wrappers at a third of its cost, with the same results."""
