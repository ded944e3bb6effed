"""The rules of the game: digging, placing, items on the ground, inventory, crafting, furnaces, health and hunger."""
