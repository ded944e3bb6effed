"""Parses the JSON that the game sends with each tick: 41 kB, mostly statistics that rarely change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_COUNTS = re.compile(r'\{\s*(?:"[\w.:]+"\s*:\s*-?\d+\s*,\s*){30,}"[\w.:]+"\s*:\s*-?\d+\s*\}')
"""A long object of integers, such as how often each item was picked up."""
_STAND_IN = "NaN"


class InfoParser:
    """Parses JSON with the results of ``json.loads``, but skips long objects that are the same as in the last text.

    A long object of counts that is in both texts is replaced by ``NaN``. The parser calls a hook for it, which returns
    a copy of the object's last value. Such an object begins with a quoted name, so that in valid JSON its text cannot
    be part of a string.
    """

    def __init__(self) -> None:
        self._known: list[_Object] | None = None
        self._copies: Iterator[dict[str, int]] = iter(())
        self._decoder = json.JSONDecoder(parse_constant=self._constant)

    def __call__(self, payload: bytes) -> Any:
        """Returns the value of a JSON text in UTF-8.

        Raises:
            ValueError: The text is not JSON.
        """
        text = payload.decode()
        if self._known is None:
            return self._learn(text)
        if not self._known or _STAND_IN in text:
            return json.loads(text)
        pieces, end = [], 0
        for k, known in enumerate(self._known):
            start = text.find(known.head, end)
            if start < 0:
                return self._learn(text)
            if not text.startswith(known.text, start):
                changed = _COUNTS.match(text, start)
                if changed is None:
                    return self._learn(text)
                known = self._known[k] = _Object.parse(changed[0])
            pieces.append(text[end:start])
            end = start + len(known.text)
        self._copies = (known.value.copy() for known in self._known)
        return self._decoder.decode(_STAND_IN.join((*pieces, text[end:])))

    def _learn(self, text: str) -> Any:
        self._known = [_Object.parse(found) for found in _COUNTS.findall(text)]
        return json.loads(text)

    def _constant(self, name: str) -> Any:
        return next(self._copies) if name == _STAND_IN else float(name)


class _Object(NamedTuple):
    head: str
    """The text up to the first colon, to search for: a search for the complete text takes ten times as long."""
    text: str
    value: dict[str, int]

    @staticmethod
    def parse(text: str) -> _Object:
        return _Object(text[: text.index(":") + 1], text, json.loads(text))
