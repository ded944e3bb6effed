"""Reads JSON from files and from options that nobody vouches for, and compares values with what is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

MOST_NESTED = 200
"""Containers in containers. Functions that walk through a value call themselves for each level, once or twice, and
Python allows about 1,000 calls within each other."""


def parse_json(content: str | bytes) -> Any:
    """Returns the value of a JSON text.

    Raises:
        ValueError: It is not JSON, or is nested deeper than ``MOST_NESTED``.
    """
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if is_nested_deeper(value, content, MOST_NESTED):
        raise ValueError(f"it is nested too deeply, more than {MOST_NESTED} levels")
    return value


def as_read(value: Any, default: Callable[[Any], Any] | None = None) -> Any:
    """Returns a value as it would be read from a file that it was written to: tuples as lists, keys as texts.

    Args:
        value: The value.
        default: Returns what is written for a value that JSON does not have; None: that is a TypeError.
    """
    return json.loads(json.dumps(value, default=default))


def is_nested_deeper(value: Any, text: str | bytes, most: int) -> bool:
    """Returns whether containers are nested deeper than ``most`` levels, without looking at most values.

    Args:
        value: The value of a JSON text.
        text: The text, which has a bracket for each container.
        most: The most levels.
    """
    brackets = text if isinstance(text, bytes) else text.encode(errors="replace")
    opened = brackets.count(b"[") + brackets.count(b"{")
    return opened > most and nesting(value, most) > most


def nesting(value: Any, most: int) -> int:
    """Returns how deep mappings, lists and tuples are nested in each other; ``most + 1`` if it is deeper."""
    level, depth = [value], 0
    while depth <= most and (level := [one for one in level if isinstance(one, Mapping | list | tuple)]):
        inner = {id(one): one for many in level for one in (many.values() if isinstance(many, Mapping) else many)}
        level, depth = list(inner.values()), depth + 1
    return depth
