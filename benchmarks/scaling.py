"""What do more environments, and a second process, gain? Playing and cloning with ``nano``.

Plays with ``nano-foundation`` in int8 in 1 to 64 environments, and runs ``examples/bc.py`` with one process and, by
``torchrun``, with two. Each measurement is a process of its own, in turns; the best of ``ROUNDS`` counts. Writes
``benchmarks/results/scaling.json``, which docs/frame-costs.md shows as tables. Run it with ``python -m benchmarks
scaling``; it takes less than five minutes on two cores.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from vpt_gym.agents.agent import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.learning.vector_env import make_vector_env
from vpt_gym.system.machine import describe, usable_processors
from vpt_gym.wrappers.vector.episode_starts import EpisodeStarts

RESULT = Path(__file__).parent / "results" / "scaling.json"
ROOT = Path(__file__).parents[1]
MODEL, PRECISION = "nano-foundation", "int8"
ENVS = (1, 2, 4, 8, 16, 32, 64)
"""Numbers of environments that one agent plays in."""
RANKS = (1, 2)
"""Numbers of processes that train together."""
WORLD = {"level": "default", "image_size": "policy", "max_episode_steps": 100}
"""Arguments of the embedded world. Episodes are short, so that every number of environments plays in many worlds."""
SECONDS = 6.0
"""Seconds for which each number of environments plays."""
DEMOS, TICKS = 12, 300
"""Demos that are learned, and their greatest length in ticks."""
UPDATES, LOG_EVERY = 80, 20
"""Updates of a training. The first ``LOG_EVERY`` of them do not count: processors and caches warm up."""
ROUNDS = 2


def play_rate(num_envs: int, seconds: float = SECONDS) -> float:
    """Returns ticks per second of all environments together: acting, the worlds, and the starts of new episodes."""
    torch.set_num_threads(usable_processors())
    make = EnvArgs(kwargs=json.dumps(WORLD)).make
    agent = VPTAgent.from_pretrained(MODEL, precision=PRECISION)
    envs = EpisodeStarts(make_vector_env(make, [range(i, 10**6, num_envs) for i in range(num_envs)], "threads"))
    obs, _ = envs.reset()
    agent.reset(seed=0)
    for _ in range(3):  # the kernels and the engine are ready now
        obs, *_ = envs.step(agent.act(obs, first=envs.first))
    started, ticks = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < seconds:
        obs, *_ = envs.step(agent.act(obs, first=envs.first))
        ticks += int(envs.played.sum())
    envs.close()
    return ticks / spent


def clone_rate(demos: Path, ranks: int) -> float:
    """Returns frames per second of behavioural cloning from fresh weights, reading the demos included."""
    start = [sys.executable]
    if ranks > 1:
        start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        options = ["--demos", str(demos), "--out", str(out), "--model", "nano", "--train.precision", "bf16"]
        options += ["--train.steps", str(UPDATES), "--log-every", str(LOG_EVERY), "--validation", "0"]
        options += ["--rollout-episodes", "0", "--eval-episodes", "0", "--no-tensorboard"]
        run_apart([*start, str(ROOT / "examples" / "bc.py"), *options])
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rates = [line["time/frames_per_second"] for line in lines if "time/frames_per_second" in line]
    return statistics.median(rates[2:])  # the first two are of the first update, and of the rest of its interval


def play_rate_in_a_process(num_envs: int) -> float:
    """Returns what ``play_rate`` returns in a new process."""
    return float(run_apart([sys.executable, "-m", "benchmarks.scaling", str(num_envs)]))


def best(ways: dict[int, Callable[[], float]]) -> dict[str, Any]:
    """Runs each way ``ROUNDS`` times, in turns.

    Returns:
        For each way the best rate and the seconds that a million frames take at it.
    """
    rates = dict.fromkeys(ways, 0.0)
    for _ in range(ROUNDS):  # what other programs take in one round they hardly take in all
        for n, way in ways.items():
            rates[n] = max(rates[n], way())
    return {
        str(n): {"frames_per_second": round(rate, 1), "seconds_per_million_frames": round(1e6 / rate)}
        for n, rate in rates.items()
    }


def run_apart(command: list[str]) -> str:
    """Runs a command in the root of the repository, and returns what it prints.

    Idle threads of torch sleep in it instead of spinning, because the worlds need the processors.
    """
    environment = {"GOMP_SPINCOUNT": "1000", **os.environ}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> None:
    """Measures, prints and writes the result."""
    begun = time.perf_counter()
    play_rate(1, seconds=0.0)  # the world's kernels are compiled now, if they were not
    playing = best({n: lambda n=n: play_rate_in_a_process(n) for n in ENVS})  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        record = ["-m", "vpt_gym", "record", "-o", folder, "--episodes", str(DEMOS), "--size", "128", "--quiet"]
        run_apart([sys.executable, *record, "--env-kwargs", json.dumps({"level": "easy", "max_episode_steps": TICKS})])
        cloning = best({n: lambda n=n: clone_rate(Path(folder), n) for n in RANKS})  # type: ignore[misc]
    result = {
        "what": f"frames per second of all environments, or of all processes, together; the best of {ROUNDS} rounds",
        "model": f"{MODEL}, {PRECISION}",
        "world": WORLD,
        "batch": "8 x 16 ticks, bf16, shared by the processes",
        "seconds": round(time.perf_counter() - begun),
        "playing": playing,
        "cloning": cloning,
        "machine": describe("torch", "numba", "numpy"),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(play_rate(int(sys.argv[1])))
    else:
        main()
