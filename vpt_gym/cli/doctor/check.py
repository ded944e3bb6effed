"""One line of the doctor's report."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Check:
    """What was found of one thing, and what to do about it."""

    name: str
    status: Status
    """``"problem"``: it cannot run like this. ``"warning"``: it may run, or only partly. ``"ok"``: nothing to do."""
    found: str
    """What is there, in a line."""
    fix: str = ""
    """What to do, commands included; empty where there is nothing to do."""

    def __post_init__(self) -> None:
        if (self.status == "ok") != (not self.fix):
            raise ValueError(f"a check that is not ok says how to fix it, one that is says nothing: {self!r}")


def release(version: str) -> tuple[int, ...]:
    """Returns the release numbers of a version: (2, 13, 0) for ``"2.13.0+cpu"``.

    Raises:
        ValueError: The version does not start with a number.
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    if match is None:
        raise ValueError(f"{version!r} is not a version")
    return tuple(int(part) for part in match.group().split("."))
