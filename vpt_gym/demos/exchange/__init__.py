"""Import and export of demos: Minari datasets, and ``.npz`` files of MineDojo actions."""
