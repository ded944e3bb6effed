"""The kinds of blocks, items, creatures and biomes, and the recipes, with Minecraft 1.11's names and figures."""
