"""How fast does PPO train ``nano`` in 16 environments, beside playing alone?

Runs ``examples/ppo.py`` from ``nano-foundation`` with the settings of docs/jobs/ppo.md for two cores, and plays in as
many environments without learning, in turns. Writes ``benchmarks/results/ppo.json``. Run it with ``python -m
benchmarks ppo``; it takes about three minutes on two cores.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.scaling import ROOT, play_rate, play_rate_in_a_process, run_apart
from vpt_gym.system.machine import describe

RESULT = Path(__file__).parent / "results" / "ppo.json"
ENVS, ROUNDS = 16, 2
ITERATIONS, WARMUP = 9, 3
"""Rollouts of 2,048 ticks. In the first ones only the value head learns, and they do not count."""
OPTIONS = [
    *("--model", "nano-foundation", "--num-envs", str(ENVS), "--gamma", "0.99", "--episode-ticks", "300"),
    *("--env-kwargs", json.dumps({"level": "default", "dense_reward": True})),
    *("--freeze", "net.img_process.*", "--train-precision", "bf16", "--lr", "2e-4", "--epochs", "3"),
    *("--target-kl", "0.03", "--kl-coefficient", "0.1", "--warmup-iterations", str(WARMUP)),
    *("--iterations", str(ITERATIONS), "--eval-episodes", "0"),
]


def train_rate() -> float:
    """Returns ticks per second of PPO, playing and learning: the median of its iterations after the warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        run_apart([sys.executable, str(ROOT / "examples" / "ppo.py"), *OPTIONS, "--out", str(out)])
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return statistics.median(line["time/ticks_per_second"] for line in lines if "loss/policy" in line)


def main() -> None:
    """Measures, prints and writes the result."""
    play_rate(1, seconds=0.0)  # the world's kernels are compiled now, if they were not
    rounds = [(train_rate(), play_rate_in_a_process(ENVS)) for _ in range(ROUNDS)]
    training, playing = (max(rates) for rates in zip(*rounds, strict=True))
    result = {
        "what": f"ticks per second of {ENVS} environments together; the best of {ROUNDS} rounds",
        "options": " ".join(OPTIONS),
        "ppo": round(training, 1),
        "playing": round(playing, 1),
        "ppo_to_playing": round(training / playing, 2),
        "machine": describe("torch", "numba", "vpt-gym"),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
