"""How fast is the embedded world?

Plays it with human actions and full observations on one core, with three sizes of frames. The cost of the frame is
measured with the same env with blank frames, and with a plain ray caster (one ray after the other, cell by cell, with
the same compiler; it only finds blocks and computes no colours). Ways to make a policy's frames of 128 x 128 are
compared alternately. Then it plays 1 to 32 worlds at the same time, in the world's own vector environment and in
Gymnasium's. Times depend on the machine, ratios hardly. Times are processor times of the playing thread, which other
processes hardly change; for vector environments they are wall times. Writes ``benchmarks/results/world.json``. Run it
with ``python -m benchmarks world``; ``python -m benchmarks.world --policy-frames`` only compares those ways, in half a
minute, and writes nothing.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from llvmlite import binding

from vpt_gym import VPTObsWrapper
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.system.machine import describe
from vpt_gym.world.core.geometry import EYE_HEIGHT
from vpt_gym.world.core.picking import pick
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.kernels.compiled import STANDARD_COMPILATION, kernel
from vpt_gym.world.render.rays import VIEW
from vpt_gym.world.render.renderer import camera_axes

SIZES = ((128, 128), (160, 256), (360, 640))
MAIN_SIZE = (160, 256)
POLICY_WAYS: dict[str, dict[str, Any]] = {
    "policy": {"image_size": "policy"},
    "policy, rgb only": {"image_size": "policy", "observations": ["rgb"]},
    "360x640, scaled": {"image_size": (360, 640)},
    "160x256, scaled": {"image_size": (160, 256)},
}
"""Arguments of the world by the way in which a policy's frame is made, inside ``VPTObsWrapper``."""
STRETCHES = 3
"""How often each world is measured; the best counts."""
TASKS = (
    ("harvest_1_log", "easy"),
    ("harvest_1_log", "default"),
    ("harvest_wool_with_shears_and_sheep", "default"),
    ("vpt_combat_zombie_plains", "default"),
    ("harvest_1_log_taiga", "default"),
    ("vpt_playground", "default"),
)
"""(task, level) of the worlds that are played: with trees, animals, monsters, water, by day and by night."""
WORLDS = len(TASKS)
VECTORS = (1, 2, 4, 8, 16, 32)
"""Numbers of worlds that are played at the same time."""
ID = "vpt_gym/Harvest1Log-v0"
"""Task of the vector environments."""
ROUNDS = 3
"""Measurements of each vector environment; the best counts."""
SEEDS, VECTOR_TICKS = 8, 200
"""Fewest worlds, and ticks of each, in a measurement of a vector environment."""
SECONDS = 3.0
"""Seconds for each measurement."""
RESULT = Path(__file__).parent / "results" / "world.json"
FIRST_TICK = (
    "import gymnasium as gym, vpt_gym; env = gym.make('vpt_gym/Harvest1Log-v0'); env.reset(seed=0); "
    "env.step(env.action_space.sample())"
)


def actions(seed: int, n: int = 400) -> list[HumanAction]:
    """Returns actions that walk, turn, jump and attack."""
    rng = np.random.default_rng(seed)
    result: list[HumanAction] = []
    while len(result) < n:
        keys = [key for key in ("forward", "attack", "jump", "left", "sprint") if rng.random() < 0.4]
        camera = (rng.normal(0, 1.5), rng.normal(0, 4)) if rng.random() < 0.5 else (0.0, 0.0)
        result += [human_action(*keys, camera=camera)] * int(rng.integers(3, 20))
    return result[:n]


class BlankRenderer:
    """Replaces the renderer: returns a new blank frame."""

    def __init__(self, height: int, width: int) -> None:
        self._shape = (3, height, width)

    def draw(self, state: object) -> np.ndarray[Any, Any]:
        """Returns a black frame."""
        return np.zeros(self._shape, np.uint8)


@kernel
def plain_frame(blocks: Any, eye: Any, axes: Any, height: int, width: int, depth: Any) -> None:
    """Finds the block behind each pixel with a plain 3-D walk."""
    hit = np.zeros(4, np.int64)
    for row in range(height):
        v = 1.0 - (2 * row + 1) / height
        for column in range(width):
            u = (2 * column + 1) / width - 1.0
            dx = axes[0, 0] + u * axes[1, 0] + v * axes[2, 0]
            dy = axes[0, 1] + u * axes[1, 1] + v * axes[2, 1]
            dz = axes[0, 2] + u * axes[1, 2] + v * axes[2, 2]
            depth[row, column] = pick(blocks, eye[0], eye[1], eye[2], dx, dy, dz, VIEW, hit)


