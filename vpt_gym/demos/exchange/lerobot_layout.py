"""LeRobot's dataset format v3.0: the names of its files and columns, and actions as vectors.

Source: lerobot 0.4.4, ``lerobot/datasets/utils.py`` and ``lerobot_dataset.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.actions.human import BUTTONS, HumanAction
from vpt_gym.demos.exchange.action_spaces import ActionKind, encode
from vpt_gym.system.require import require

VERSION = "v3.0"
INFO = Path("meta/info.json")
STATS = Path("meta/stats.json")
TASKS = Path("meta/tasks.parquet")
EPISODES = Path("meta/episodes")
FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
EPISODES_PATH = f"{EPISODES}/{FILE}.parquet"
DATA_PATH = f"data/{FILE}.parquet"
VIDEO_PATH = f"videos/{{video_key}}/{FILE}.mp4"
FILES_IN_CHUNK = 1000

FRAME = "observation.images.pov"
STATE = "observation.state"
ACTION = "action"
EXECUTED = "executed_action"
INTERVENTION = "intervention"
MENU = "menu"
REWARD = "next.reward"
DONE = "next.done"
SUCCESS = "next.success"
DEMO_KEY = "vpt_gym_demo"
"""Column of an episode that holds the demo's metadata, as JSON."""

STATE_NAMES = {"x": "xpos", "y": "ypos", "z": "zpos", "yaw": "yaw", "pitch": "pitch"}
"""Names of the player's state (blocks, degrees), and the keys of a record that have them."""

NAMES: dict[ActionKind, list[str]] = {
    "human": [*BUTTONS, "camera.pitch", "camera.yaw"],
    "factored": [*VPT_BUTTONS, "camera.pitch_bin", "camera.yaw_bin"],
    "codes": ["buttons", "camera"],
}
"""Names of the entries of an action vector, for each kind of action."""

DTYPES: dict[ActionKind, str] = {"human": "float32", "factored": "int64", "codes": "int64"}


def require_pyarrow() -> tuple[Any, Any]:
    """Returns the modules ``pyarrow`` and ``pyarrow.parquet``.

    Raises:
        DependencyNotInstalled: pyarrow is not installed.
    """
    purpose = "the exchange with LeRobot"
    return require("pyarrow", "lerobot", purpose=purpose), require("pyarrow.parquet", "lerobot", purpose=purpose)


def place(number: int) -> tuple[int, int]:
    """Returns the chunk and the file in it of the n-th file of a kind."""
    return divmod(number, FILES_IN_CHUNK)


def vectors(actions: HumanAction, kind: ActionKind) -> npt.NDArray[Any]:
    """Converts T human actions to vectors (T, ``len(NAMES[kind])``) of the type ``DTYPES[kind]``.

    Args:
        actions: Each of the 23 buttons (T,), and ``camera`` (T, 2), as in ``Demo.actions``.
        kind: The kind of the result. Human actions are exact: 0 or 1 for each button, and degrees.
    """
    encoded = encode(actions, kind)
    if kind == "codes":
        return np.asarray(encoded, np.int64)
    if kind == "factored":
        return np.concatenate([encoded["buttons"], encoded["camera"]], axis=1).astype(np.int64)
    buttons = np.stack([encoded[name] for name in BUTTONS], axis=1)
    return np.concatenate([buttons, encoded["camera"]], axis=1).astype(np.float32)


def kind_of(names: object) -> ActionKind | None:
    """Returns the kind of action whose vectors have these names; None if there is none."""
    return next((kind for kind, own in NAMES.items() if names == own), None)


def action_of(vector: npt.NDArray[Any], kind: ActionKind) -> Any:
    """Returns the action of ``space_of(kind)`` that a vector stands for. Whether it is valid is checked later."""
    if kind == "codes":
        return vector
    if kind == "factored":
        return {"buttons": vector[:-2], "camera": vector[-2:]}
    if not np.isin(vector[:-2], (0, 1)).all():
        wrong = next(name for name, value in zip(BUTTONS, vector[:-2], strict=True) if value not in (0, 1))
        raise ValueError(f"{wrong} is {vector[BUTTONS.index(wrong)]}; a button is 0 or 1")
    return {**dict(zip(BUTTONS, vector[:-2].astype(np.int64), strict=True)), "camera": vector[-2:].astype(np.float32)}
