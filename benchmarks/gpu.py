"""How fast is a CUDA device, and are its results right? Everything in one command of at most eight minutes.

In this order: parity with the golden outputs of the published code; acting with ``1x``, ``2x`` and ``3x`` at 1 and 64
streams, by the plain policy and by engines (CUDA graphs; fp32 and bf16); behavioural cloning of ``1x``; iterations of
``examples/ppo.py``; at last an engine compiled with ``torch.compile``. A part that would not end in time is left out,
with a line that says so. Writes ``benchmarks/results/gpu.json`` after each part. Run it with ``python -m benchmarks
gpu``, in a checkout, because the golden files are in ``tests/``; it needs 12 GB of GPU memory, and 8 GB of memory.

PyTorch rounds the inputs of fp32 convolutions to TF32 by default on CUDA; parity is measured with and without.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from benchmarks._cost import Peaks, measure_peaks
from benchmarks._procedural import procedural_policy
from benchmarks.agent import described, entry, timed
from benchmarks.training import Way, sequences
from tests.support import vpt_goldens
from vpt_gym.agents.engine import ActingEngine, available_precisions
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.system.machine import describe

RESULT = Path(__file__).parent / "results" / "gpu.json"
ROOT = Path(__file__).parents[1]
LIMIT = 480.0
"""Seconds for everything."""
STREAMS = {1: (8, 30), 64: (5, 5)}
"""Numbers of streams: blocks of each way, ticks in a block."""
MARKS = {
    "ms per tick of one stream on an H200": {"1x": 0.8, "2x": 1.2, "3x": 2.0},
    "frames per second of 3x at 64 streams on an H200": 8000,
    "frames per second of behavioural cloning of 1x on an H200": 3000,
}
"""What we expect of that device: nobody has measured it yet."""
EXACT, NEAR = 1e-3, 5e-3
"""Tolerances of tests/agents/engine: of log-probabilities in fp32, and of the KL in bf16, nats a frame."""
SEQUENCE, MOST_STREAMS = 64, 16
"""Ticks of a sequence in training, and sequences of the largest batch; half as many until they fit into memory."""
PPO = (
    "--model", "1x", "--device", "cuda", "--train-precision", "bf16", "--num-envs", "32", "--ticks", "128",
    "--minibatches", "16", "--iterations", "5", "--warmup-iterations", "1", "--eval-episodes", "0", "--no-tensorboard",
    "--env-kwargs", '{"level": "easy", "image_size": "policy"}',
)  # fmt: skip
"""Options of ``examples/ppo.py``. A minibatch is 2 sequences of 128 ticks."""


@contextmanager
def tf32(convolutions: bool, products: bool) -> Iterator[None]:
    """Sets where fp32 inputs are rounded to TF32."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def played(policy: VPTPolicy, precision: Any, frames: Tensor, first: Tensor) -> dict[str, Tensor]:
    """Returns the log-probabilities of an engine, or with None of the policy itself, (1, T, n), on the CPU."""
    if precision is None:
        with torch.no_grad():
            pi = policy(frames, first).pi
        return {"buttons": pi.buttons.cpu(), "camera": pi.camera.cpu()}
    engine = ActingEngine(policy, 1, precision=precision)
    outputs = [engine.step(frames[:, t], first[:, t]).pi for t in range(frames.shape[1])]
    return {name: torch.stack([getattr(pi, name) for pi in outputs], 1).cpu() for name in ("buttons", "camera")}


