"""How fast does behavioural cloning train 1x and nano, and with how much memory?

Each variant runs in its own process, in alternation. Writes ``benchmarks/results/training.json``. Run it with
``python -m benchmarks training``; it takes twelve minutes. ``python -m benchmarks.training nano`` takes about two:
it measures ``nano`` and keeps the other figures. The baseline of 1x is the loop of the published script: one frame per
step for each of 8 streams, gradients through that frame alone, one step of Adam for all 8. The limit of nano is what
its convolutions take alone, forward and backward.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.nn.functional as F

from benchmarks._timing import spread
from vpt_gym.agents.policy.config import FRAME_SIZE, VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.system.machine import describe

RESULT = Path(__file__).parent / "results" / "training.json"
THREADS = 2
ROUNDS = 3
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
    size: str = "1x"


CONVOLUTIONS = "nano, only the convolutions in bf16"
NANO = {
    "nano, 8 x T=16": Way(8, 16, updates=20, size="nano"),
    "nano, 8 x T=16, bf16": Way(8, 16, bf16=True, updates=20, size="nano"),
    CONVOLUTIONS: Way(8, 16, bf16=True, updates=20, size="nano"),
}
"""The batches of ``examples/bc.py``."""
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
    shape, device = (way.streams, way.steps), policy.device
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


def convolutions(way: Way) -> Callable[[], int]:
    """Returns an update's convolutions in bf16, forward and backward, with nothing between them."""
    config, frames = VPTConfig.named(way.size), way.streams * way.steps
    size, before, shapes = FRAME_SIZE // config.stem_pool, 3, []
    for channels in config.channels:
        shapes.append((before, channels, size))
        size, before = (size + 1) // 2, channels
        shapes += [(channels, channels, size)] * 4
    layers = []
    for inputs, outputs, size in shapes:
        x, gradient = (
            torch.randn(frames, channels, size, size).to(torch.bfloat16, memory_format=torch.channels_last)
            for channels in (inputs, outputs)
        )
        layers.append((x, torch.randn(outputs, inputs, 3, 3).to(torch.bfloat16), gradient, [inputs > 3, True, False]))

    def update() -> int:
        one, none = [1, 1], [0, 0]
        for x, weight, gradient, wanted in layers:
            F.conv2d(x, weight, padding=1)
            torch.ops.aten.convolution_backward(gradient, x, weight, None, one, one, one, False, none, 1, wanted)
        return frames

    return update


def run_way(name: str) -> dict[str, float]:
    """Trains in this process; returns frames per second and peak memory."""
    import resource

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    way = {**WAYS, **NANO}[name]
    policy = VPTPolicy(VPTConfig.named(way.size)).train()
    if name == CONVOLUTIONS:
        update = convolutions(way)
    else:
        update = one_frame_a_step(policy, way.streams) if way.steps == 1 else sequences(policy, way)
    update()
    start, frames = time.perf_counter(), 0
    for _ in range(way.updates):
        frames += update()
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    return {"fps": frames / seconds, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9}


def measure(ways: Iterable[str]) -> dict[str, Any]:
    """Returns the figures of some ways, each in a process of its own, in turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    load = []
    for _ in range(ROUNDS):
        for name in found:
            load.append(psutil.cpu_percent(1.0) / 100 * (psutil.cpu_count() or 1))
            with tempfile.TemporaryFile("w+") as output:
                subprocess.run([sys.executable, "-m", "benchmarks.training", name], stdout=output, check=True)
                output.seek(0)
                found[name].append(json.loads(output.read()))
    baseline = statistics.median(run["fps"] for run in next(iter(found.values())))
    result: dict[str, Any] = {
        "machine": describe("torch", "numpy"),
        "threads": THREADS,
        "other_programs_cores": round(statistics.mean(load), 2),
    }
    for name, runs in found.items():
        figures = spread([run["fps"] for run in runs])
        result[name] = {
            "frames_per_second": figures,
            "times_the_first": round(figures["median"] / baseline, 2),
            "peak_memory_gb": round(max(run["peak_gb"] for run in runs), 2),
        }
    return result


def main(*, nano_only: bool = False) -> None:
    """Measures, prints and writes the result."""
    result = json.loads(RESULT.read_text(encoding="utf-8")) if nano_only else {"1x": measure(WAYS)}
    result["what"] = (
        "behavioural cloning: frames a second, Adam and gradient clipping included; each way in a process of its own, "
        f"{ROUNDS} times in turns"
    )
    result["nano"] = measure(NANO)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    words = sys.argv[1:]
    if words and words != ["nano"]:
        print(json.dumps(run_way(words[0])))
    else:
        main(nano_only=bool(words))
