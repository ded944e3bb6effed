"""Tables of Minecraft 1.11: blocks, items, recipes, biomes and creatures."""
