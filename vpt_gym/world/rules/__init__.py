"""Minecraft's rules: inventory, digging, placing, crafting, smelting, loot and health."""
