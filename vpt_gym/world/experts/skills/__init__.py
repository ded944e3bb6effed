"""What a scripted player can do: go to blocks and items, tunnel, chase, place a table, use screens, take shelter."""
