"""Counts Minecraft's statistics: ticks, distances, jumps, deaths, kills, and blocks and items gained or used."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import AIR, BLOCKS, LIQUID, SIDE
from vpt_gym.world.catalog.creatures import KINDS
from vpt_gym.world.catalog.items import ITEMS, NO_ITEM
from vpt_gym.world.core.motion import JUMP_DELAY
from vpt_gym.world.core.state import PLAYER, WorldState
from vpt_gym.world.malmo.report import statistic_names as names
from vpt_gym.world.rules.digging import DIG_DELAY
from vpt_gym.world.rules.loot import THROW_DELAY

Array = np.ndarray[Any, Any]

_FIELDS = {name: k for k, name in enumerate(PLAYER.names or ())}
X, Y, Z, SNEAKING, SPRINTING = (_FIELDS[name] for name in ("x", "y", "z", "sneaking", "sprinting"))
ON_GROUND, JUMPED, DUG = (_FIELDS[name] for name in ("on_ground", "jump_delay", "dig_delay"))

EACH_TICK = (
    "play_one_minute",
    "time_since_death",
    "sneak_time",
    "walk_one_cm",
    "crouch_one_cm",
    "sprint_one_cm",
    "jump",
    "deaths",
)
"""Flat statistics that are updated in every tick. The other flat ones rarely change or stay 0."""


def _zero_tree(full: bool) -> dict[str, Any]:
    """Returns ``{"stat": ..., "achievement": ...}`` with all counts 0, without those of ``EACH_TICK``."""
    stat: dict[str, Any] = {name: 0 for name in names.FLAT if name not in EACH_TICK}
    if full:
        crafted = names.CRAFTED + names.CRAFTED_BLOCKS + names.CRAFTED_TOOLS
        items = crafted + names.BLOCKS + names.TOOLS + names.FOUND
        of_items = {
            "use_item": items,
            "pickup": items,
            "drop": items,
            "craft_item": crafted,
            "mine_block": names.CRAFTED_BLOCKS + names.BLOCKS,
            "break_item": names.CRAFTED_TOOLS + names.TOOLS,
        }
        stat.update({kind: {"minecraft": dict.fromkeys(sorted(known), 0)} for kind, known in of_items.items()})
        stat.update({kind: dict.fromkeys(names.MOBS, 0) for kind in ("kill_entity", "entity_killed_by")})
    return {"stat": stat, "achievement": dict.fromkeys(names.ACHIEVEMENTS, 0)}


def _held(inventory: Array) -> Counter[str]:
    """Returns the number of items of each name in an inventory."""
    held: Counter[str] = Counter()
    for item, quantity, _ in inventory[inventory[:, 1] > 0].tolist():
        held[ITEMS[item].name] += quantity
    return held


class Statistics:
    """Counts what changes from one tick to the next.

    Args:
        full: Report all 1,819 statistics of Minecraft 1.11, or only the 84 that MineDojo's observations read.
        state: The world at the start of the mission.

    Attributes:
        flat: Name -> count of ``EACH_TICK``.
    """

    def __init__(self, full: bool, state: WorldState) -> None:
        self.flat = dict.fromkeys(EACH_TICK, 0)
        self._full = full
        self._tree = _zero_tree(full)
        self._written: tuple[str, str] | None = None
        self.resync(state)

    def resync(self, state: WorldState) -> None:
        """Takes over the state of a world that was edited from outside, without counting the changes."""
        self._blocks = state.blocks.copy()
        self._inventory = state.inventory.copy()
        self._kills = state.kills.copy()
        self._player = state.player.tolist()[0]

    def count_death(self) -> None:
        """Counts a death."""
        self.flat["deaths"] += 1
        self.flat["time_since_death"] = 0

    def tick(self, state: WorldState) -> None:
        """Counts the changes of one tick."""
        player, before, flat = state.player.tolist()[0], self._player, self.flat
        flat["play_one_minute"] += 1
        flat["time_since_death"] += 1
        if player[SNEAKING]:
            flat["sneak_time"] += 1
        if player[ON_GROUND] and (player[X] != before[X] or player[Z] != before[Z]):
            dx, dz = ((player[axis] - before[axis] + SIDE / 2) % SIDE - SIDE / 2 for axis in (X, Z))
            way = round(100 * (dx * dx + dz * dz) ** 0.5)
            kind = "crouch" if player[SNEAKING] else "sprint" if player[SPRINTING] else "walk"
            flat[f"{kind}_one_cm"] += way
        if player[JUMPED] == JUMP_DELAY and before[JUMPED] != JUMP_DELAY:
            flat["jump"] += 1
        if not np.array_equal(state.kills, self._kills):
            self._count_kills(state)
        if player[DUG] == DIG_DELAY or not np.array_equal(state.inventory, self._inventory):
            self._count_exchanges(state)
        self._player = player

    def _count_kills(self, state: WorldState) -> None:
        for kind in np.nonzero(state.kills != self._kills)[0].tolist():
            new = int(state.kills[kind] - self._kills[kind])
            self._tree["stat"]["mob_kills"] += new
            if self._full:
                self._tree["stat"]["kill_entity"][KINDS[kind].name] += new
            if KINDS[kind].hostile:
                self._tree["achievement"]["kill_enemy"] = 1
            if KINDS[kind].name == "cow":
                self._tree["achievement"]["kill_cow"] = 1
        self._kills[:] = state.kills
        self._written = None

    def _count_exchanges(self, state: WorldState) -> None:
        """Counts blocks that were mined or placed, and items that were picked up or dropped."""
        changed = np.nonzero(state.blocks != self._blocks)
        placed: Counter[str] = Counter()
        for was, now in zip(self._blocks[changed].tolist(), state.blocks[changed].tolist(), strict=True):
            if now == AIR and not LIQUID[was]:
                self._count("mine_block", BLOCKS[was].name, 1)
            elif now != AIR and not LIQUID[now]:
                placed[BLOCKS[now].name] += 1
        self._blocks[changed] = state.blocks[changed]
        fresh = (state.items["item"] != NO_ITEM) & (state.items["age"] == 1) & (state.items["delay"] == THROW_DELAY - 1)
        thrown = Counter(ITEMS[item].name for item in state.items["item"][fresh].tolist())
        gained = _held(state.inventory)
        gained.subtract(_held(self._inventory))
        for kind, counts in (("use_item", placed), ("drop", thrown)):
            for name, count in counts.items():
                self._count(kind, name, count)
                gained[name] += count
        for name, count in gained.items():
            self._count("pickup", name, count)
            if name == "log" and count > 0:
                self._tree["achievement"]["mine_wood"] = 1
        self._tree["stat"]["items_dropped"] += thrown.total()
        self._inventory[:] = state.inventory
        self._written = None

    def _count(self, kind: str, name: str, count: int) -> None:
        if self._full and count > 0:
            self._tree["stat"][kind]["minecraft"][name] += count

    @property
    def distance(self) -> int:
        """Distance that the player has walked, centimetres."""
        return self.flat["walk_one_cm"] + self.flat["crouch_one_cm"] + self.flat["sprint_one_cm"]

    def text(self) -> str:
        """Returns the statistics as members of a JSON object: ``"achievement": ..., "stat": ...``."""
        if self._written is None:
            achievement, stat = (json.dumps(self._tree[part]) for part in ("achievement", "stat"))
            self._written = f'"achievement": {achievement}, "stat": {{', stat[1:]
        before, after = self._written
        return before + ", ".join([f'"{name}": {count}' for name, count in self.flat.items()]) + ", " + after
