"""One entry of the doctor's report."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Check:
    """The state of one requirement, and how to fix it."""

    name: str
    status: Status
    """``"problem"``: it cannot run. ``"warning"``: it may run, perhaps in part. ``"ok"``: nothing to do."""
    found: str
    """What was found, in one line."""
    fix: str = ""
    """What to do, with commands; empty if there is nothing to do."""

    def __post_init__(self) -> None:
        if (self.status == "ok") != (not self.fix):
            raise ValueError(
                f"a check that is not ok must say how to fix it, and a check that is ok must not: {self!r}"
            )


def release(version: str) -> tuple[int, ...]:
    """Returns the release numbers of a version: (2, 13, 0) for ``"2.13.0+cpu"``.

    Raises:
        ValueError: The version does not start with a number.
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    if match is None:
        raise ValueError(f"{version!r} is not a version")
    return tuple(int(part) for part in match.group().split("."))
