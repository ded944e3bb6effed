"""`vpt-gym play` as a running program on a virtual screen, with its window and its output."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.frame_counter_env import read_counter
from tests.support.paths import ROOT
from tests.support.virtual_screen import VirtualScreen, wait_for

PANEL = 300


class Program:
    """The running program, with its window and its output."""

    def __init__(self, screen: VirtualScreen, folder: Path, *words: str, **kwargs: Any) -> None:
        self.screen, self.folder = screen, folder
        if kwargs:
            words = ("tests.support.play_env:PlayEnv-v0", "--env-kwargs", json.dumps(kwargs), "--scale", "4", *words)
        self.printed = folder.with_name("printed.txt")
        self._lines = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vpt_gym", "play", *words, "--out", str(folder)],
            stdout=self.printed.open("w"),
            stderr=subprocess.STDOUT,
            env={**os.environ, "DISPLAY": screen.name, "PYTHONPATH": str(ROOT)},
        )
        self.place = wait_for(self._window, "no window", 120)

    @property
    def out(self) -> str:
        """Its output so far, without the message about compiling, which comes on the first use."""
        return re.sub(r"^vpt_gym: compiling .*\n", "", self.printed.read_text(), flags=re.MULTILINE)

    def said(self) -> str:
        """Waits for the next line of its output, and returns it. The first use compiles, which takes a while."""
        self._lines += 1
        out: str = wait_for(lambda: self.out.count("\n") >= self._lines and self.out, "it prints nothing", 180)
        return out.splitlines()[self._lines - 1]

    def _window(self) -> tuple[int, int, int, int] | None:
        assert self.process.poll() is None, self.out
        return next(iter(self.screen.windows()), None)

    def frame(self) -> np.ndarray[Any, Any]:
        """The frame of the env in the window, in the middle of the area to the left of the panel."""
        x, y, width, height = self.place
        width -= PANEL
        factor = min(width // 80, height // 48)
        left, top = x + (width - 80 * factor) // 2, y + (height - 48 * factor) // 2
        return self.screen.picture(left, top, 80 * factor, 48 * factor)

    @property
    def warns(self) -> bool:
        """Whether the panel has amber text."""
        x, y, width, height = self.place
        red, green, blue = np.moveaxis(self.screen.picture(x + width - PANEL, y, PANEL, height).astype(int), -1, 0)
        return bool(((red - blue > 80) & (red > green) & (green > 0.6 * red)).any())

    @property
    def tick(self) -> int:
        """The tick that the frame in the window shows; only valid without text over it."""
        return read_counter(self.frame())[0]

    def wait_ticks(self, ticks: int) -> int:
        """Waits for this many more ticks and returns the tick shown then."""
        goal = self.tick + ticks
        wait_for(lambda: self.tick >= goal, f"tick {goal} has not come")
        return self.tick

    @property
    def dimmed(self) -> bool:
        """Whether there is text over the frame, which is then dark. Its corner is never covered."""
        return 40 < self.frame()[-3, -3, 0] < 120

    def begin(self) -> None:
        wait_for(lambda: self.dimmed, "it does not wait for the person")
        x, y, width, height = self.place
        self.screen.point(x + (width - PANEL) // 2, y + height // 2)
        self.screen.button(1)
        wait_for(lambda: not self.dimmed, "the click does not begin the episode")

    def wait_dimmed(self, dimmed: bool) -> None:
        wait_for(lambda: self.dimmed == dimmed, "nothing is written over the picture" if dimmed else "it is not played")

    def ended(self, status: int) -> str:
        """Waits until it ends with an exit status, and returns its output."""
        assert self.process.wait(30) == status, self.out
        return self.out
