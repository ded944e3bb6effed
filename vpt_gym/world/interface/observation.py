"""MineDojo's observations of this world: the same keys with the same meaning.

Keys for armour, experience and sleep, which this world lacks, have the constant value for none. Damage is always zero,
as in MineDojo, whose Python code looks for it in the wrong place. Observations share no arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vpt_gym.spaces import Strings
from vpt_gym.world.catalog.blocks import AIR, BLOCKS, HAND, HEIGHT, MASK
from vpt_gym.world.catalog.items import DURABILITY, FIRST_NON_BLOCK, ITEM_COUNT, ITEMS, MAX_STACK
from vpt_gym.world.core.geometry import EYE_HEIGHT, SNEAKING_EYE_HEIGHT, look
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.interface.facts import facts_of
from vpt_gym.world.interface.observation_space import (
    DELTA_DECREASES,
    DELTA_INCREASES,
    EQUIPMENT_SLOTS,
    NAME_LENGTH,
    PARTS,
)
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.rules.crafting import CRAFTS, MINEDOJO_NUMBERS, NEARBY_FURNACE, NEARBY_TABLE, Craft, craftable

Array = np.ndarray[Any, Any]
Observation = dict[str, Any]


def _named(values: list[str]) -> Array:
    return np.array(values, f"<U{NAME_LENGTH}").view(Strings)


_AIR_NAME = "air"
_BLOCK_NAMES = _named([kind.name for kind in BLOCKS])
_ITEM_NAMES = [ITEMS[item].name.replace("_", " ") if item in ITEMS else _AIR_NAME for item in range(ITEM_COUNT)]
_ITEM_VARIANTS = np.array([ITEMS[item].variant if item in ITEMS else 0 for item in range(ITEM_COUNT)], np.int64)
_BLOCK_VARIANTS = np.array([kind.variant for kind in BLOCKS], np.int64)
_VOXEL_FLAGS: dict[str, Array] = {
    "is_collidable": np.array([kind.solid for kind in BLOCKS], np.bool_),
    "is_tool_not_required": np.array([kind.tier == HAND for kind in BLOCKS], np.bool_),
    "blocks_movement": np.array([kind.solid for kind in BLOCKS], np.bool_),
    "is_liquid": np.array([kind.liquid for kind in BLOCKS], np.bool_),
    "is_solid": np.array([kind.solid for kind in BLOCKS], np.bool_),
    "can_burn": np.array([kind.burns for kind in BLOCKS], np.bool_),
    "blocks_light": np.array([block != AIR and not kind.plant for block, kind in enumerate(BLOCKS)], np.bool_),
}
"""Properties of Minecraft's materials: bedrock and stone need a tool, leaves are solid, water blocks light only."""

_NO = np.array(False, np.bool_)
_NO_DAMAGE: dict[str, Array] = {
    **{
        name: np.array([0.0], np.float32)
        for name in ("damage_amount", "damage_distance", "damage_pitch", "damage_yaw", "hunger_damage")
    },
    **dict.fromkeys(("is_explosion", "is_fire_damage", "is_magic_damage", "is_projectile", "is_unblockable"), _NO),
}


@kernel
def look_around(blocks: Any, player: Any, low_x: int, low_y: int, low_z: int, ids: Any, cosines: Any) -> None:
    """Writes the cells of a box around the player's feet.

    Args:
        blocks: ``World.blocks``.
        player: (1,) of ``PLAYER``.
        low_x: Lower corner of the box, relative to the cell of the feet.
        low_y: See ``low_x``.
        low_z: See ``low_x``.
        ids: (nx, ny, nz) int64 [x, y, z], block ids; written.
        cosines: (nx, ny, nz) float32, cosine of the angle between the view and the direction from the eye to the
            middle of the cell; written.
    """
    p = player[0]
    dx, dy, dz = look(p.yaw, p.pitch)
    eye = SNEAKING_EYE_HEIGHT if p.sneaking else EYE_HEIGHT
    first_x = math.floor(p.x) + low_x
    first_y = math.floor(p.y) + low_y
    first_z = math.floor(p.z) + low_z
    for i in range(ids.shape[0]):
        for j in range(ids.shape[1]):
            for k in range(ids.shape[2]):
                x = first_x + i
                y = first_y + j
                z = first_z + k
                ids[i, j, k] = blocks[x & MASK, z & MASK, y] if 0 <= y < HEIGHT else AIR
                vx = x + 0.5 - p.x
                vy = y + 0.5 - p.y - eye
                vz = z + 0.5 - p.z
                size = math.sqrt(vx * vx + vy * vy + vz * vz)
                cosine = (vx * dx + vy * dy + vz * dz) / max(size, 1e-9)
                cosines[i, j, k] = min(1.0, max(-1.0, cosine))