def rate(one: Callable[[int], object]) -> float:
    """Returns how often ``one(i)`` runs per second: the best of three measurements."""
    best = 0.0
    for _ in range(3):
        done, started = 0, time.process_time()
        while (spent := time.process_time() - started) < SECONDS / 3:
            for _ in range(20):
                one(done)
                done += 1
        best = max(best, done / spent)
    return best


def ticks_per_second(height: int, width: int, blank: bool = False) -> float:
    """Returns the harmonic mean over the worlds, each at the best of three stretches."""
    rates = []
    for world in range(WORLDS):
        task, level = TASKS[world]
        env = VoxelEnv(task, level, image_size=(height, width))
        env.reset(seed=world)
        if blank:
            env._game.renderer = BlankRenderer(height, width)  # type: ignore[assignment]
        env.step(actions(world)[0])  # the kernels are compiled now, if they were not
        rates.append(max(stretch(env, world) for _ in range(STRETCHES)))
    return statistics.harmonic_mean(rates)


def stretch(env: gym.Env[Any, Any], world: int) -> float:
    """Returns ticks per second over some time from the start of a world, the same for all calls."""
    script = actions(world)
    env.reset(seed=world)
    done, started = 0, time.process_time()
    while (spent := time.process_time() - started) < SECONDS / WORLDS:
        _, _, terminated, _, _ = env.step(script[done % len(script)])
        done += 1
        if terminated:
            env.reset()
    return done / spent


def policy_frames() -> dict[str, float]:
    """Returns ticks per second by the way in which a policy's frame is made, timed alternately in each world."""
    rates: dict[str, list[float]] = {name: [] for name in POLICY_WAYS}
    for world, (task, level) in enumerate(TASKS):
        envs = {name: VPTObsWrapper(VoxelEnv(task, level, **kwargs)) for name, kwargs in POLICY_WAYS.items()}
        for env in envs.values():
            env.reset(seed=world)
            env.step(actions(world)[0])
        best = dict.fromkeys(envs, 0.0)
        for _ in range(STRETCHES):
            best = {name: max(best[name], stretch(env, world)) for name, env in envs.items()}
        for name, rate in best.items():
            rates[name].append(rate)
    return {name: round(statistics.harmonic_mean(found)) for name, found in rates.items()}


def times_policy_frames(ticks: dict[str, float]) -> dict[str, float]:
    """Returns how many times as fast policy frames are as each other way."""
    return {name: round(ticks["policy"] / rate, 2) for name, rate in ticks.items() if name != "policy"}


def plain_frames_per_second(height: int, width: int) -> float:
    """Returns the rate of the plain ray caster over the starts of the same worlds."""
    views = []
    for world, (task, level) in enumerate(TASKS):
        env = VoxelEnv(task, level, image_size=(height, width))
        env.reset(seed=world)
        player = env.state.player[0]
        eye = np.array((player.x, player.y + EYE_HEIGHT, player.z))
        views.append((env.state.blocks, eye, camera_axes(player.yaw, player.pitch, height, width)))
    depth = np.zeros((height, width))
    plain_frame(*views[0], height, width, depth)
    return rate(lambda i: plain_frame(*views[i % WORLDS], height, width, depth))


def vector_rate(envs: gym.vector.VectorEnv[Any, Any, Any]) -> float:
    """Returns ticks per second of all worlds together.

    Worlds differ in what they cost: fewer than ``SEEDS`` worlds at a time play as many, one group after another.
    """
    n = envs.num_envs
    script = actions(0)
    batches = [batched([script[(i + 37 * k) % len(script)] for k in range(n)]) for i in range(VECTOR_TICKS)]
    spent, groups = 0.0, range(0, max(n, SEEDS), n)
    for first in groups:
        envs.reset(seed=first)
        started = time.perf_counter()
        for batch in batches:
            envs.step(batch)
        spent += time.perf_counter() - started
    envs.close()
    return n * len(groups) * VECTOR_TICKS / spent


def batched(actions: list[HumanAction]) -> dict[str, Any]:
    """Returns the action of a vector environment."""
    return {name: np.array([action[name] for action in actions]) for name in actions[0]}  # type: ignore[literal-required]


