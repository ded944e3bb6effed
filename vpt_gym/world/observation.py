"""MineDojo's observations of this world: the same keys, shapes and dtypes as ``minedojo.make`` of a harvest task.

What this world does not model is reported as the constant that means the same: full health and food, day, no rain, a
forest, no tools nearby, no damage. Every observation has arrays of its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces

from vpt_gym.spaces import Strings, TextArray
from vpt_gym.world.blocks import AIR, BLOCKS, HEIGHT, MASK
from vpt_gym.world.compiled import kernel
from vpt_gym.world.interfaces import CRAFT_ITEMS
from vpt_gym.world.physics import EYE_HEIGHT, SNEAKING_EYE_HEIGHT, look
from vpt_gym.world.state import SLOTS, STACK, WorldState

Array = np.ndarray[Any, Any]
Observation = dict[str, Any]

EQUIPMENT_SLOTS = 6
"""Main hand, feet, legs, chest, head, off hand; only the hand can hold something here."""
DELTA_INCREASES, DELTA_DECREASES = 1, 4
VARIANTS = 121
FOREST = 4
"""Minecraft's biome id."""
NAME_LENGTH = 24
_AIR_NAME = "air"


def _box(low: float, high: float, shape: tuple[int, ...], dtype: Any = np.float32) -> spaces.Box:
    return spaces.Box(low, high, shape, dtype)


def _flag(dtype: Any = np.bool_) -> spaces.Box:
    return spaces.Box(0, 1, (), dtype)


def _slots_space(slots: int) -> spaces.Dict:
    return spaces.Dict(
        {
            "name": TextArray((slots,), NAME_LENGTH),
            "quantity": _box(0, STACK, (slots,)),
            "variant": spaces.MultiDiscrete([VARIANTS] * slots),
            "cur_durability": _box(-1, np.inf, (slots,)),
            "max_durability": _box(-1, np.inf, (slots,)),
        }
    )


def observation_space(height: int, width: int) -> spaces.Dict:
    """Returns the space of observations with frames of this size."""
    cells = (3, 3, 3)
    voxel_flags = ("is_collidable", "is_tool_not_required", "blocks_movement", "is_liquid", "is_solid", "can_burn")
    damage_flags = ("is_explosion", "is_fire_damage", "is_magic_damage", "is_projectile", "is_unblockable")
    changes: dict[str, spaces.Space[Any]] = {}
    for sign, size in (("inc", DELTA_INCREASES), ("dec", DELTA_DECREASES)):
        for cause in ("craft", "other"):
            changes[f"{sign}_name_by_{cause}"] = TextArray((size,), NAME_LENGTH)
            changes[f"{sign}_quantity_by_{cause}"] = _box(0, STACK, (size,))
    return spaces.Dict(
        {
            "rgb": spaces.Box(0, 255, (3, height, width), np.uint8),
            "inventory": _slots_space(SLOTS),
            "equipment": _slots_space(EQUIPMENT_SLOTS),
            "life_stats": spaces.Dict(
                {
                    **{name: _box(0, 20, (1,)) for name in ("life", "armor", "food", "saturation")},
                    "oxygen": _box(0, 300, (1,)),
                    "xp": _box(0, 1395, (1,)),
                    "is_sleeping": spaces.Discrete(2),
                }
            ),
            "location_stats": spaces.Dict(
                {
                    "pos": _box(-640000, 640000, (3,)),
                    "pitch": _box(-180, 180, (1,)),
                    "yaw": _box(-180, 180, (1,)),
                    "biome_id": _box(0, 167, (), np.int64),
                    "rainfall": _box(0, 1, (1,)),
                    "temperature": _box(0, 1, (1,)),
                    "can_see_sky": _flag(np.int64),
                    "is_raining": _flag(np.int64),
                    "light_level": _box(0, 15, (1,)),
                    "sky_light_level": _box(0, 1, (1,)),
                    "sun_brightness": _box(0, 1, (1,)),
                    "sea_level": _box(0, 255, (1,)),
                }
            ),
            "nearby_tools": spaces.Dict({"table": _flag(), "furnace": _flag()}),
            "damage_source": spaces.Dict(
                {
                    "damage_amount": _box(0, 40, (1,)),
                    "damage_distance": _box(0, np.inf, (1,)),
                    "damage_pitch": _box(-90, 90, (1,)),
                    "damage_yaw": _box(-180, 180, (1,)),
                    "hunger_damage": _box(0, 20, (1,)),
                    **{name: _flag() for name in damage_flags},
                }
            ),
            "voxels": spaces.Dict(
                {
                    "block_name": TextArray(cells, NAME_LENGTH),
                    "block_meta": _box(0, 120, cells, np.int64),
                    "cos_look_vec_angle": _box(-1, 1, cells),
                    **{name: spaces.Box(0, 1, cells, np.bool_) for name in (*voxel_flags, "blocks_light")},
                }
            ),
            "masks": spaces.Dict(
                {
                    "action_type": spaces.Box(0, 1, (8,), np.bool_),
                    "action_arg": spaces.Box(0, 1, (8, 1), np.bool_),
                    **{name: spaces.Box(0, 1, (SLOTS,), np.bool_) for name in ("equip", "place", "destroy")},
                    "craft_smelt": spaces.Box(0, 1, (CRAFT_ITEMS,), np.bool_),
                }
            ),
            "delta_inv": spaces.Dict(changes),
        }
    )


