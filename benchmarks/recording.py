"""What does recording cost per tick, and how fast do demos come back?

Steps the embedded world at 144x256 with and without ``RecorderWrapper``, in turns, with the same seeds and actions,
and writes ``benchmarks/results/recording.json``. Run it with ``python -m benchmarks recording``.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.demos import FrameCache, list_demos, read_demo
from vpt_gym.machine import describe
from vpt_gym.wrappers.recorder import RecorderWrapper

ROUNDS = 8
TICKS = 300
RESULT = Path(__file__).parent / "results" / "recording.json"


def actions(seed: int) -> list[HumanAction]:
    """A player that walks, looks around in strokes, and attacks: about half the ticks move the camera."""
    rng = np.random.default_rng(seed)
    result: list[HumanAction] = []
    while len(result) < TICKS:
        keys = [key for key in ("forward", "attack", "jump") if rng.random() < 0.4]
        camera = tuple(rng.normal(0, 3, 2)) if rng.random() < 0.5 else (0.0, 0.0)
        result += [human_action(*keys, camera=camera)] * int(rng.integers(3, 20))
    return result[:TICKS]


def episode(env: gym.Env[Any, Any], seed: int) -> tuple[float, float]:
    """Plays one episode; returns milliseconds per step, of the clock and of the processor."""
    env.reset(seed=seed)
    plan, ticks = actions(seed), 0
    clock, processor = time.perf_counter(), time.process_time()
    for action in plan:
        *_, terminated, truncated, _ = env.step(action)
        ticks += 1
        if terminated or truncated:
            break
    return 1e3 * (time.perf_counter() - clock) / ticks, 1e3 * (time.process_time() - processor) / ticks


def main() -> None:
    """Measures, prints and writes the result."""
    with tempfile.TemporaryDirectory() as folder:
        bare = gym.make("vpt_gym/Harvest1Log-v0", image_size=(144, 256))
        recorded = RecorderWrapper(gym.make("vpt_gym/Harvest1Log-v0", image_size=(144, 256)), folder)
        for env in (bare, recorded):
            episode(env, seed=10_000)  # compiles and warms up
        plain, with_recorder, close_ms = [], [], []
        for seed in range(ROUNDS):
            plain.append(episode(bare, seed))
            with_recorder.append(episode(recorded, seed))
            start = time.perf_counter()
            recorded.reset(seed=seed)
            finished = time.perf_counter() - start
            start = time.perf_counter()
            bare.reset(seed=seed)
            close_ms.append(1e3 * (finished - (time.perf_counter() - start)))
        bare.close()
        recorded.close()

        demos = [read_demo(path) for path in list_demos(folder)]
        n_frames = sum(len(demo) for demo in demos)
        start = time.perf_counter()
        decoded = sum(1 for demo in demos for _ in demo.frames())
        decode_fps = decoded / (time.perf_counter() - start)
        cache = FrameCache()
        start = time.perf_counter()
        for demo in demos:
            cache.frames(demo)
        cache_fps = n_frames / (time.perf_counter() - start)
        video_bytes = sum(demo.files.video.stat().st_size for demo in demos)
        record_bytes = sum(demo.files.records.stat().st_size for demo in demos)

    (plain_ms, plain_cpu), (recorded_ms, recorded_cpu) = zip(*plain, strict=True), zip(*with_recorder, strict=True)
    overhead = [with_ - without for with_, without in zip(recorded_ms, plain_ms, strict=True)]
    overhead_cpu = [with_ - without for with_, without in zip(recorded_cpu, plain_cpu, strict=True)]
    result = {
        "what": f"medians of {ROUNDS} episodes of {TICKS} ticks at most, 144x256, with and without recorder in turns",
        "machine": describe("av", "numpy"),
        "step_ms": round(statistics.median(plain_ms), 3),
        "step_recorded_ms": round(statistics.median(recorded_ms), 3),
        "ratio": round(statistics.median(recorded_ms) / statistics.median(plain_ms), 3),
        "overhead_ms": round(statistics.median(overhead), 3),
        "overhead_ms_all": [round(value, 3) for value in overhead],
        "overhead_processor_ms": round(statistics.median(overhead_cpu), 3),
        "finish_ms": round(statistics.median(close_ms), 2),
        "video_bytes_per_frame": round(video_bytes / n_frames),
        "jsonl_bytes_per_tick": round(record_bytes / n_frames),
        "decode_fps": round(decode_fps),
        "decode_and_scale_fps": round(cache_fps),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
