"""How much time does recording take per tick, and how fast are demos read?

Steps the embedded world at 160x256 without and with ``RecorderWrapper``, in alternation, with the same seeds and
actions and at full speed, so that the encoder of the recorder never gets a pause.
Writes ``benchmarks/results/recording.json``. Run it with ``python -m benchmarks recording``.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import vpt_gym  # noqa: F401 (registers the environments)
from benchmarks._timing import spread
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.demos import FrameCache, list_demos, read_demo
from vpt_gym.system.machine import describe
from vpt_gym.wrappers.recorder import RecorderWrapper

ROUNDS = 24
TICKS = 300
SIZE = (160, 256)
TARGET_MS = 1.5
WAYS: dict[str, dict[str, Any] | None] = {
    "plain": None,
    "recorded": {},
    "recorded_128": {"size": (128, 128)},
    "recorded_lossless": {"lossless": True},
}
RESULT = Path(__file__).parent / "results" / "recording.json"


def actions(seed: int) -> list[HumanAction]:
    """Returns actions that walk, look around and attack; about half of the ticks move the camera."""
    rng = np.random.default_rng(seed)
    result: list[HumanAction] = []
    while len(result) < TICKS:
        keys = [key for key in ("forward", "attack", "jump") if rng.random() < 0.4]
        camera = tuple(rng.normal(0, 3, 2)) if rng.random() < 0.5 else (0.0, 0.0)
        result += [human_action(*keys, camera=camera)] * int(rng.integers(3, 20))
    return result[:TICKS]


def episode(env: gym.Env[Any, Any], seed: int) -> tuple[float, float]:
    """Plays one episode; returns milliseconds per tick of wall time and of processor time (all threads)."""
    env.reset(seed=seed)
    plan, ticks = actions(seed), 0
    clock, processor = time.perf_counter(), time.process_time()
    for action in plan:
        *_, terminated, truncated, _ = env.step(action)
        ticks += 1
        if terminated or truncated:
            break
    return 1e3 * (time.perf_counter() - clock) / ticks, 1e3 * (time.process_time() - processor) / ticks


def make(folder: str, way: str) -> gym.Env[Any, Any]:
    """Makes one of the envs to compare."""
    env: gym.Env[Any, Any] = gym.make("vpt_gym/Harvest1Log-v0", image_size=SIZE)
    options = WAYS[way]
    return env if options is None else RecorderWrapper(env, Path(folder) / way, **options)


def measure(folder: str) -> dict[str, dict[str, list[float]]]:
    """Plays all variants in alternation; returns milliseconds per tick and per finished demo for each."""
    envs = {way: make(folder, way) for way in WAYS}
    figures: dict[str, dict[str, list[float]]] = {way: {"clock": [], "processor": [], "finish": []} for way in WAYS}
    for number in range(ROUNDS + 1):
        for way, env in envs.items():
            clock, processor = episode(env, seed=number)
            start = time.perf_counter()
            env.reset(seed=number)  # encodes the pending frames and finishes the files
            finish = 1e3 * (time.perf_counter() - start)
            if number:  # the first round compiles and warms up
                for name, value in (("clock", clock), ("processor", processor), ("finish", finish)):
                    figures[way][name].append(value)
    for env in envs.values():
        env.close()
    return figures


def beyond(plain: list[float], recorded: list[float]) -> dict[str, float]:
    """Returns the spread of the additional time of recording, over the rounds."""
    return spread([more - less for more, less in zip(recorded, plain, strict=True)])


def main() -> None:
    """Measures, prints and writes the result."""
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(folder)
        demos = {way: [read_demo(path) for path in list_demos(Path(folder) / way)] for way in WAYS if way != "plain"}
        frames = {way: sum(map(len, of)) for way, of in demos.items()}
        start = time.perf_counter()
        for demo in demos["recorded"]:
            for _ in demo.frames():
                pass
        decode_fps = frames["recorded"] / (time.perf_counter() - start)
        cache = FrameCache()
        start = time.perf_counter()
        for demo in demos["recorded"]:
            cache.frames(demo)
        cache_fps = frames["recorded"] / (time.perf_counter() - start)
        sizes = {way: sum(demo.files.video.stat().st_size for demo in of) for way, of in demos.items()}
        record_bytes = sum(demo.files.records.stat().st_size for demo in demos["recorded"])

    plain = figures["plain"]
    result = {
        "what": f"{ROUNDS} episodes of at most {TICKS} ticks, {SIZE[0]}x{SIZE[1]}, with and without recorder in turns",
        "machine": describe("av", "numpy"),
        "target_ms": TARGET_MS,
        "step_ms": spread(plain["clock"]),
        **{
            way: {
                "overhead_ms": beyond(plain["clock"], figures[way]["clock"]),
                "overhead_processor_ms": beyond(plain["processor"], figures[way]["processor"]),
                "finish_ms": beyond(plain["finish"], figures[way]["finish"]),
                "video_bytes_per_frame": round(sizes[way] / frames[way]),
            }
            for way in demos
        },
        "jsonl_bytes_per_tick": round(record_bytes / frames["recorded"]),
        "decode_fps": round(decode_fps),
        "decode_and_scale_fps": round(cache_fps),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
