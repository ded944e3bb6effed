"""How often does the scripted player succeed, and how long does it take?

Plays ``WORLDS`` unseen worlds of each level through the registered env (600 steps), and again after another policy has
run about and dug holes for 200 ticks first, which is what DAgger asks of it. Writes ``benchmarks/results/expert.json``.
Run it with ``python -m benchmarks expert``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym.actions.human import human_action
from vpt_gym.learning.evaluate import wilson_interval
from vpt_gym.machine import describe
from vpt_gym.world.experts import LogExpert
from vpt_gym.world.generate import LEVELS

WORLDS = 100
FIRST_SEED = 8_500_000
LIMIT = 600
DETOUR = 200
"""Ticks that the other policy plays, in the second part."""
RESULT = Path(__file__).parent / "results" / "expert.json"


def wander(env: gym.Env[Any, Any], expert: LogExpert, seed: int) -> bool:
    """Lets a random policy play while the expert labels; tells whether the episode ended by that."""
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


def measure(level: str, detour: bool) -> dict[str, Any]:
    """Plays all worlds of a level."""
    limit = LIMIT + DETOUR * detour
    env = gym.make("vpt_gym/Harvest1Log-v0", level=level, image_size=(32, 32), max_episode_steps=limit)
    expert = LogExpert()
    lengths: list[int] = []
    spent, labels, successes = 0.0, 0, 0
    for seed in range(FIRST_SEED, FIRST_SEED + WORLDS):
        env.reset(seed=seed)
        expert.reset()
        success = detour and wander(env, expert, seed)
        terminated = truncated = success
        ticks = 0
        while not (terminated or truncated):
            started = time.perf_counter()
            action = expert.act(env)
            spent += time.perf_counter() - started
            labels += 1
            *_, terminated, truncated, info = env.step(action)
            ticks += 1
            success = info["success"]
        successes += success
        if success and ticks > 0:
            lengths.append(ticks)
    low, high = wilson_interval(successes, WORLDS)
    return {
        "level": level,
        "after_detour": detour,
        "worlds": WORLDS,
        "successes": successes,
        "wilson_95": [round(low, 3), round(high, 3)],
        "ticks": {
            "mean": round(float(np.mean(lengths)), 1),
            "median": float(np.median(lengths)),
            "p90": round(float(np.percentile(lengths, 90))),
        },
        "microseconds_per_label": round(1e6 * spent / max(labels, 1)),
    }


def main() -> None:
    """Plays for about half a minute and writes the result."""
    result = {
        "question": "How often does the scripted player collect a log in unseen worlds within 600 ticks?",
        "first_seed": FIRST_SEED,
        "machine": describe("numba", "numpy"),
        "results": [measure(level, detour) for detour in (False, True) for level in LEVELS],
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