def parity(device: str) -> dict[str, Any]:
    """Compares the network of the published size 1x with the published code, whose outputs are in ``tests/data``."""
    golden = vpt_goldens.arrays("proc_1x")
    policy = vpt_goldens.procedural_policy("1x").to(device).eval()
    frames, first = vpt_goldens.procedural_frames("1x").to(device), torch.from_numpy(golden["first"]).to(device)
    buttons = torch.from_numpy(golden["step_buttons"]).flatten(2).double()
    camera = torch.from_numpy(golden["step_camera"]).flatten(2).double()
    result: dict[str, Any] = {}
    for name, precision, rounded in (
        ("policy, without TF32", None, False),
        ("engine fp32, without TF32", "fp32", False),
        ("engine fp32, PyTorch's default", "fp32", True),
        ("engine bf16", "bf16", True),
    ):
        if precision not in (None, *available_precisions(device)):
            continue
        with tf32(rounded, products=False):
            found = played(policy, precision, frames, first)
        pairs = [(buttons, found["buttons"][:, golden["buttons_t"]].double()), (camera, found["camera"].double())]
        largest = max(float((p - q).abs().max()) for p, q in pairs)
        kl = sum(float((p.exp() * (p - q)).sum(-1).mean()) for p, q in pairs)
        agree = [float((p.argmax(-1) == q.argmax(-1)).double().mean()) for p, q in pairs]
        result[name] = {
            "largest_difference_of_a_log_probability": float(f"{largest:.3g}"),
            "kl_mean": float(f"{kl:.3g}"),
            "same_best_buttons_and_camera": [round(share, 3) for share in agree],
        }
        if not (rounded and precision == "fp32"):
            result[name]["passes"] = kl < NEAR if precision == "bf16" else largest < EXACT
    return result


def acting(size: str, device: str, peaks: Peaks) -> dict[str, Any]:
    """Times acting with one size, at each number of streams."""
    policy = procedural_policy(VPTConfig.named(size)).to(device)
    result: dict[str, Any] = {}
    for streams, (rounds, block) in STREAMS.items():
        result |= entry(policy, size, streams, rounds, block, peaks)
    return result


def cloning(device: str, size: str = "1x") -> dict[str, Any]:
    """Times behavioural cloning, in each precision with the largest batch that fits."""
    result = {}
    for name, bf16, products in (
        ("fp32, PyTorch's default", False, False),
        ("bf16 convolutions", True, False),
        ("bf16 convolutions, TF32 products", True, True),
    ):
        streams = MOST_STREAMS
        while streams:
            gc.collect()
            if device == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            try:
                with tf32(convolutions=True, products=products):
                    rate = trained(VPTPolicy(VPTConfig.named(size)).to(device).train(), Way(streams, SEQUENCE, bf16))
            except torch.OutOfMemoryError:
                streams //= 2
                continue
            gigabytes = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0.0
            result[name] = {
                "batch": f"{streams} x {SEQUENCE}",
                "frames_per_second": round(rate, 1),
                "peak_memory_gb": round(gigabytes, 1),
            }
            break
    return result


def trained(policy: VPTPolicy, way: Way, seconds: float = 4.0) -> float:
    """Returns frames per second of updates, Adam and gradient clipping included, over some seconds."""
    update = sequences(policy, way)
    update()
    _wait(policy)
    begun, frames = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < seconds:
        frames += update()
        _wait(policy)
    return frames / spent


