"""How fast does behavioural cloning train 1x, and with how much memory?

Each variant runs in its own process, in alternation. Writes ``benchmarks/results/training.json``. Run it with
``python -m benchmarks training``; it takes about ten minutes. The baseline is the loop of the published script: one
frame per step for each of 8 streams, gradients through that frame alone, one step of Adam for all 8.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks._timing import spread
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.system.machine import describe

RESULT = Path(__file__).parent / "results" / "training.json"
THREADS = 2
ROUNDS = 3
SIZE = "1x"
LEARNING_RATE, WEIGHT_DECAY = 1.81e-4, 0.039428


@dataclass(frozen=True)
class Way:
    """A variant of the training: the shape of a batch, and the options."""

    streams: int
    steps: int
    bf16: bool = False
    checkpointing: bool = False
    frozen: bool = False
    updates: int = 3
    """Timed updates, after one that is not timed."""


WAYS = {
    "one frame a step": Way(8, 1, updates=2),
    "T=64": Way(1, 64),
    "T=64, bf16": Way(1, 64, bf16=True),
    "T=128, bf16": Way(1, 128, bf16=True, updates=2),
    "T=128, bf16, checkpointing": Way(1, 128, bf16=True, checkpointing=True, updates=2),
    "8 x T=64, image network frozen, its features cached": Way(8, 64, frozen=True),
}


def one_frame_a_step(policy: VPTPolicy, streams: int) -> Callable[[], int]:
    """Returns an update of the published loop."""
    optimizer = torch.optim.Adam(
        [p for p in policy.parameters() if p.requires_grad], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    memories: list[Memory | None] = [None] * streams
    frames = torch.randint(0, 256, (streams, 1, 1, 128, 128, 3), dtype=torch.uint8)
    first, codes = torch.zeros(1, 1, dtype=torch.bool), torch.randint(0, 121, (streams, 1, 1, 2))

    def update() -> int:
        for stream in range(streams):
            output = policy(frames[stream], first, memories[stream])
            memories[stream] = output.memory.detach()
            (-output.pi.log_prob(codes[stream]).sum() / streams).backward()
        optimizer.step()
        optimizer.zero_grad()
        return streams

    return update


def sequences(policy: VPTPolicy, way: Way) -> Callable[[], int]:
    """Returns an update on complete sequences, with memory carried from one to the next, on the policy's device."""
    shape, device = (way.streams, way.steps), policy.net.final_ln.weight.device
    if way.frozen:
        freeze(policy, "net.img_process.*")
        frames = torch.randn(*shape, policy.config.hidsize).relu_()
    else:
        frames = torch.randint(0, 256, (*shape, 128, 128, 3), dtype=torch.uint8)
    policy.set_precision("bf16" if way.bf16 else "fp32")
    policy.gradient_checkpointing = way.checkpointing
    frames = frames.to(device)
    parameters = [p for p in policy.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    first, codes = torch.zeros(shape, dtype=torch.bool, device=device), torch.randint(0, 121, (*shape, 2)).to(device)
    memory: list[Memory | None] = [None]

    def update() -> int:
        output = policy(frames, first, memory[0])
        memory[0] = output.memory.detach()
        optimizer.zero_grad(set_to_none=True)
        (-output.pi.log_prob(codes).mean()).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        return first.numel()

    return update


def run_way(name: str) -> dict[str, float]:
    """Trains in this process; returns frames per second and peak memory."""
    import resource

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    way, policy = WAYS[name], VPTPolicy(VPTConfig.named(SIZE)).train()
    update = one_frame_a_step(policy, way.streams) if way.steps == 1 else sequences(policy, way)
    update()
    start, frames = time.perf_counter(), 0
    for _ in range(way.updates):
        frames += update()
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    return {"fps": frames / seconds, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9}


def main() -> None:
    """Measures, prints and writes the result."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    load = []
    for _ in range(ROUNDS):
        for name in WAYS:
            load.append(psutil.cpu_percent(1.0) / 100 * (psutil.cpu_count() or 1))
            with tempfile.TemporaryFile("w+") as output:
                subprocess.run([sys.executable, "-m", "benchmarks.training", name], stdout=output, check=True)
                output.seek(0)
                found[name].append(json.loads(output.read()))
    baseline = statistics.median(run["fps"] for run in found["one frame a step"])
    result: dict[str, Any] = {
        "what": f"behavioural cloning of {SIZE}: frames a second, Adam and gradient clipping included; each way in a "
        f"process of its own, {ROUNDS} times in turns",
        "machine": describe("torch", "numpy"),
        "threads": THREADS,
        "other_programs_cores": round(statistics.mean(load), 2),
    }
    for name, runs in found.items():
        figures = spread([run["fps"] for run in runs])
        result[name] = {
            "frames_per_second": figures,
            "times_one_frame_a_step": round(figures["median"] / baseline, 1),
            "peak_memory_gb": round(max(run["peak_gb"] for run in runs), 2),
        }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(run_way(sys.argv[1])))
    else:
        main()
