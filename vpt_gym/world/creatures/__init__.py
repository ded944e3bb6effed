"""Animals and monsters: what they want, how they move and are hurt, and where they appear."""
