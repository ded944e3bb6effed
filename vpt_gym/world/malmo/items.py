"""The items and blocks of the embedded world by Minecraft's names."""

from __future__ import annotations

from vpt_gym.world.blocks import AIR, BLOCKS

AIR_NAME = "air"

ITEMS: dict[tuple[str, int], int] = {
    (BLOCKS[kind.drop].name, BLOCKS[kind.drop].variant): kind.drop for kind in BLOCKS if kind.drop != AIR
}
"""(name, metadata) -> block id of everything that can be carried."""


def _described(kinds: dict[tuple[str, int], int]) -> str:
    return ", ".join(f"{name} (metadata {variant})" if variant else name for name, variant in sorted(kinds))


def item_block(name: str, metadata: int) -> int:
    """Returns the block id of an item.

    Raises:
        ValueError: The embedded world has no such item; the message lists those that it has.
    """
    if (name, metadata) not in ITEMS:
        asked = f"{name} (metadata {metadata})" if metadata else name
        raise ValueError(f"the embedded world has no item {asked!r}; its items are {_described(ITEMS)}")
    return ITEMS[name, metadata]


def named_block(name: str, metadata: int) -> int:
    """Returns the block id of a block.

    Raises:
        ValueError: The embedded world has no such block; the message lists those that it has.
    """
    kinds = {(kind.name, kind.variant): block for block, kind in enumerate(BLOCKS)}
    if (name, metadata) not in kinds:
        asked = f"{name} (metadata {metadata})" if metadata else name
        raise ValueError(f"the embedded world has no block {asked!r}; its blocks are {_described(kinds)}")
    return kinds[name, metadata]
