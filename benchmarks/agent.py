"""How fast does an agent act, and how close is each engine to its policy?

Times one tick of the plain policy and of each engine alternately, and writes ``benchmarks/results/agent.json``. Run it
with ``python -m benchmarks agent``; it takes some minutes, and 9 GB of memory for 3x. Ratios are relative to the plain
policy in the same run. ``python -m benchmarks gpu`` does the same on a CUDA device.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks._cost import Peaks, cost, measure_peaks
from benchmarks._procedural import procedural_frames, procedural_policy
from benchmarks._timing import in_turns
from vpt_gym.agents.engine import ActingEngine, available_precisions
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.heads import Distribution
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.system.machine import describe

RESULT = Path(__file__).parent / "results" / "agent.json"
THREADS = 2
CPU = {
    ("nano", 1): (20, 20),
    ("nano", 16): (10, 10),
    ("1x", 1): (12, 10),
    ("1x", 8): (8, 3),
    ("2x", 1): (10, 5),
    ("3x", 1): (8, 4),
}
"""(size, streams): (blocks of each variant, ticks in a block)."""
FRAMES = 40
"""Number of frames on which an engine is compared with its policy."""
Step = Callable[[torch.Tensor, torch.Tensor], Distribution]


def plain(policy: VPTPolicy) -> Step:
    """Returns a step of the plain policy, which carries its memory along."""
    memory: list[Memory | None] = [None]

    def step(frames: torch.Tensor, first: torch.Tensor) -> Distribution:
        with torch.inference_mode():
            output = policy(frames[:, None], first[:, None], memory[0])
        memory[0] = output.memory
        return output.pi

    return step


def timed(step: Step, frames: torch.Tensor, first: torch.Tensor) -> Callable[[], None]:
    """Returns a function that runs one tick, to be timed."""

    def run() -> None:
        step(frames, first)
        if frames.is_cuda:
            torch.cuda.synchronize()

    return run


def nearness(policy: VPTPolicy, engine: ActingEngine) -> dict[str, float]:
    """Compares an engine with its policy, frame by frame: KL(policy || engine) in nats, agreement of the best."""
    device = engine.device
    frames = procedural_frames(1, FRAMES).to(device)
    step, terms, agree = plain(policy), [], []
    for t in range(FRAMES):
        first = torch.tensor([t == 0], device=device)
        expected = step(frames[:, t], first)
        found = engine.step(frames[:, t], first).pi
        exact = [(p[0, 0].double(), q[0].double()) for p, q in zip(expected.log_probs, found.log_probs, strict=True)]
        terms.append(sum(float((p.exp() * (p - q)).sum()) for p, q in exact))
        agree.append([float(p.argmax() == q.argmax()) for p, q in exact])
    buttons, camera = torch.tensor(agree).mean(0).tolist()
    return {
        "kl_mean": float(f"{sum(terms) / FRAMES:.3g}"),
        "kl_largest": float(f"{max(terms):.3g}"),
        "same_best_buttons": round(buttons, 3),
        "same_best_camera": round(camera, 3),
    }


def measure(policy: VPTPolicy, streams: int, rounds: int, block: int, peaks: Peaks) -> dict[str, Any]:
    """Times the policy and its engines alternately, on the policy's device."""
    config, device = policy.config, policy.device.type
    frames = procedural_frames(streams, 1)[:, 0].to(device)
    first = torch.zeros(streams, dtype=torch.bool, device=device)
    ways, near, megabytes = {"plain": timed(plain(policy), frames, first)}, {}, {}
    for precision in available_precisions(device):
        gc.collect()
        before = psutil.Process().memory_info().rss
        engine = ActingEngine(policy, streams, precision=precision)
        megabytes[precision] = round((psutil.Process().memory_info().rss - before) / 1e6)
        if streams == 1:
            near[precision] = nearness(policy, engine)
        ways[precision] = timed(lambda frames, first, engine=engine: engine.step(frames, first).pi, frames, first)
    times, others = in_turns(ways, rounds=rounds, block=block)
    result: dict[str, Any] = {"other_programs_cores": others}
    for name, figures in times.items():
        precision = name.replace("plain", "fp32")
        result[name] = {
            "ms_per_tick": figures,
            "times_plain": round(times["plain"]["median"] / figures["median"], 2),
            "frames_per_second": round(1e3 * streams / figures["median"], 1),
            "limit_ms": round(peaks.limit_ms(cost(config), precision, device, streams), 3),
            **({"packed_mb": megabytes[name]} if name in megabytes and device == "cpu" else {}),
            **near.get(name, {}),
        }
    return result


def described(peaks: Peaks) -> dict[str, Any]:
    """Returns the peaks of a device as they are written."""
    return {
        "peak_conv_gflops": {name: round(value / 1e9) for name, value in peaks.conv.items()},
        "peak_read_gb_per_s": round(peaks.read / 1e9, 1),
    }


def entry(policy: VPTPolicy, size: str, streams: int, rounds: int, block: int, peaks: Peaks) -> dict[str, Any]:
    """Measures one size and number of streams; returns the figures under their name."""
    of = cost(policy.config)
    figures = {"gflop_per_frame": round(of.flop / 1e9, 3), "million_dense_weights": round(of.dense / 1e6, 1)}
    key = f"{size}, {streams} stream{'s' if streams > 1 else ''}"
    found = {key: {**figures, **measure(policy, streams, rounds, block, peaks)}}
    print(json.dumps(found), flush=True)
    gc.collect()
    return found


def on_cpu() -> dict[str, Any]:
    """Measures every entry of the plan."""
    peaks = measure_peaks("cpu")
    result = described(peaks)
    for (size, streams), (rounds, block) in CPU.items():
        result |= entry(procedural_policy(VPTConfig.named(size)), size, streams, rounds, block, peaks)
    one, eight = result["1x, 1 stream"], result["1x, 8 streams"]
    result["1x, frames per second of 8 streams over 1"] = {
        name: round(eight[name]["frames_per_second"] / one[name]["frames_per_second"], 2)
        for name in ("plain", *available_precisions())
    }
    return result


def main() -> None:
    """Measures, prints and writes the result."""
    torch.set_num_threads(THREADS)
    result = {
        "what": "milliseconds of one tick, timed alternately; limit_ms is convolutions at the peak measured here, then "
        f"weights and memory read once; KL and agreement with the policy on {FRAMES} frames, procedural weights",
        "machine": describe("torch", "numpy"),
        "threads": THREADS,
        "cpu": on_cpu(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {RESULT}")


if __name__ == "__main__":
    main()
