"""Choosing contractor recordings by their content, before their videos are downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpt_gym.actions.human import BUTTONS
from vpt_gym.demos.files.contractor import read_ticks
from vpt_gym.demos.files.names import read_records
from vpt_gym.system.printable import shown


@dataclass(frozen=True)
class ContentFilter:
    """What the records of a recording must have.

    Attributes:
        actions: Buttons that must each be pressed in some tick.
        max_menu: A menu may be open in at most this share of the ticks, 0 to 1; None for any.

    Raises:
        ValueError: There is no such button, or the share is out of range.
    """

    actions: tuple[str, ...] = ()
    max_menu: float | None = None

    def __post_init__(self) -> None:
        for name in self.actions:
            if name not in BUTTONS:
                raise ValueError(f"there is no button {shown(name)}; the buttons are {', '.join(BUTTONS)}")
        if self.max_menu is not None and not 0 <= self.max_menu <= 1:
            raise ValueError(f"max_menu is {self.max_menu}; it is a share of the ticks, 0 to 1")

    def __bool__(self) -> bool:
        """Whether it leaves out anything."""
        return bool(self.actions) or self.max_menu is not None

    def keeps(self, path: Path, version: str | None) -> bool:
        """Returns whether a recording has it.

        Args:
            path: Its ``.jsonl`` file.
            version: Version of its recorder.

        Raises:
            DemoError: The file is damaged.
            ValueError: A record does not have the contractors' layout.
        """
        records = read_records(path)
        if self.max_menu is not None:
            menu = np.mean([bool(record.get("isGuiOpen")) for record in records])
            if menu > self.max_menu:
                return False
        pressed = read_ticks(records, recorder_version=version).actions if self.actions else {}
        return all(pressed[name].any() for name in self.actions)