def _named(values: list[str]) -> Array:
    return np.array(values, f"<U{NAME_LENGTH}").view(Strings)


_BLOCK_NAMES = _named([kind.name for kind in BLOCKS])
_ITEM_NAMES = [kind.name.replace("_", " ") for kind in BLOCKS]
_VARIANTS = np.array([kind.variant for kind in BLOCKS], np.int64)
_SOLID = np.array([block != AIR for block in range(len(BLOCKS))], np.bool_)
_BARE_HAND = np.array([not kind.needs_tool for kind in BLOCKS], np.bool_)
_BURNS = np.array([kind.burns for kind in BLOCKS], np.bool_)
_NO_CELLS = np.zeros((3, 3, 3), np.bool_)

LIFE: dict[str, Any] = {
    **{name: np.array([20.0], np.float32) for name in ("life", "food")},
    **{name: np.array([0.0], np.float32) for name in ("armor", "xp")},
    "saturation": np.array([5.0], np.float32),
    "oxygen": np.array([300.0], np.float32),
    "is_sleeping": np.int64(0),
}
PLACE: dict[str, Array] = {
    "biome_id": np.array(FOREST, np.int64),
    "rainfall": np.array([0.8], np.float32),
    "temperature": np.array([0.7], np.float32),
    "is_raining": np.array(0, np.int64),
    "light_level": np.array([15.0], np.float32),
    "sky_light_level": np.array([1.0], np.float32),
    "sun_brightness": np.array([1.0], np.float32),
    "sea_level": np.array([0.0], np.float32),
}
_NO = np.array(False, np.bool_)
_TOOLS: dict[str, Array] = {"table": _NO, "furnace": _NO}
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
        blocks: The world.
        player: (1,) of ``PLAYER``.
        low_x: Where the box begins, relative to the cell of the feet.
        low_y: Likewise.
        low_z: Likewise.
        ids: (nx, ny, nz) int64 [x, y, z], block ids; written.
        cosines: (nx, ny, nz) float32, cosine between the view and the way from the eye to the cell's middle; written.
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


def _slots(blocks: Array, quantities: Array) -> dict[str, Array]:
    """Describes slots by block id and quantity, both (n,) int64."""
    held = quantities > 0
    names = [_ITEM_NAMES[block] if full else _AIR_NAME for block, full in zip(blocks, held, strict=True)]
    unbreakable = np.full(len(blocks), -1.0, np.float32)
    return {
        "name": _named(names),
        "quantity": np.array(quantities, np.float32),
        "variant": np.where(held, _VARIANTS[blocks], 0),
        "cur_durability": unbreakable,
        "max_durability": unbreakable,
    }


def _masks(inventory: Array, slot: int) -> dict[str, Array]:
    """Tells which functional actions of the ``minedojo`` interface can do something."""
    held = inventory[:, 1] > 0
    other = held.copy()
    other[slot] = False  # what is in the hand is equipped already
    types = [True, True, held[slot], True, False, other.any(), held.any(), held.any()]
    return {
        "action_type": np.array(types, np.bool_),
        "action_arg": np.arange(8)[:, None] >= 4,
        "equip": np.array(other, np.bool_),
        "place": np.array(held, np.bool_),
        "destroy": np.array(held, np.bool_),
        "craft_smelt": np.zeros(CRAFT_ITEMS, np.bool_),
    }


def _totals(inventory: Array) -> dict[str, int]:
    totals: dict[str, int] = {}
    for block, quantity in inventory:
        if quantity > 0:
            totals[_ITEM_NAMES[block]] = totals.get(_ITEM_NAMES[block], 0) + int(quantity)
    return totals


