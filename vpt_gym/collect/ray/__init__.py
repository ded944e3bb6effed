"""Playing episodes on the machines of a Ray cluster. Only ``connect`` and what it calls import Ray."""
