"""Exports a demo as a video, a GIF or stills, with keys, camera and reward drawn below each frame."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import cv2
import imageio.v3 as iio
import numpy as np

from vpt_gym.actions.human import HOTBAR
from vpt_gym.demos import Demo
from vpt_gym.demos.files.video import require_encoder
from vpt_gym.frames import Frame
from vpt_gym.system.output_file import check_output_file

PANEL_HEIGHT = 132
"""Height of the panel below the frame, pixels."""

MIN_WIDTH = 640
"""Smaller frames are enlarged, by an integer factor, to at least this width."""

MAX_GIF_TICKS = 1200
"""Longest demo exported as a GIF, which is held in memory: one minute, about 400 MB at the smallest size."""

HELD_COLOUR = (90, 169, 230)
"""Colour (RGB) of a held key."""

_BACK, _DARK, _EDGE, _TEXT, _DIM = (20, 23, 28), (42, 48, 58), (70, 78, 92), (240, 243, 248), (139, 148, 163)
_ARROW, _REWARD = (224, 176, 76), (98, 192, 115)
_RIM_DEGREES = 45.0  # degrees per tick at which the arrow reaches the rim
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Box(NamedTuple):
    """A key on the panel: its position and size in pixels from the panel's top left corner, and its label."""

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
"""The key of each of the 23 buttons on the panel. The last three are the left, middle and right mouse button."""

_DIAL = (354, 66, 52)  # centre x, centre y, radius of the camera's circle
_TEXT_X = 430


def export(demo: Demo, out: str | os.PathLike[str], *, crf: int = 18, tick: int = 0) -> None:
    """Writes a demo as a video, a GIF or a still: the frames, and below each frame its label.

    Held keys are lit. An arrow shows the camera's movement in the tick: its direction on the screen, and as its length
    the square root of the angle, with 45 degrees at the rim. The tick's reward and the return so far are next to it.

    Args:
        demo: The demo.
        out: The file to write. Its suffix chooses the format: ``.mp4`` (H.264), ``.gif`` or ``.png`` (one tick). It
            appears under this name only when it is complete.
        crf: Constant rate factor of x264, for ``.mp4``: lower is closer to the frames, and larger.
        tick: The tick that a ``.png`` shows, from 0.

    Raises:
        DemoError: The demo's video cannot be decoded, or is too short.
        FileExistsError: ``out`` exists.
        OSError: The folder of ``out`` does not exist, or cannot be written to.
        IndexError: The demo has no such tick.
        RuntimeError: This build of PyAV has no libx264.
        ValueError: ``out`` has another suffix, or is in the directory of the demo, where it would look like a damaged
            demo; or the demo is too long for a GIF.
    """
    path = Path(out)
    if path.suffix not in (".mp4", ".gif", ".png"):
        raise ValueError(f"{path} does not end in .mp4, .gif or .png, the formats that can be written")
    if path.resolve().parent == demo.files.directory.resolve():
        raise ValueError(
            f"{path} would be among the demos and look like a damaged one; write it elsewhere (--out FILE)"
        )
    check_output_file(path)
    if path.exists():
        raise FileExistsError(f"{path} exists already; remove it, or write another (--out FILE)")
    if not 0 <= tick < len(demo):
        raise IndexError(f"tick is {tick}; the demo has the ticks 0 to {len(demo) - 1}")
    if tick and path.suffix != ".png":
        raise ValueError(f"tick is {tick}, which chooses the image of a .png; {path} shows all ticks")
    if path.suffix == ".gif" and len(demo) > MAX_GIF_TICKS:
        raise ValueError(f"the demo has {len(demo)} ticks; a GIF takes up to {MAX_GIF_TICKS}: write an .mp4")
    scratch = path.with_name(path.name + ".partial")
    fps = Fraction(demo.metadata.get("fps", 20)).limit_denominator(1001)  # such as 30000/1001
    try:
        if path.suffix == ".mp4":
            require_encoder()
            _encode_video(scratch, annotated_frames(demo), fps=fps, crf=crf)
        elif path.suffix == ".gif":
            _encode_gif(scratch, annotated_frames(demo), fps=fps)
        else:
            iio.imwrite(scratch, next(islice(annotated_frames(demo), tick, None)), extension=".png")
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def annotated_frames(demo: Demo) -> Iterator[Frame]:
    """Yields T images, uint8 (H', W', 3) RGB: each frame of the demo, enlarged, with the panel below it.

    Raises:
        DemoError: The video cannot be decoded, or does not have T frames.
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
    _write(panel, f"tick {tick} of {len(demo)}", (_TEXT_X, 28), _TEXT, 0.5)
    _write(panel, f"pitch {demo.actions['camera'][tick][0]:+.2f}", (_TEXT_X, 54), _DIM, 0.45)
    _write(panel, f"yaw {demo.actions['camera'][tick][1]:+.2f}", (_TEXT_X, 76), _DIM, 0.45)
    _write(panel, f"reward {reward:+g}", (_TEXT_X, 100), _REWARD if reward else _DIM, 0.5)
    _write(panel, f"return {episode_return:g}", (_TEXT_X, 122), _DIM, 0.45)
    return panel


def _draw_camera(panel: Frame, pitch: float, yaw: float) -> None:
    x, y, radius = _DIAL
    cv2.circle(panel, (x, y), radius, _DARK, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(panel, (x, y), radius, _EDGE, 1, cv2.LINE_AA)
    moved = math.hypot(pitch, yaw)
    if moved == 0.0:
        cv2.circle(panel, (x, y), 2, _DIM, cv2.FILLED)
        return
    length = radius * min(math.sqrt(moved / _RIM_DEGREES), 1.0)
    tip = (round(x + length * yaw / moved), round(y + length * pitch / moved))  # + is right and down, as on the screen
    cv2.arrowedLine(panel, (x, y), tip, _ARROW, 2, cv2.LINE_AA, tipLength=0.3)


def _write(panel: Frame, text: str, at: tuple[int, int], colour: tuple[int, int, int], scale: float) -> None:
    cv2.putText(panel, text, at, _FONT, scale, colour, 1, cv2.LINE_AA)


def _encode_video(path: Path, frames: Iterator[Frame], *, fps: Fraction, crf: int) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream: Any = None
        for number, frame in enumerate(frames):
            if stream is None:
                stream = cast(Any, container.add_stream("libx264", rate=fps, options={"crf": str(crf)}))
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = 1 / fps
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _encode_gif(path: Path, frames: Iterator[Frame], *, fps: Fraction) -> None:
    with iio.imopen(path, "w", extension=".gif", plugin="pillow") as opened:
        gif: Any = opened  # its type does not declare the options of the plugin
        for frame in frames:
            # 256 colours, each frame its own; repeat for ever
            gif.write(frame, bits=8, duration=float(1000 / fps), loop=0)
