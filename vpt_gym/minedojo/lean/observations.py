"""Makes MineDojo's observations from the game's JSON as its own handlers do, in half the time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from vpt_gym.minedojo.lean.originals import inherited_original, original_method

Raw = dict[str, Any]
"""The game's data of one tick: its JSON, and the frame's bytes under ``"pov"``."""
Reader = Callable[[Raw], Any]
"""Makes one entry of the observation, which shares no memory with the game's data."""

SCALARS = frozenset((bool, int, float, str, type(None)))
"""Types of immutable values in JSON."""
_EXACT = 2**53
"""Up to this integer, every integer is exact as float64."""


def reader(handler: Any) -> Reader:
    """Returns the reader of one observation: the same values, shapes and dtypes as ``handler.from_hero`` returns.

    A handler that is not MineDojo's own is called itself.
    """
    method = original_method(handler, "from_hero")
    make = _READERS.get(method) if method is not None else None
    return (make(handler) if make is not None else None) or _by_handler(handler)


def _by_handler(handler: Any) -> Reader:
    return lambda raw: copy.deepcopy(handler.from_hero(raw))


def _group(handler: Any) -> Reader:
    readers = {part.to_string(): reader(part) for part in handler.handlers}

    def one_by_one(raw: Raw) -> Any:
        return {name: read(raw) for name, read in readers.items()}

    paths = [tuple(part.hero_keys) for part in handler.handlers if _is_scalar(part) and len(part.hero_keys) == 2]
    if len(paths) < len(readers):
        return one_by_one

    def together(raw: Raw) -> Any:
        try:
            values = [raw[section][name] for section, name in paths]
        except (KeyError, TypeError):
            return one_by_one(raw)
        if not SCALARS.issuperset(map(type, values)):
            return one_by_one(raw)
        return dict(zip(readers, map(np.array, values), strict=True))

    return together


def _is_scalar(handler: Any) -> bool:
    return (original_method(handler, "from_hero"), original_method(handler, "walk_dict")) == (
        "KeymapTranslationHandler.from_hero",
        "KeymapTranslationHandler.walk_dict",
    )


def _scalar(handler: Any) -> Reader | None:
    if not _is_scalar(handler):
        return None
    path = tuple(handler.hero_keys)
    missing = _missing(handler)

    def read(raw: Raw) -> Any:
        value: Any = raw
        try:
            for key in path:
                value = value[key]
        except (KeyError, TypeError):
            return missing(raw)
        return np.array(value) if type(value) in SCALARS else copy.deepcopy(handler.from_hero(raw))

    return read


def _scalar_in_array(handler: Any) -> Reader | None:
    """Like ``_scalar``, with shape (1,) and the dtype of the space."""
    known = inherited_original(handler, "from_hero") and original_method(handler, "walk_dict")
    dtype = handler.space.dtype
    if not known or len(handler.hero_keys) != 1 or dtype.kind != "f":
        return None
    (key,) = handler.hero_keys
    missing = _missing(handler)

    def read(raw: Raw) -> Any:
        if key not in raw:
            return missing(raw)
        value = raw[key]
        kind = type(value)
        if kind is float or kind is bool or (kind is int and -_EXACT <= value <= _EXACT):
            return np.array([value], dtype)
        return handler.from_hero(raw)

    return read


def _missing(handler: Any) -> Reader:
    """Returns the reader of an entry that the game does not send; the handler logs it once."""
    if not handler.ignore_missing or handler.default_if_missing is None:
        return _by_handler(handler)
    default = handler.from_hero({})
    return lambda raw: default.copy()


def _frame(handler: Any) -> Reader:
    shape = (handler.video_height, handler.video_width, handler.video_depth)
    size = int(np.prod(shape))

    def read(raw: Raw) -> Any:
        data = np.frombuffer(raw["pov"], np.uint8) if "pov" in raw else np.empty(0, np.uint8)
        if data.size != size:
            return handler.from_hero(raw)  # which raises
        # the game sends the lowest row first; the copy has no negative strides
        return data.reshape(shape)[::-1].copy().transpose(2, 0, 1)

    return read


def _inventory(handler: Any) -> Reader | None:
    if original_method(handler, "_name_preprocess") is None:
        return None
    n_slots = handler.n_slots + len(handler.excluded_slots)
    kept = [slot for slot in range(n_slots) if slot not in handler.excluded_slots]
    fields = [(name, handler.space[name].dtype, handler.space[name].shape) for name in handler.space]

    def read(raw: Raw) -> Any:
        slots = [slot for slot in raw.get("inventory", ()) if slot["inventory"] == "inventory"]
        if len(slots) != n_slots:
            return handler.from_hero(raw)  # which raises
        slots = [slots[slot] for slot in kept]
        columns = {name: [slot[name] for slot in slots] for name, _, _ in fields}
        columns["name"] = [name.replace("_", " ") for name in columns["name"]]
        return {name: np.array(columns[name], dtype).reshape(shape) for name, dtype, shape in fields}

    return read


def _nearby_tools(handler: Any) -> Reader:
    return lambda raw: {
        "table": np.array(raw["nearby_crafting_table"], bool),
        "furnace": np.array(raw["nearby_furnace"], bool),
    }


def _voxels(handler: Any) -> Reader:
    fields = [(name, handler.space[name].dtype, handler.space[name].shape) for name in handler._key_list]
    size = len(fields) * int(np.prod(handler.grid_size))
    source = handler.hero_keys[0]

    def read(raw: Raw) -> Any:
        cells = raw[source]
        if len(cells) != size:
            return handler.from_hero(raw)  # which raises
        return {
            name: np.array(cells[field :: len(fields)], dtype).reshape(shape, order="F")
            for field, (name, dtype, shape) in enumerate(fields)
        }

    return read


def _rays(handler: Any) -> Reader:
    fields = [(name, handler.space[name].dtype, handler.space[name].shape) for name in handler._key_list]
    size = len(fields) * handler.num_rays
    source = handler.hero_keys[0]

    def read(raw: Raw) -> Any:
        rays = raw[source]
        if len(rays) != size:
            return handler.from_hero(raw)  # which raises
        columns = {name: rays[field :: len(fields)] for field, (name, _, _) in enumerate(fields)}
        columns["entity_name"] = [handler._map_entity_name(name) for name in columns["entity_name"]]
        return {name: np.array(columns[name], dtype).reshape(shape) for name, dtype, shape in fields}

    return read


_READERS: dict[str, Callable[[Any], Reader | None]] = {
    "TranslationHandlerGroup.from_hero": _group,
    "KeymapTranslationHandler.from_hero": _scalar,
    "LifeStatsObservation.from_hero": _scalar_in_array,
    "POVObservation.from_hero": _frame,
    "TrueFlatInventoryObservation.from_hero": _inventory,
    "NearbyToolsObservation.from_hero": _nearby_tools,
    "VoxelObservation.from_hero": _voxels,
    "RichLidarObservation.from_hero": _rays,
}
