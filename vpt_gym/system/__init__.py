"""The machine and its processes: what it is, file locks, and starting another Python."""
