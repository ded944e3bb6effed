"""The space of MineDojo's observations: the same keys, shapes and dtypes as ``minedojo.make`` of a harvest task."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from vpt_gym.spaces import TextArray
from vpt_gym.system.did_you_mean import did_you_mean
from vpt_gym.system.printable import shown
from vpt_gym.world.catalog.items import MAX_STACK
from vpt_gym.world.core.state import SLOTS
from vpt_gym.world.rules.crafting import CRAFT_ACTIONS

EQUIPMENT_SLOTS = 6
"""Main hand, feet, legs, chest, head, off hand; in this world only the main hand holds items."""
DELTA_INCREASES, DELTA_DECREASES = 1, 4
"""Numbers of items that ``delta_inv`` can name."""
PARTS = (
    "rgb",
    "inventory",
    "equipment",
    "life_stats",
    "location_stats",
    "nearby_tools",
    "damage_source",
    "voxels",
    "masks",
    "delta_inv",
)
"""Keys of an observation."""
VARIANTS = 121
NAME_LENGTH = 24


def _box(low: float, high: float, shape: tuple[int, ...], dtype: Any = np.float32) -> spaces.Box:
    return spaces.Box(low, high, shape, dtype)


def _flag(dtype: Any = np.bool_) -> spaces.Box:
    return spaces.Box(0, 1, (), dtype)


def _slots_space(slots: int) -> spaces.Dict:
    return spaces.Dict(
        {
            "name": TextArray((slots,), NAME_LENGTH),
            "quantity": _box(0, MAX_STACK, (slots,)),
            "variant": spaces.MultiDiscrete([VARIANTS] * slots),
            "cur_durability": _box(-1, np.inf, (slots,)),
            "max_durability": _box(-1, np.inf, (slots,)),
        }
    )


def chosen_parts(names: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the keys of an observation that a user chose, in the order of ``PARTS``; None is all of them.

    Raises:
        ValueError: A name is not in ``PARTS``, or ``"rgb"`` is not among them.
    """
    if names is None:
        return PARTS
    if isinstance(names, str) or not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f'observations is {shown(names)}; it must be a sequence of keys, such as ["rgb", "life_stats"]'
        )
    for name in names:
        if name not in PARTS:
            near = did_you_mean(name, PARTS)
            raise ValueError(f"observations has {shown(name)}{near}; the keys are {', '.join(PARTS)}")
    if "rgb" not in names:
        raise ValueError(f'observations is {shown(names)}; it must have "rgb", the frame')
    return tuple(name for name in PARTS if name in names)


def observation_space(height: int, width: int, parts: Sequence[str] = PARTS) -> spaces.Dict:
    """Returns the space of observations with some parts, and frames of ``height`` x ``width`` pixels."""
    cells = (3, 3, 3)
    voxel_flags = ("is_collidable", "is_tool_not_required", "blocks_movement", "is_liquid", "is_solid", "can_burn")
    damage_flags = ("is_explosion", "is_fire_damage", "is_magic_damage", "is_projectile", "is_unblockable")
    changes: dict[str, spaces.Space[Any]] = {}
    for sign, size in (("inc", DELTA_INCREASES), ("dec", DELTA_DECREASES)):
        for cause in ("craft", "other"):
            changes[f"{sign}_name_by_{cause}"] = TextArray((size,), NAME_LENGTH)
            changes[f"{sign}_quantity_by_{cause}"] = _box(0, MAX_STACK, (size,))
    complete: dict[str, spaces.Space[Any]] = {
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
                "craft_smelt": spaces.Box(0, 1, (CRAFT_ACTIONS,), np.bool_),
            }
        ),
        "delta_inv": spaces.Dict(changes),
    }
    return spaces.Dict({name: complete[name] for name in parts})