def scaling(height: int, width: int) -> dict[str, dict[str, float]]:
    """Returns ticks per second by number of worlds, for each way to play several: the best of ``ROUNDS`` rounds.

    ``two_processes`` play half of the worlds each, on one thread, and never wait for each other: what the cores give
    where there are neither Python's lock nor a common step.
    """
    kwargs = {"image_size": (height, width), "level": "default"}
    ways: dict[str, Callable[[int], float]] = {
        "make_vec": lambda n: vector_rate(gym.make_vec(ID, n, **kwargs)),
        "SyncVectorEnv": lambda n: vector_rate(gym.make_vec(ID, n, "sync", **kwargs)),
        "AsyncVectorEnv": lambda n: vector_rate(gym.make_vec(ID, n, "async", **kwargs)),
    }
    best: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):  # what other programs take in one round they hardly take in all
        found = {name: {str(n): rate(n) for n in VECTORS} for name, rate in ways.items()}
        found["two_processes"] = {str(n): processes_rate(n, kwargs) for n in (2, 8)}
        for name, rates in found.items():
            known = best.setdefault(name, {})
            known.update((n, round(max(rate, known.get(n, 0.0)))) for n, rate in rates.items())
    return best


def processes_rate(n: int, kwargs: dict[str, Any]) -> float:
    """Returns ticks per second of two processes together, with n worlds between them, begun at the same time."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(2, context) as pool:
        barrier = manager.Barrier(2, timeout=60.0)
        return sum(pool.map(_play_half, [n // 2] * 2, [kwargs] * 2, [barrier] * 2))


def _play_half(n: int, kwargs: dict[str, Any], barrier: Any) -> float:
    envs = gym.make_vec(ID, n, threads=1, **kwargs)
    envs.reset(seed=0)
    envs.step(batched(actions(0)[:n]))  # the kernels are loaded now
    barrier.wait()
    return vector_rate(envs)


def first_tick_seconds(cache: str, standard: bool = False) -> float:
    """Returns how long a new process takes to import, make an env, reset it and play a tick.

    Args:
        cache: Folder for the machine code of the kernels.
        standard: Compile in numba's standard way, not with ``vpt_gym.world.kernels.pipelines``.
    """
    started = time.perf_counter()
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, STANDARD_COMPILATION: str(int(standard))}
    subprocess.run([sys.executable, "-c", FIRST_TICK], env=environment, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measures for about five minutes and writes the result."""
    if "--policy-frames" in sys.argv:
        ticks = policy_frames()
        print(
            json.dumps({"ticks_per_processor_second": ticks, "policy_frames_to": times_policy_frames(ticks)}, indent=2)
        )
        return
    ticks = {f"{height}x{width}": round(ticks_per_second(height, width)) for height, width in SIZES}
    name = f"{MAIN_SIZE[0]}x{MAIN_SIZE[1]}"
    for_a_policy = policy_frames()
    blank = ticks_per_second(*MAIN_SIZE, blank=True)
    plain = plain_frames_per_second(*MAIN_SIZE)
    env = VoxelEnv(image_size=MAIN_SIZE)
    env.reset(seed=0)
    resets = rate(lambda _: env.reset())
    vectors = scaling(*MAIN_SIZE)
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as other_cache:
        cold, warm = first_tick_seconds(cache), first_tick_seconds(cache)
        standard = first_tick_seconds(other_cache, standard=True)
    result = {
        "question": "How fast is the embedded world, on one core, with human actions and full observations?",
        "ticks_per_processor_second": ticks,
        "ticks_with_frames_for_a_policy": for_a_policy,
        "vector_ticks_per_second": vectors,
        "reset_ms": round(1000 / resets, 1),
        "first_tick_seconds": {
            "cold_cache": round(cold, 1),
            "cold_cache_standard_compilation": round(standard, 1),
            "warm_cache": round(warm, 1),
        },
        "baselines": {
            "env_with_a_blank_frame_ticks_per_second": round(blank),
            "plain_ray_caster_without_shading_frames_per_second": round(plain),
        },
        "ratios": {
            "size": name,
            "policy_frames_to": times_policy_frames(for_a_policy),
            "whole_tick_to_plain_ray_caster": round(ticks[name] / plain, 2),
            "make_vec_of_8_to_of_1": round(vectors["make_vec"]["8"] / vectors["make_vec"]["1"], 2),
            "two_processes_of_4_to_make_vec_of_1": round(vectors["two_processes"]["8"] / vectors["make_vec"]["1"], 2),
            "make_vec_of_8_to_async_of_8": round(vectors["make_vec"]["8"] / vectors["AsyncVectorEnv"]["8"], 2),
            "share_of_the_tick_spent_on_the_frame": round(1 - ticks[name] / blank, 3),
        },
        "machine": {
            **describe("numba", "numpy"),
            "avx512": bool(binding.get_host_cpu_features().get("avx512f", False)),
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
