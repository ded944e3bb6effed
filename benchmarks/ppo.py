"""How fast does PPO train ``nano`` in 16 environments, beside playing alone?

Runs the command of PPO from ``nano-foundation`` in docs/results.md for a few rollouts, and plays in as many
environments without learning, in turns. Writes ``benchmarks/results/ppo.json``. Run it with ``python -m
benchmarks ppo``; it takes about three minutes on two cores.
"""

from __future__ import annotations

import json
import shlex
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.scaling import play_rate, play_rate_in_a_process, run_apart
from experiments.cells import PPO_FOUNDATION
from vpt_gym.system.machine import describe

RESULT = Path(__file__).parent / "results" / "ppo.json"
ENVS, ROUNDS = 16, 2
COMMAND = f"{PPO_FOUNDATION} --num-envs {ENVS} --iterations 9 --eval-episodes 0"
"""That of docs/results.md, but shorter. Its first rollouts, in which only the value head learns, do not count."""


def train_rate() -> float:
    """Returns ticks per second of PPO, playing and learning: the median of its iterations after the warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        words = shlex.split(COMMAND.replace("$seed", "0").replace("$out", shlex.quote(str(out))))
        run_apart([sys.executable, *words])
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return statistics.median(line["time/ticks_per_second"] for line in lines if "loss/policy" in line)


def main() -> None:
    """Measures, prints and writes the result."""
    play_rate(1, seconds=0.0)  # the world's kernels are compiled now, if they were not
    rounds = [(train_rate(), play_rate_in_a_process(ENVS)) for _ in range(ROUNDS)]
    training, playing = (max(rates) for rates in zip(*rounds, strict=True))
    result = {
        "what": f"ticks per second of {ENVS} environments together; the best of {ROUNDS} rounds",
        "command": COMMAND,
        "ppo": round(training, 1),
        "playing": round(playing, 1),
        "ppo_to_playing": round(training / playing, 2),
        "machine": describe("torch", "numba", "vpt-gym"),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
