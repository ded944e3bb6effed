"""A demo as a video with its keys, camera and reward drawn below the picture."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import cv2
import numpy as np

from vpt_gym.actions.human import HOTBAR
from vpt_gym.demos import Demo
from vpt_gym.demos.files.video import require_encoder
from vpt_gym.frames import Frame

PANEL_HEIGHT = 132
"""Pixels below the picture."""

MIN_WIDTH = 640
"""Smaller frames are enlarged, by a whole factor, to at least this width."""

HELD_COLOUR = (90, 169, 230)
"""Colour (RGB) of a held key."""

_BACK, _DARK, _EDGE, _TEXT, _DIM = (20, 23, 28), (42, 48, 58), (70, 78, 92), (240, 243, 248), (139, 148, 163)
_ARROW, _REWARD = (224, 176, 76), (98, 192, 115)
_FULL_TURN = 45.0  # degrees in a tick at which the arrow reaches the rim
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Box(NamedTuple):
    """A key on the panel, in pixels from the panel's corner, and what is written on it."""

    x: int
    y: int
    width: int
    height: int
    text: str


def _keyboard() -> dict[str, Box]:
    key, pitch = 26, 30
    boxes = {name: Box(8 + k * pitch, 6, key, key, name[-1]) for k, name in enumerate(HOTBAR)}
    rows = (
        (36, (("drop", 8, key, "Q"), ("forward", 38, key, "W"), ("inventory", 68, key, "E"))),
        (66, (("left", 8, key, "A"), ("back", 38, key, "S"), ("right", 68, key, "D"), ("swapHands", 98, key, "F"))),
        (96, (("sneak", 8, 56, "Shift"), ("sprint", 68, 56, "Ctrl"), ("jump", 128, 146, "Space"))),
    )
    for y, keys in rows:
        boxes.update({name: Box(x, y, width, key, text) for name, x, width, text in keys})
    boxes["ESC"] = Box(98, 36, 26, key, "Esc")
    mouse = (("attack", 148, 40, "L"), ("pickItem", 191, 40, "M"), ("use", 234, 40, "R"))
    boxes.update({name: Box(x, 36, width, 56, text) for name, x, width, text in mouse})
    return boxes


KEYS: dict[str, Box] = _keyboard()
"""Where each of the 23 buttons stands on the panel; of the mouse, the left, middle and right button."""

_DIAL = (354, 66, 52)  # centre x, centre y, radius of the camera's circle
_WORDS_AT = 430


def export(demo: Demo, out: str | os.PathLike[str], *, crf: int = 18) -> None:
    """Writes a demo as an H.264 video: the frames, and below each what was labelled for it.

    Held keys are lit. An arrow shows the camera's movement in this tick: its direction on the screen, and by the
    square root of its size, 45 degrees at the rim. The reward of the tick and the return so far stand beside it.

    Args:
        demo: The demo.
        out: The ``.mp4`` file; it appears when it is whole.
        crf: x264's constant rate factor: lower is closer to the frames, and larger.

    Raises:
        DemoError: The demo's video cannot be decoded, or is too short.
        FileExistsError: ``out`` exists.
        RuntimeError: This build of PyAV has no libx264.
        ValueError: ``out`` does not end in ``.mp4``, or stands among the demos, where it would pass for a broken one.
    """
    path = Path(out)
    if path.suffix != ".mp4":
        raise ValueError(f"{path} does not end in .mp4, which is what is written")
    if path.resolve().parent == demo.files.directory.resolve():
        raise ValueError(
            f"{path} would stand among the demos and pass for a broken one; write it elsewhere (--out FILE)"
        )
    if path.exists():
        raise FileExistsError(f"{path} exists already; remove it, or write another (--out FILE)")
    require_encoder()
    scratch = path.with_name(path.name + ".partial")
    try:
        _encode(scratch, annotated_frames(demo), fps=int(demo.metadata.get("fps", 20)), crf=crf)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def annotated_frames(demo: Demo) -> Iterator[Frame]:
    """Yields the T pictures of the export, uint8 (H', W', 3) RGB: the frame, enlarged, and the panel below.

    Raises:
        DemoError: The video cannot be decoded, or has not T frames.
    """
    height, width = demo.frame_size
    factor = math.ceil(MIN_WIDTH / width)
    # H.264 stores colour at half resolution, so both sides are made even
    size = (width * factor + width * factor % 2, height * factor + height * factor % 2)
    returns = np.cumsum(demo.rewards)
    for tick, frame in enumerate(demo.frames()):
        enlarged = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        yield np.concatenate([enlarged, _panel(demo, tick, float(returns[tick]), size[0])])


def _panel(demo: Demo, tick: int, episode_return: float, width: int) -> Frame:
    panel = np.full((PANEL_HEIGHT, width, 3), _BACK, np.uint8)
    for name, box in KEYS.items():
        held = bool(demo.actions[name][tick])
        corner = (box.x + box.width - 1, box.y + box.height - 1)
        cv2.rectangle(panel, (box.x, box.y), corner, HELD_COLOUR if held else _DARK, cv2.FILLED)
        cv2.rectangle(panel, (box.x, box.y), corner, _EDGE, 1)
        scale = 0.34 if len(box.text) > 1 else 0.45
        (text_width, text_height), _ = cv2.getTextSize(box.text, _FONT, scale, 1)
        at = (box.x + (box.width - text_width) // 2, box.y + (box.height + text_height) // 2)
        _write(panel, box.text, at, _BACK if held else _DIM, scale)
    _draw_camera(panel, *demo.actions["camera"][tick].tolist())
    reward = float(demo.rewards[tick])
    _write(panel, f"tick {tick} of {len(demo)}", (_WORDS_AT, 28), _TEXT, 0.5)
    _write(panel, f"pitch {demo.actions['camera'][tick][0]:+.2f}", (_WORDS_AT, 54), _DIM, 0.45)
    _write(panel, f"yaw {demo.actions['camera'][tick][1]:+.2f}", (_WORDS_AT, 76), _DIM, 0.45)
    _write(panel, f"reward {reward:+g}", (_WORDS_AT, 100), _REWARD if reward else _DIM, 0.5)
    _write(panel, f"return {episode_return:g}", (_WORDS_AT, 122), _DIM, 0.45)
    return panel


def _draw_camera(panel: Frame, pitch: float, yaw: float) -> None:
    x, y, radius = _DIAL
    cv2.circle(panel, (x, y), radius, _DARK, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(panel, (x, y), radius, _EDGE, 1, cv2.LINE_AA)
    moved = math.hypot(pitch, yaw)
    if moved == 0.0:
        cv2.circle(panel, (x, y), 2, _DIM, cv2.FILLED)
        return
    length = radius * min(math.sqrt(moved / _FULL_TURN), 1.0)
    tip = (round(x + length * yaw / moved), round(y + length * pitch / moved))  # + is right and down, as on the screen
    cv2.arrowedLine(panel, (x, y), tip, _ARROW, 2, cv2.LINE_AA, tipLength=0.3)


def _write(panel: Frame, text: str, at: tuple[int, int], colour: tuple[int, int, int], scale: float) -> None:
    cv2.putText(panel, text, at, _FONT, scale, colour, 1, cv2.LINE_AA)


def _encode(path: Path, frames: Iterator[Frame], *, fps: int, crf: int) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream: Any = None
        for number, frame in enumerate(frames):
            if stream is None:
                stream = cast(Any, container.add_stream("libx264", rate=fps, options={"crf": str(crf)}))
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = Fraction(1, fps)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
