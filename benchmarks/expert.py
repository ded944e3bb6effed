"""How often do the scripted players succeed in their tasks, and how long do they take?

The players play ``WORLDS`` unseen worlds of each task, through its registered env and within its step limit, with full
skill. Harvesting a log is also played in easy worlds, and after a random policy has walked and dug for 200 ticks, as in
DAgger. Some tasks are also played with half the skill. Survival succeeds if the player lives through a day and a night.
All processors play at the same time, so a label takes a little longer than it would alone. Writes
``benchmarks/results/expert.json``. Run it with ``python -m benchmarks expert``.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym.actions.human import human_action
from vpt_gym.learning.evaluate import wilson_interval
from vpt_gym.system.machine import describe, usable_processors
from vpt_gym.world.experts import TaskExpert, expert_for
from vpt_gym.world.ids import STEP_LIMITS, env_id
from vpt_gym.world.tasks import TICKS_PER_DAY

WORLDS = 100
FIRST_SEED = 9_100_000
DETOUR = 200
"""Ticks that the random policy plays first, in the cases that have it."""
RESULT = Path(__file__).parent / "results" / "expert.json"


@dataclass(frozen=True)
class Case:
    """One line of the result."""

    task: str
    level: str = "default"
    skill: float = 1.0
    after_detour: bool = False


CASES = (
    *(Case(task) for task, limit in STEP_LIMITS.items() if limit is not None),
    Case("harvest_1_log", "easy"),
    Case("harvest_1_log", after_detour=True),
    Case("harvest_1_log", "easy", after_detour=True),
    Case("harvest_1_log", skill=0.5),
    Case("harvest_1_cobblestone", skill=0.5),
    Case("combat_pig_plains_barehand", skill=0.5),
    Case("survival"),
)


class Played(NamedTuple):
    """The result of one world: success, ticks (0 if the random policy succeeded), seconds for each label."""

    success: bool
    ticks: int
    labels: list[float]


def wander(env: gym.Env[Any, Any], expert: TaskExpert, seed: int) -> bool:
    """Lets a random policy play while the expert labels; returns whether it ended the episode."""
    rng = np.random.default_rng(seed)
    action = human_action()
    for tick in range(DETOUR):
        expert.act(env)
        if tick % 10 == 0:
            keys = [key for key in ("forward", "left", "right", "jump", "attack", "sprint") if rng.random() < 0.5]
            action = human_action(*keys, camera=(rng.normal(1.0, 4.0), rng.normal(0.0, 6.0)))
        if env.step(action)[2]:
            return True
    return False


def limit_of(case: Case) -> int:
    """Returns the step limit of an episode, ticks."""
    return TICKS_PER_DAY if case.task == "survival" else (STEP_LIMITS[case.task] or 0) + DETOUR * case.after_detour


def play(case: Case, seed: int) -> Played:
    """Plays one world; the seed of the world is also that of the player's random choices."""
    env = gym.make(env_id(case.task), level=case.level, image_size=(32, 32), max_episode_steps=limit_of(case))
    expert = expert_for(case.task, case.skill, seed=seed)
    env.reset(seed=seed)
    success = case.after_detour and wander(env, expert, seed)
    terminated = truncated = success
    ticks, labels = 0, []
    while not (terminated or truncated):
        started = time.perf_counter()
        action = expert.act(env)
        labels.append(time.perf_counter() - started)
        *_, terminated, truncated, info = env.step(action)
        ticks += 1
        success = truncated if case.task == "survival" else info["success"]
    return Played(success, ticks, labels)


def measure(case: Case, pool: Executor) -> dict[str, Any]:
    """Plays all worlds of a case."""
    seeds = range(FIRST_SEED, FIRST_SEED + WORLDS)
    worlds = dict(zip(seeds, pool.map(play, [case] * WORLDS, seeds), strict=True))
    failures = [seed for seed, played in worlds.items() if not played.success]
    lengths = [played.ticks for played in worlds.values() if played.success and played.ticks > 0]
    labels = [seconds for played in worlds.values() for seconds in played.labels]
    successes = WORLDS - len(failures)
    low, high = wilson_interval(successes, WORLDS)
    return {
        **asdict(case),
        "limit": limit_of(case),
        "worlds": WORLDS,
        "successes": successes,
        "wilson_95": [round(low, 3), round(high, 3)],
        "failed_seeds": failures,
        "ticks": {
            "mean": round(float(np.mean(lengths)), 1),
            "median": float(np.median(lengths)),
            "p90": round(float(np.percentile(lengths, 90))),
        },
        "microseconds_per_label": {
            "median": round(1e6 * float(np.median(labels))),
            "p99": round(1e6 * float(np.percentile(labels, 99))),
        },
    }


def main() -> None:
    """Plays all cases and writes the result; takes about forty minutes on two cores, mostly for survival."""
    results = []
    with ProcessPoolExecutor(usable_processors(), multiprocessing.get_context("spawn")) as pool:
        for case in CASES:
            results.append(line := measure(case, pool))
            name = " ".join(str(value) for value in asdict(case).values())
            print(f"{name}: {line['successes']}/{line['worlds']}, {line['ticks']}", flush=True)
    result = {
        "question": "How often do the scripted players succeed in unseen worlds, and in how many ticks?",
        "first_seed": FIRST_SEED,
        "machine": describe("numba", "numpy"),
        "results": results,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
