"""A small real environment that fails as games do, in the way that its action or the reset's options choose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

FAULTS = (
    "none",
    "abort",
    "sigkill",
    "exit",
    "hang",
    "connection",
    "runtime",
    "torn json",
    "value",
    "own value",
    "odd",
    "lock",
    "report",
    "spawn",
)
"""The behaviour of a step, by action."""


class BadActionError(ValueError):
    """A subclass of a programming error."""


class OddError(KeyError):
    """Can be pickled, but not unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


class OnlyHere:
    """Can be unpickled only in the process that pickled it, as objects of a module that others cannot import."""

    def __reduce__(self) -> Any:
        return _found_in, (os.getpid(),)


def _found_in(process: int) -> OnlyHere:
    if os.getpid() != process:
        raise ModuleNotFoundError("No module named 'only_here'")
    return OnlyHere()


def act(fault: str) -> int:
    return FAULTS.index(fault)


class MisbehavingEnv(gym.Env[Any, Any]):
    """Observes (episode, tick). ``info["pids"]``: of its process and of the processes it has started."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's own convention)
    render_mode = "rgb_array"

    def __init__(self, close: str = "none", spawn: bool = False) -> None:
        self.observation_space = spaces.Box(0, np.inf, (2,), np.float32)
        self.action_space = spaces.Discrete(len(FAULTS))
        self.closing = close
        self.volume = 3
        self.lock = threading.Lock()
        self.only_here = OnlyHere()
        self.inner = gym.Env()
        self.pids = [os.getpid()]
        self.state = np.zeros(2, np.float32)
        if spawn:
            self.spawn()

    def spawn(self) -> None:
        """Starts a child in its own session and an orphan, and leaves a file in the temporary directory."""
        self.pids.append(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
        launcher = ["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"]
        orphan = subprocess.run(launcher, start_new_session=True, stdout=subprocess.PIPE, check=True).stdout
        self.pids.append(int(orphan))
        Path(tempfile.mkdtemp(), "world").write_text("big")

    def commit(self, fault: str) -> dict[str, Any]:
        if fault == "abort":
            os.abort()
        elif fault == "sigkill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault == "exit":
            sys.exit(3)
        elif fault == "hang":
            time.sleep(600)
        elif fault == "connection":
            raise ConnectionResetError("the game hung up")
        elif fault == "runtime":
            raise RuntimeError("the game is over")
        elif fault == "torn json":
            json.loads('{"life": ')
        elif fault == "value":
            raise ValueError("no such action")
        elif fault == "own value":
            raise BadActionError("not that one")
        elif fault == "odd":
            raise OddError("two", "parts")
        elif fault == "lock":
            return {"lock": self.lock}
        elif fault == "report":
            return {"env_error": "Java says goodbye"}
        elif fault == "spawn":
            self.spawn()
        return {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        options, told = options or {}, {}
        once = options.get("once")
        if once is None or not Path(once).exists():
            if once is not None:
                Path(once).touch()
            told = self.commit(options.get("fault", "none"))
        self.state = np.asarray([self.state[0] + 1, 0], np.float32)
        drawn = int(self.np_random.integers(1000))
        return self.state, {"pids": self.pids, "drawn": drawn, "options": options, **told}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        info = self.commit(FAULTS[action])
        self.state = self.state + np.asarray([0, 1], np.float32)
        return self.state, 1.0, False, "env_error" in info, {"pids": self.pids, **info}

    def render(self) -> Any:
        if self.volume == 0:
            time.sleep(600)
        return np.full((32, 32, 3), int(self.state[1]), np.uint8)

    def set_volume(self, volume: int, *, louder: int = 0) -> int:
        self.volume = volume + louder
        return self.volume

    def close(self) -> None:
        self.commit(self.closing)
