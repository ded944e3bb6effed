"""Animals and monsters: their behaviour, movement, damage and spawning."""
