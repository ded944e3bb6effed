"""A headless Chromium, driven over the DevTools protocol through a pipe: real clicks, keys and screenshots."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.programs import find_program

# Chromium reads commands from descriptor 3 and answers on 4.
_START = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 10) for word in sys.argv[1:3]]
for number, pipe in zip((3, 4), pipes):
    os.dup2(pipe, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")
# [left, top, width, height] of an element once two frames that follow each other have the same; null if it moves on.
_PLACE_AT_REST = """async (selector) => {
  for (let place, last = null, frames = 0; frames < 600; frames++, last = place) {
    const element = document.querySelector(selector);
    element.scrollIntoView({ block: "nearest" });
    place = (box => [box.left, box.top, box.width, box.height])(element.getBoundingClientRect());
    if (String(place) === String(last)) return place;
    await new Promise(requestAnimationFrame);
  }
  return null;
}"""
_NAMED_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}
_SHIFT = 8


class Chromium:
    """One browser with one page.

    Args:
        profile: An empty directory for its files.
        size: (width, height) of the page in pixels.
    """

    def __init__(self, profile: Path, size: tuple[int, int] = (1400, 1000)) -> None:
        chromium = find_program("chromium")
        assert chromium is not None, "mark the test with needs_program('chromium')"
        commands, self._out = os.pipe()
        self._in, answers = os.pipe()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _START,
                str(commands),
                str(answers),
                chromium,
                *_FLAGS,
                f"--user-data-dir={profile}",
            ],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.send(
            "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False
        )

    def send(self, method: str, **parameters: Any) -> Any:
        """Sends a command of the protocol and returns its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while True:
            answer = self._next_message()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Returns the value of a JavaScript expression, after waiting for a promise."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, f"{script}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait(self, condition: str, timeout: float = 30.0) -> None:
        """Waits until a JavaScript expression is true."""
        end = time.monotonic() + timeout
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} has not become true: {self.run('document.body.innerText')}"
            time.sleep(0.03)

    def press(self, key: str, *, shift: bool = False) -> None:
        for kind in ("keyDown", "keyUp"):
            event: dict[str, Any] = {"type": kind, "key": key, "modifiers": _SHIFT if shift else 0}
            if key in _NAMED_KEYS:
                event["windowsVirtualKeyCode"] = _NAMED_KEYS[key]
            elif kind == "keyDown":
                event["text"] = key
            self.send("Input.dispatchKeyEvent", **event)

    def click(self, selector: str, at: tuple[float, float] | None = None) -> None:
        """Clicks an element that no longer moves, in its middle or at (x, y) pixels from its corner."""
        place = self.run(f"({_PLACE_AT_REST})({selector!r})")
        assert place is not None, f"{selector} does not stop moving"
        left, top, width, height = place
        x, y = at or (width / 2, height / 2)
        x, y = left + x, top + y
        hit = f"document.querySelector({selector!r}).contains(document.elementFromPoint({x}, {y}))"
        assert self.run(hit), f"{selector} is covered, or outside the window"
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        self._session = None
        try:
            self.send("Browser.close")
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._out)
            os.close(self._in)

    def _next_message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], 60)
            data = os.read(self._in, 1 << 20) if ready else b""
            assert data, "Chromium has ended, or does not answer"
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message