def _delta(before: dict[str, int], now: dict[str, int]) -> dict[str, Array]:
    """Tells what was gained and lost in a step; nothing is ever crafted here."""
    change = {name: now.get(name, 0) - before.get(name, 0) for name in (*before, *now)}
    gained = [(name, n) for name, n in change.items() if n > 0]
    lost = [(name, -n) for name, n in change.items() if n < 0]
    result: dict[str, Array] = {}
    for sign, size, changes in (("inc", DELTA_INCREASES, gained), ("dec", DELTA_DECREASES, lost)):
        for cause, listed in (("craft", []), ("other", changes[:size])):
            rows = listed + [(_AIR_NAME, 0)] * (size - len(listed))
            result[f"{sign}_name_by_{cause}"] = _named([name for name, _ in rows])
            result[f"{sign}_quantity_by_{cause}"] = np.array([n for _, n in rows], np.float32)
    return result


def _fresh(parts: dict[str, Any]) -> dict[str, Any]:
    """Returns a dict with copies of the arrays of another."""
    return {name: array.copy() for name, array in parts.items()}


class Observer:
    """Builds observations of one world; what did not change since the last one is copied, not made again."""

    def __init__(self) -> None:
        self._ids = np.zeros((3, 3, 3), np.int64)
        self.reset()

    def reset(self) -> None:
        """Forgets the episode before."""
        self._inventory_key = b""
        self._slots_obs: dict[str, dict[str, Array]] = {}
        self._totals: dict[str, int] = {}
        self._delta_is_news = False
        self._voxel_key = b""
        self._voxels: dict[str, Array] = {}

    def observe(self, state: WorldState, frame: Array) -> Observation:
        """Returns the observation of a state; ``frame`` is its (3, H, W) uint8 picture."""
        self._update_inventory(state)
        player = state.player
        x, y, z = float(player["x"][0]), float(player["y"][0]), float(player["z"][0])
        eye = y + EYE_HEIGHT
        covered = float(state.tops[int(x) & MASK, int(z) & MASK]) > eye
        slots = self._slots_obs
        return {
            "rgb": frame,
            "inventory": _fresh(slots["inventory"]),
            "equipment": _fresh(slots["equipment"]),
            "life_stats": _fresh(LIFE),
            "location_stats": {
                **_fresh(PLACE),
                "pos": np.array((x, y, z), np.float32),
                "pitch": player["pitch"].astype(np.float32),
                "yaw": player["yaw"].astype(np.float32),
                "can_see_sky": np.array(0 if covered else 1),
            },
            "nearby_tools": _fresh(_TOOLS),
            "damage_source": _fresh(_NO_DAMAGE),
            "voxels": self._look(state),
            "masks": _fresh(slots["masks"]),
            "delta_inv": _fresh(slots["delta_inv"]),
        }

    def _update_inventory(self, state: WorldState) -> None:
        slot = int(state.player["slot"][0])
        key = state.inventory.tobytes() + bytes((slot,))
        if key == self._inventory_key:
            if self._delta_is_news:
                self._slots_obs["delta_inv"] = _delta({}, {})
                self._delta_is_news = False
            return
        inventory = state.inventory
        totals = _totals(inventory)
        before = self._totals if self._inventory_key else totals
        hand = np.zeros((EQUIPMENT_SLOTS, 2), np.int64)
        hand[0] = inventory[slot]
        self._slots_obs = {
            "inventory": _slots(inventory[:, 0], inventory[:, 1]),
            "equipment": _slots(hand[:, 0], hand[:, 1]),
            "masks": _masks(inventory, slot),
            "delta_inv": _delta(before, totals),
        }
        self._inventory_key, self._totals, self._delta_is_news = key, totals, True

    def _look(self, state: WorldState) -> dict[str, Array]:
        cosines = np.empty((3, 3, 3), np.float32)
        look_around(state.blocks, state.player, -1, -1, -1, self._ids, cosines)
        key = self._ids.tobytes()
        if key != self._voxel_key:
            ids = self._ids
            solid = _SOLID[ids]
            self._voxels = {
                "block_name": _BLOCK_NAMES[ids],
                "block_meta": _VARIANTS[ids],
                "is_collidable": solid,
                "is_tool_not_required": _BARE_HAND[ids],
                "blocks_movement": solid,
                "is_liquid": _NO_CELLS,
                "is_solid": solid,
                "can_burn": _BURNS[ids],
                "blocks_light": solid,
            }
            self._voxel_key = key
        return {**_fresh(self._voxels), "cos_look_vec_angle": cosines}
