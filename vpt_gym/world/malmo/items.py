"""Looks up the embedded world's items, blocks and creatures by Minecraft's names."""

from __future__ import annotations

from vpt_gym.world.catalog.blocks import BLOCKS
from vpt_gym.world.catalog.creatures import KINDS
from vpt_gym.world.catalog.items import ITEMS as KNOWN

AIR_NAME = "air"

ITEMS: dict[tuple[str, int], int] = {(kind.name, kind.variant): item for item, kind in KNOWN.items()}
"""(name, metadata) -> item id, for every item."""
CREATURES: dict[str, int] = {kind.name: number for number, kind in enumerate(KINDS) if number > 0}
"""Name -> kind id, for every creature."""


def _described(kinds: dict[tuple[str, int], int]) -> str:
    return ", ".join(f"{name} (metadata {variant})" if variant else name for name, variant in sorted(kinds))


def item_id(name: str, metadata: int) -> int:
    """Returns the id of an item.

    Raises:
        ValueError: The embedded world has no such item. The message lists its items.
    """
    if (name, metadata) not in ITEMS:
        asked = f"{name} (metadata {metadata})" if metadata else name
        raise ValueError(f"the embedded world has no item {asked!r}; its items are {_described(ITEMS)}")
    return ITEMS[name, metadata]


def named_block(name: str, metadata: int) -> int:
    """Returns the id of a block.

    Raises:
        ValueError: The embedded world has no such block. The message lists its blocks.
    """
    kinds = {(kind.name, kind.variant): block for block, kind in enumerate(BLOCKS)}
    if (name, metadata) not in kinds:
        asked = f"{name} (metadata {metadata})" if metadata else name
        raise ValueError(f"the embedded world has no block {asked!r}; its blocks are {_described(kinds)}")
    return kinds[name, metadata]


def named_creature(name: str) -> int:
    """Returns the kind id of a creature.

    Raises:
        ValueError: The embedded world has no such creature. The message lists its creatures.
    """
    if name not in CREATURES:
        raise ValueError(f"the embedded world has no {name!r}; its creatures are {', '.join(CREATURES)}")
    return CREATURES[name]