def ppo(seconds: float, *options: str) -> dict[str, Any]:
    """Runs ``examples/ppo.py`` on the device: rollouts in the embedded world, updates, values and the KL term."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        command = [sys.executable, "examples/ppo.py", *(options or PPO), "--out", str(out)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
        if run.returncode:
            raise RuntimeError(run.stderr.strip().splitlines()[-1])
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    rates = [line["time/ticks_per_second"] for line in lines if "loss/policy" in line]
    # the first update chooses kernels
    return {"options": " ".join(command[2:-2]), "ticks_per_second": round(statistics.median(rates[1:] or rates), 1)}


def compiled(device: str) -> dict[str, Any]:
    """Times an engine of 1x that ``torch.compile`` has compiled before its graph was recorded."""
    policy = procedural_policy(VPTConfig.named("1x")).to(device)
    begun = time.perf_counter()
    engine = ActingEngine(policy, 1, precision="bf16", compile=True)
    seconds = time.perf_counter() - begun
    frames = torch.zeros(1, 128, 128, 3, dtype=torch.uint8, device=device)
    run = timed(lambda frames, first: engine.step(frames, first).pi, frames, torch.zeros(1, dtype=bool, device=device))
    times = []
    for _ in range(300):
        begun = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - begun))
    return {"1x, 1 stream, bf16, ms_per_tick": round(statistics.median(times[50:]), 3), "seconds": round(seconds, 1)}


def _wait(policy: VPTPolicy) -> None:
    if policy.device.type == "cuda":
        torch.cuda.synchronize()


Parts: TypeAlias = dict[str, tuple[float, Callable[[], dict[str, Any]]]]
"""What is measured, by name: about how many seconds it takes, and the function that does it."""


def parts_on(device: str, left: Callable[[], float]) -> Parts:
    """Returns the parts in their order; ``left`` returns how many seconds are left."""
    peaks = measure_peaks(device)
    return {
        "peaks": (0, lambda: described(peaks)),
        "parity": (45, lambda: parity(device)),
        "acting, 1x": (25, lambda: acting("1x", device, peaks)),
        "behavioural cloning of 1x": (60, lambda: cloning(device)),
        "PPO of 1x": (110, lambda: ppo(min(150.0, left()))),
        "acting, 2x": (40, lambda: acting("2x", device, peaks)),
        "acting, 3x": (90, lambda: acting("3x", device, peaks)),
        "compiled": (150, lambda: compiled(device)),
    }


def run_parts(
    parts: Parts, left: Callable[[], float], save: Callable[[dict[str, Any]], None]
) -> dict[str, dict[str, Any] | str]:
    """Runs the parts that fit into the time.

    Args:
        parts: The parts.
        left: Returns how many seconds are left.
        save: Takes the result so far, after each part.

    Returns:
        The result of each part, or why there is none.
    """
    result: dict[str, dict[str, Any] | str] = {}
    for name, (seconds, part) in parts.items():
        begun = time.perf_counter()
        if left() < seconds:
            result[name] = f"left out: it takes about {seconds:.0f} s, and {left():.0f} s were left"
        else:
            try:
                result[name] = part()
            except (RuntimeError, subprocess.TimeoutExpired) as error:  # the other parts are worth having
                result[name] = f"failed: {type(error).__name__}: {str(error).strip().splitlines()[0]}"
        gc.collect()
        print(f"{name} ({time.perf_counter() - begun:.0f} s): {json.dumps(result[name], indent=1)}", flush=True)
        save(dict(result))
    return result


def main() -> None:
    """Measures, prints and writes the result.

    Raises:
        SystemExit: There is no CUDA device, or a result differs from the golden one by more than its tolerance.
    """
    if not torch.cuda.is_available():
        raise SystemExit(f"python -m benchmarks gpu needs a CUDA device; PyTorch {torch.__version__} finds none here")
    begun = time.perf_counter()
    about = {
        "what": "one CUDA device: parity with the published code, milliseconds of acting, frames a second of training",
        "device": torch.cuda.get_device_name(),
        "memory_gb": round(torch.cuda.get_device_properties(0).total_memory / 1e9, 1),
        "cuda": torch.version.cuda,
        "machine": describe("torch", "numpy"),
        "marks": MARKS,
    }

    def save(result: dict[str, Any]) -> None:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        seconds = round(time.perf_counter() - begun)
        RESULT.write_text(json.dumps({**about, "seconds": seconds, **result}, indent=1) + "\n", encoding="utf-8")

    def left() -> float:
        return LIMIT - (time.perf_counter() - begun)

    result = run_parts(parts_on("cuda", left), left, save)
    print(f"written to {RESULT}")
    compared = result["parity"]
    if isinstance(compared, str):
        raise SystemExit(f"results were not compared with those of the published code: {compared}")
    wrong = [name for name, found in compared.items() if not found.get("passes", True)]
    if wrong:
        raise SystemExit(f"results differ from those of the published code: {wrong}")


if __name__ == "__main__":
    main()
