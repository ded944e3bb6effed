"""A virtual X screen with real key and mouse events (XTEST), and screenshots."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

import numpy as np
from Xlib import XK, X
from Xlib.display import Display
from Xlib.error import BadWindow
from Xlib.ext import xtest
from Xlib.protocol.event import ClientMessage

from tests.support.programs import find_program


class VirtualScreen:
    """An X server without hardware, with its own display number, and a mouse and keyboard that tests control.

    Attributes:
        name: Value of ``DISPLAY`` for programs that use it.
    """

    def __init__(self, size: tuple[int, int] = (1280, 800)) -> None:
        xvfb = find_program("Xvfb")
        assert xvfb is not None, "mark the test with needs_program('Xvfb')"
        read, write = os.pipe()
        screen = ["-screen", "0", f"{size[0]}x{size[1]}x24"]
        command = [xvfb, "-displayfd", str(write), *screen, "-nolisten", "tcp", "-noreset"]
        self._process = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb has ended"
        self.name = f":{number}"
        self._display = Display(self.name)
        self._root = self._display.screen().root

    def key(self, name: str, *, down: bool | None = None) -> None:
        """Presses and releases a key, or does one of the two. The name is X's, such as "w" or "F5"."""
        code = self._display.keysym_to_keycode(XK.string_to_keysym(name))
        assert code, f"the keyboard has no key {name}"
        self._fake(code, X.KeyPress, X.KeyRelease, down)

    def button(self, number: int, *, down: bool | None = None) -> None:
        """Clicks a mouse button, or presses or releases it; 4 and 5 are the wheel."""
        self._fake(number, X.ButtonPress, X.ButtonRelease, down)

    def move(self, dx: int, dy: int) -> None:
        """Moves the mouse by counts."""
        xtest.fake_input(self._display, X.MotionNotify, detail=1, x=dx, y=dy)
        self._display.sync()

    def point(self, x: int, y: int) -> None:
        """Moves the pointer to a position on the screen."""
        xtest.fake_input(self._display, X.MotionNotify, detail=0, x=x, y=y)
        self._display.sync()

    def windows(self) -> list[tuple[int, int, int, int]]:
        """Returns (x, y, width, height) of every visible window."""
        places = [window.get_geometry() for window in self._shown()]
        return [(place.x, place.y, place.width, place.height) for place in places]

    def resize(self, width: int, height: int) -> None:
        """Resizes the only window, as a person does at its edge."""
        self._window().configure(x=0, y=0, width=width, height=height)
        self._display.sync()

    def close_window(self) -> None:
        """Asks the only window to close, like the cross in its title bar."""
        window = self._window()
        atoms = [self._display.intern_atom(name) for name in ("WM_PROTOCOLS", "WM_DELETE_WINDOW")]
        message = ClientMessage(window=window, client_type=atoms[0], data=(32, [atoms[1], X.CurrentTime, 0, 0, 0]))
        window.send_event(message)
        self._display.sync()

    def focus(self, focused: bool) -> None:
        """Gives the keyboard focus to the only window, or to none."""
        self._display.set_input_focus(self._window() if focused else X.NONE, X.RevertToNone, X.CurrentTime)
        self._display.sync()

    def picture(self, x: int, y: int, width: int, height: int) -> np.ndarray[Any, Any]:
        """Returns a screenshot of a part of the screen, uint8 (height, width, 3) RGB."""
        image = self._root.get_image(x, y, width, height, X.ZPixmap, 0xFFFFFFFF)
        return np.frombuffer(image.data, np.uint8).reshape(height, width, 4)[..., 2::-1]

    def close(self) -> None:
        """Ends the X server."""
        self._display.close()
        self._process.terminate()
        self._process.wait(20)

    def _shown(self) -> list[Any]:
        shown = []
        for window in self._root.query_tree().children:
            try:
                if window.get_attributes().map_state == X.IsViewable:
                    shown.append(window)
            except BadWindow:  # it was closed since the question
                continue
        return shown

    def _window(self) -> Any:
        (window,) = self._shown()
        return window

    def _fake(self, code: int, press: int, release: int, down: bool | None) -> None:
        if down is not False:
            xtest.fake_input(self._display, press, code)
        if down is not True:
            xtest.fake_input(self._display, release, code)
        self._display.sync()


def wait_for(what: Any, message: str, seconds: float = 30.0) -> Any:
    """Returns the value of ``what()`` as soon as it is true."""
    end = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < end, message
        time.sleep(0.02)
    return value
