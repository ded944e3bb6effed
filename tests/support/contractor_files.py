"""Contractor recordings for tests: the episode of the public loader's golden, and files of such records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.support.paths import DATA
from vpt_gym.demos.files.video import VideoWriter

GOLDENS = DATA / "demos"


@cache
def _loader() -> dict[str, Any]:
    return json.loads((GOLDENS / "loader_golden.json").read_text())


def golden_records() -> list[dict[str, Any]]:
    """A new copy of the 26 records of the golden episode."""
    return json.loads(json.dumps(_loader()["episode"]))


def golden_actions() -> list[dict[str, Any]]:
    """The output of the public loader for them, for each tick of ``golden_ticks``."""
    return _loader()["actions"]


def golden_arrays() -> dict[str, npt.NDArray[Any]]:
    """``emitted_idx``, ``frames128_rgb`` and ``cursor_bgra_16``."""
    with np.load(GOLDENS / "loader_golden.npz") as arrays:
        return dict(arrays)


def golden_frame(t: int) -> npt.NDArray[np.uint8]:
    """Source frame t of the golden episode, RGB (360, 640, 3), by the rule that the golden contains."""
    rng = np.random.RandomState(9000 + t)
    frame = np.repeat(np.repeat(rng.randint(0, 256, (36, 64, 3)).astype(np.uint8), 10, 0), 10, 1)
    if t % 4 == 3:
        frame = rng.randint(0, 256, (360, 640, 3)).astype(np.uint8)
    return np.ascontiguousarray(frame[..., ::-1])


def golden_cursor() -> npt.NDArray[np.uint8]:
    """The published cursor, RGBA (16, 16, 4)."""
    return np.ascontiguousarray(golden_arrays()["cursor_bgra_16"][..., [2, 1, 0, 3]])


def record(t: int = 0, **changes: Any) -> dict[str, Any]:
    """A null record with ``changes``; ``mouse`` and ``keys`` change only these parts."""
    result = golden_records()[1]
    result["mouse"] |= {"buttons": [], **changes.pop("mouse", {})}
    result["keyboard"]["keys"] = changes.pop("keys", [])
    return result | {"tick": t, "hotbar": 0} | changes


def write_recording(
    path: Path, records: Iterable[dict[str, Any]], frames: Iterable[npt.NDArray[np.uint8]] | None = None
) -> Path:
    """Writes ``<path>.jsonl`` and ``<path>.mp4``; default: the frames of the golden. Returns the jsonl's path."""
    records = list(records)
    path.parent.mkdir(parents=True, exist_ok=True)
    jsonl = path.with_name(f"{path.name}.jsonl")
    jsonl.write_text("".join(json.dumps(one) + "\n" for one in records))
    pictures = [golden_frame(t % 26) for t in range(len(records))] if frames is None else list(frames)
    video = VideoWriter(path.with_name(f"{path.name}.mp4"), pictures[0].shape[:2])
    for picture in pictures:
        video.append(picture)
    video.close()
    return jsonl
