"""The player's 36 slots: adding and taking items by Minecraft's rules for stacks.

An inventory is an array (SLOTS, 3) int64 of (item id, quantity, wear). Items of the same kind and wear stack up to
``STACK_SIZE``; tools do not stack.
"""

from __future__ import annotations

from typing import Any

from vpt_gym.world.catalog.items import STACK_SIZE
from vpt_gym.world.kernels.compiled import kernel


@kernel
def give(inventory: Any, item: int, count: int, wear: int) -> int:
    """Adds items, first to stacks of their kind, then to empty slots; returns how many did not fit."""
    size = STACK_SIZE[item]
    for k in range(inventory.shape[0]):
        if inventory[k, 0] == item and inventory[k, 2] == wear and 0 < inventory[k, 1] < size:
            added = min(count, size - inventory[k, 1])
            inventory[k, 1] += added
            count -= added
    for k in range(inventory.shape[0]):
        if count > 0 and inventory[k, 1] <= 0:
            added = min(count, size)
            inventory[k, 0] = item
            inventory[k, 1] = added
            inventory[k, 2] = wear
            count -= added
    return count


@kernel
def take(inventory: Any, item: int, count: int) -> int:
    """Removes up to ``count`` items of a kind from the first slots that hold it; returns how many it removed."""
    taken = 0
    for k in range(inventory.shape[0]):
        if inventory[k, 0] == item and inventory[k, 1] > 0 and taken < count:
            removed = min(count - taken, inventory[k, 1])
            inventory[k, 1] -= removed
            taken += removed
    return taken


@kernel
def swap_slots(inventory: Any, a: int, b: int) -> None:
    """Swaps the contents of two slots."""
    for k in range(3):
        inventory[a, k], inventory[b, k] = inventory[b, k], inventory[a, k]


@kernel
def wear_out(inventory: Any, slot: int, uses: int, durability: int) -> None:
    """Adds wear to the tool in a slot; a tool with more uses than its durability breaks."""
    inventory[slot, 2] += uses
    if inventory[slot, 2] > durability:
        inventory[slot, 1] = 0
        inventory[slot, 2] = 0
