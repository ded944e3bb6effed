"""One tick of the player: controls, combat, and the inventory screens."""