def _slots(stacks: Array) -> dict[str, Array]:
    """Describes slots, (n, 3) int64: item id, quantity, wear."""
    held = stacks[:, 1] > 0
    ids = np.where(held, stacks[:, 0], 0)
    lasts = held & (DURABILITY[ids] > 0)
    return {
        "name": _named([_ITEM_NAMES[item] for item in ids]),
        "quantity": np.array(stacks[:, 1], np.float32),
        "variant": _ITEM_VARIANTS[ids],
        "cur_durability": np.where(lasts, DURABILITY[ids] - stacks[:, 2], -1).astype(np.float32),
        "max_durability": np.where(lasts, DURABILITY[ids], -1).astype(np.float32),
    }


def _masks(inventory: Array, slot: int, craft_smelt: Array) -> dict[str, Array]:
    """Returns masks of the functional actions of the ``minedojo`` interface that would have an effect."""
    held = inventory[:, 1] > 0
    other = held.copy()
    other[slot] = False  # it is in the hand already
    placeable = held & (inventory[:, 0] < FIRST_NON_BLOCK)
    crafts = bool(craft_smelt.any()) and not held.all()
    types = [True, True, held[slot], True, crafts, other.any(), placeable.any(), held.any()]
    return {
        "action_type": np.array(types, np.bool_),
        "action_arg": np.arange(8)[:, None] >= 4,
        "equip": np.array(other, np.bool_),
        "place": np.array(placeable, np.bool_),
        "destroy": np.array(held, np.bool_),
        "craft_smelt": craft_smelt,
    }


def _totals(inventory: Array) -> dict[str, int]:
    totals: dict[str, int] = {}
    for item, quantity in inventory[:, :2].tolist():
        if quantity > 0:
            name = ITEMS[item].name
            totals[name] = totals.get(name, 0) + quantity
    return totals


def _delta(before: dict[str, int], now: dict[str, int], craft: Craft | None) -> dict[str, Array]:
    """Returns the items gained and lost in a step, and whether by crafting, by MineDojo's rules.

    Of several items the first in the alphabet are reported, with underscores in their names, unlike in the inventory.
    Of more than ``MAX_STACK`` items of a kind, as many are reported: a larger number is not in MineDojo's space.
    Gains count as crafted if they include the item of ``craft``, the craft that was requested and possible. Losses
    count as crafted if they include all ingredients of one of its recipes.
    """
    change = {name: now.get(name, 0) - before.get(name, 0) for name in sorted({*before, *now})}
    gained = [(name, n) for name, n in change.items() if n > 0][:DELTA_INCREASES]
    lost = [(name, -n) for name, n in change.items() if n < 0][:DELTA_DECREASES]
    made = craft is not None and craft.name in dict(gained)
    used = craft is not None and any(
        {ITEMS[kinds[0]].name for kinds, _ in ingredients} <= dict(lost).keys() for *_, ingredients in craft.options
    )
    result: dict[str, Array] = {}
    for sign, size, changes, by_craft in (("inc", DELTA_INCREASES, gained, made), ("dec", DELTA_DECREASES, lost, used)):
        for cause, applies in (("craft", by_craft), ("other", not by_craft)):
            rows = changes if applies else []
            rows = rows + [(_AIR_NAME, 0)] * (size - len(rows))
            result[f"{sign}_name_by_{cause}"] = _named([name for name, _ in rows])
            result[f"{sign}_quantity_by_{cause}"] = np.array([min(n, MAX_STACK) for _, n in rows], np.float32)
    return result


def _copied(parts: dict[str, Any]) -> dict[str, Any]:
    """Returns a dict with copies of the arrays of ``parts``."""
    return {name: array.copy() for name, array in parts.items()}


def _single(value: float) -> Array:
    return np.array((value,), np.float32)


def _life_stats(facts: Any) -> dict[str, Any]:
    return {
        "life": _single(facts.life),
        "armor": _single(0.0),
        "food": _single(facts.food),
        "saturation": _single(facts.saturation),
        "oxygen": _single(facts.oxygen),
        "xp": _single(0.0),
        "is_sleeping": np.int64(0),
    }


