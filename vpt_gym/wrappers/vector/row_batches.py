"""Rows of what vector environments take and return: parts of a batch, put together from the batches of several."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Dict, Tuple
from gymnasium.vector.utils import concatenate, create_empty_array, iterate


def rows_of(space: gym.Space[Any], batch: Any, rows: slice, total: int) -> Any:
    """Returns some rows of a batch.

    Args:
        space: Space of one row.
        batch: ``total`` rows, batched as Gymnasium does.
        rows: Which ones.
        total: How many rows there must be.

    Raises:
        ValueError: There are more or fewer rows.
    """
    if isinstance(space, Dict):
        return {name: rows_of(part, batch[name], rows, total) for name, part in space.spaces.items()}
    if isinstance(space, Tuple):
        parts = zip(space.spaces, batch, strict=True)
        return tuple(rows_of(part, values, rows, total) for part, values in parts)
    if len(batch) != total:
        raise ValueError(f"the argument has {len(batch)} rows; there are {total} environments, so it must have {total}")
    return batch[rows]


def write_rows(batch: Any, rows: slice, values: Any) -> None:
    """Writes rows to a batch of arrays, or dicts of them."""
    if isinstance(batch, dict):
        for name, part in batch.items():
            write_rows(part, rows, values[name])
    else:
        batch[rows] = values


def copied(batch: Any) -> Any:
    """Returns a copy of an array, or of a dict of them (``deepcopy`` takes several times as long)."""
    return {name: copied(part) for name, part in batch.items()} if isinstance(batch, dict) else batch.copy()


def joined(space: gym.Space[Any], batches: list[tuple[int, Any]]) -> Any:
    """Returns the batch of all rows of several batches.

    Args:
        space: Space of one row.
        batches: Number of rows, and the rows, of each.
    """
    items: list[Any] = []
    for count, batch in batches:
        items += iterate(gym.vector.utils.batch_space(space, count), batch)
    empty: Any = create_empty_array(space, len(items))
    return concatenate(space, items, empty)


def add_infos(infos: dict[str, Any], part: dict[str, Any], rows: slice, total: int) -> None:
    """Adds the infos of some environments to those of all; rows without an entry are 0, None where it is an object.

    The masks of Gymnasium (``_key``) are entries like others, so they are False there.

    Args:
        infos: Of all environments; changed.
        part: Of the environments in ``rows``: arrays with one row for each of them, or dicts of such.
        rows: Which environments.
        total: Number of all environments.

    Raises:
        TypeError: An entry is not such an array.
    """
    count = rows.stop - rows.start
    for name, value in part.items():
        if isinstance(value, dict):
            add_infos(infos.setdefault(name, {}), value, rows, total)
            continue
        if not isinstance(value, np.ndarray) or value.shape[:1] != (count,):
            raise TypeError(
                f"infos[{name!r}] of a vector environment is {value!r}; it must be an array with {count} rows, one for "
                "each of its environments"
            )
        if name not in infos:
            empty = None if value.dtype.hasobject else np.zeros((), value.dtype)
            infos[name] = np.full((total, *value.shape[1:]), empty, value.dtype)
        infos[name][rows] = value