def _location_stats(facts: Any) -> dict[str, Any]:
    return {
        "pos": np.array((facts.x, facts.y, facts.z), np.float32),
        "pitch": _single(facts.pitch),
        "yaw": _single(facts.yaw),
        "biome_id": np.array(int(facts.biome_id)),
        "rainfall": _single(facts.rainfall),
        "temperature": _single(min(1.0, facts.temperature)),
        "can_see_sky": np.array(int(facts.can_see_sky)),
        "is_raining": np.array(int(facts.is_raining)),
        "light_level": _single(facts.light_level),
        "sky_light_level": _single(facts.sky_light_level),
        "sun_brightness": _single(facts.sun_brightness),
        "sea_level": _single(facts.sea_level),
    }


def _nearby_tools(facts: Any) -> dict[str, Any]:
    stations = int(facts.stations)
    return {
        "table": np.array(bool(stations & NEARBY_TABLE)),
        "furnace": np.array(bool(stations & NEARBY_FURNACE)),
    }


_OF_FACTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "life_stats": _life_stats,
    "location_stats": _location_stats,
    "nearby_tools": _nearby_tools,
}
"""Parts of an observation that the facts alone determine."""
_OF_SLOTS = frozenset(("inventory", "equipment", "masks", "delta_inv"))
"""Parts that are built again only when the inventory has changed."""


class Observer:
    """Builds observations of one world; parts that did not change since the last one are copied, not rebuilt.

    Args:
        parts: Keys of the observations, of ``PARTS``.
    """

    def __init__(self, parts: Sequence[str] = PARTS) -> None:
        self._parts = tuple(parts)
        self._reads_slots = not _OF_SLOTS.isdisjoint(parts)
        self._ids = np.zeros((3, 3, 3), np.int64)
        self.reset()

    def reset(self) -> None:
        """Forgets the previous episode."""
        self._inventory_key = b""
        self._slots_obs: dict[str, dict[str, Array]] = {}
        self._totals: dict[str, int] = {}
        self._has_delta = False
        self._voxel_key = b""
        self._voxels: dict[str, Array] = {}

    def observe(self, state: WorldState, frame: Array, craft: int = -1) -> Observation:
        """Returns the observation of a state.

        Args:
            state: The state.
            frame: (3, H, W) uint8, the frame of the state.
            craft: The craft that the step requested, an index into ``CRAFTS``, or -1.
        """
        facts = facts_of(state.world) if len(self._parts) > 1 else None
        if self._reads_slots:
            assert facts is not None
            self._update_inventory(state, int(facts.stations), int(facts.slot), craft)
        return {name: frame if name == "rgb" else self._part(name, state, facts) for name in self._parts}

    def _part(self, name: str, state: WorldState, facts: Any) -> dict[str, Any]:
        if name in _OF_SLOTS:
            return _copied(self._slots_obs[name])
        if name == "voxels":
            return self._look(state)
        return _copied(_NO_DAMAGE) if name == "damage_source" else _OF_FACTS[name](facts)

    def _update_inventory(self, state: WorldState, stations: int, slot: int, craft: int) -> None:
        key = state.inventory.tobytes() + bytes((slot, stations))
        if key == self._inventory_key:
            if self._has_delta:
                self._slots_obs["delta_inv"] = _delta({}, {}, None)
                self._has_delta = False
            return
        world, inventory = state.world, state.inventory
        totals = _totals(inventory)
        before = self._totals if self._inventory_key else totals
        asked = CRAFTS[craft] if craft >= 0 and self._could_be_made(CRAFTS[craft]) else None
        hand = np.zeros((EQUIPMENT_SLOTS, 3), np.int64)
        hand[0] = inventory[slot]
        self._slots_obs = {
            "inventory": _slots(inventory),
            "equipment": _slots(hand),
            "masks": _masks(inventory, slot, craftable(world, stations)),
            "delta_inv": _delta(before, totals, asked),
        }
        self._inventory_key, self._totals, self._has_delta = key, totals, True

    def _could_be_made(self, craft: Craft) -> bool:
        """Returns whether the last observation reported a craft as possible."""
        return bool(self._slots_obs["masks"]["craft_smelt"][MINEDOJO_NUMBERS[craft.name]])

    def _look(self, state: WorldState) -> dict[str, Array]:
        cosines = np.empty((3, 3, 3), np.float32)
        look_around(state.blocks, state.player, -1, -1, -1, self._ids, cosines)
        key = self._ids.tobytes()
        if key != self._voxel_key:
            ids = self._ids
            self._voxels = {"block_name": _BLOCK_NAMES[ids], "block_meta": _BLOCK_VARIANTS[ids]}
            self._voxels.update((name, values[ids]) for name, values in _VOXEL_FLAGS.items())
            self._voxel_key = key
        return {**_copied(self._voxels), "cos_look_vec_angle": cosines}
