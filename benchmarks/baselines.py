"""How fast does a policy act with what a user would try first, and with the engine?

The same step, one frame of one stream with its memory as input and output, for ``nano`` and ``1x``: plain PyTorch,
``torch.compile``, torchao's int8, ONNX Runtime, OpenVINO, and the engine in each precision of this machine. All are
timed alternately, on two threads. Writes ``benchmarks/results/baselines.json``. Run it with
``python -m benchmarks baselines``; it takes some minutes. ``python -m benchmarks.baselines --quick`` times a few ticks
of ``nano`` only, and writes nothing. Ways whose packages are missing are left out, with a line that says so;
``pip install torchao openvino onnxruntime onnx onnxscript`` completes them.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks._procedural import procedural_frames, procedural_policy
from benchmarks._timing import in_turns
from vpt_gym.agents.engine import ActingEngine, available_precisions
from vpt_gym.agents.onnx_export import export_onnx
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.system.machine import describe

RESULT = Path(__file__).parent / "results" / "baselines.json"
THREADS = 2
PLAN = {"nano": (20, 20), "1x": (12, 10)}
QUICK = {"nano": (2, 3)}
"""By size: blocks of each way, ticks in a block."""
FRAMES = 40
"""Number of frames on which a way is compared with the plain policy."""

Way: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""One tick: frame uint8 (1, 128, 128, 3) and first bool (1,) to the log-probabilities of buttons and camera, (1, n)."""


class Step(nn.Module):
    """A tick of a policy with plain tensors as inputs and outputs."""

    def __init__(self, policy: VPTPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(
        self, frame: Tensor, first: Tensor, keys: Tensor, values: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Returns the log-probabilities of buttons and camera, and the next memory."""
        output = self.policy(frame[:, None], first[:, None], Memory(keys, values, valid))
        buttons, camera = output.pi.at_time(0).log_probs
        return buttons, camera, output.memory.keys, output.memory.values, output.memory.valid


def in_torch(policy: VPTPolicy, *, compiled: bool = False) -> Way:
    """Returns a way that runs a policy in PyTorch."""
    step: Any = torch.compile(Step(policy)) if compiled else Step(policy)
    start = policy.initial_memory(1)
    memory = [start.keys, start.values, start.valid]

    def way(frame: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            buttons, camera, *memory[:] = step(frame, first, *memory)
        return buttons, camera

    return way


def in_torchao(policy: VPTPolicy, config: str) -> Way:
    """Returns a way with the dense layers in int8 by torchao, compiled, as its documentation advises."""
    from torchao import quantization

    packed = copy.deepcopy(policy)
    quantization.quantize_(packed, getattr(quantization, config)())
    return in_torch(packed, compiled=True)


def in_engine(policy: VPTPolicy, precision: Any) -> Way:
    """Returns a way that runs an engine."""
    engine = ActingEngine(policy, 1, precision=precision)

    def way(frame: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        buttons, camera = engine.step(frame, first).pi.log_probs
        return buttons, camera

    return way


def of_arrays(policy: VPTPolicy, run: Callable[[dict[str, Any]], Any]) -> Way:
    """Returns a way that calls a function of arrays, whose outputs are found by name, as the exported file has them."""
    start = policy.initial_memory(1)
    feed: dict[str, Any] = {name: getattr(start, name).numpy() for name in ("keys", "values", "valid")}

    def way(frame: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        found = run({"frame": frame.numpy(), "first": first.numpy(), **feed})
        feed.update({name: found[f"next_{name}"] for name in feed})
        return torch.from_numpy(found["buttons"]), torch.from_numpy(found["camera"])

    return way


def in_onnx_runtime(policy: VPTPolicy, file: Path, *, int8: bool = False) -> Way:
    """Returns a way that runs the exported file in ONNX Runtime; ``int8`` quantises its matrix products first."""
    import onnxruntime

    if int8:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        packed = file.with_name("int8.onnx")
        quantize_dynamic(file, packed, op_types_to_quantize=["MatMul", "Gemm"], weight_type=QuantType.QInt8)
        file = packed
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return of_arrays(policy, lambda feed: dict(zip(names, session.run(names, feed), strict=True)))


def in_openvino(policy: VPTPolicy, file: Path, number_type: str) -> Way:
    """Returns a way that runs the exported file in OpenVINO, computing in ``f32`` or ``bf16``."""
    import openvino

    options = {"INFERENCE_PRECISION_HINT": number_type, "INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"}
    model = openvino.Core().compile_model(openvino.Core().read_model(file), "CPU", options)
    request, outputs = model.create_infer_request(), model.outputs

    def run(feed: dict[str, Any]) -> dict[str, Any]:
        found = request.infer(feed)
        # copies: the next call overwrites the outputs, of which the memory is its input
        return {output.get_any_name(): np.array(found[output]) for output in outputs}

    return of_arrays(policy, run)


def builders(policy: VPTPolicy, folder: Path) -> Iterator[tuple[str, Callable[[], Way]]]:
    """Yields each way's name and what makes it; making one raises ImportError where its package is missing."""
    file = folder / "policy.onnx"

    def exported() -> Path:
        if not file.exists():
            export_onnx(policy, file)
        return file

    def lower() -> VPTPolicy:
        packed = copy.deepcopy(policy)
        packed.set_precision("bf16")
        return packed

    yield "plain", lambda: in_torch(policy)
    yield "plain, bf16 convolutions", lambda: in_torch(lower())
    yield "torch.compile", lambda: in_torch(policy, compiled=True)
    yield "torch.compile, bf16 convolutions", lambda: in_torch(lower(), compiled=True)
    yield "torchao int8 weights, compiled", lambda: in_torchao(policy, "Int8WeightOnlyConfig")
    yield "torchao int8, compiled", lambda: in_torchao(policy, "Int8DynamicActivationInt8WeightConfig")
    yield "ONNX Runtime", lambda: in_onnx_runtime(policy, exported())
    yield "ONNX Runtime, int8 products", lambda: in_onnx_runtime(policy, exported(), int8=True)
    yield "OpenVINO", lambda: in_openvino(policy, exported(), "f32")
    yield "OpenVINO, bf16", lambda: in_openvino(policy, exported(), "bf16")
    for precision in available_precisions():
        yield f"engine, {precision}", lambda precision=precision: in_engine(policy, precision)


def compare(ways: dict[str, Way], frames: Tensor) -> dict[str, dict[str, float]]:
    """Returns how far each way is from the plain one: KL(plain || way) in nats a frame, and agreement of the best."""
    outputs = {
        name: [way(frames[:, t], torch.tensor([t == 0])) for t in range(frames.shape[1])] for name, way in ways.items()
    }
    result = {}
    for name, found in outputs.items():
        terms, agree = [], []
        for ours, theirs in zip(outputs["plain"], found, strict=True):
            pairs = [(p[0].double(), q[0].double()) for p, q in zip(ours, theirs, strict=True)]
            terms.append(sum(float((p.exp() * (p - q)).sum()) for p, q in pairs))
            agree.append([float(p.argmax() == q.argmax()) for p, q in pairs])
        buttons, camera = np.mean(agree, 0)
        result[name] = {
            "kl_mean": float(f"{np.mean(terms):.3g}"),
            "same_best_buttons": round(float(buttons), 3),
            "same_best_camera": round(float(camera), 3),
        }
    return result


def measure(size: str, rounds: int, block: int, frames: int) -> dict[str, Any]:
    """Makes all ways for one size, compares them with the plain one and times them alternately."""
    policy = procedural_policy(VPTConfig.named(size))
    ways: dict[str, Way] = {}
    left_out: dict[str, str] = {}
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in builders(policy, Path(folder)):
            begun = time.perf_counter()
            try:
                way = make()
                way(procedural_frames(1, 1)[:, 0], torch.tensor([True]))  # compilers work at the first call
            except Exception as error:  # ImportError where a package is missing; other packages may raise anything
                left_out[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
                print(f"{size}, {name}: left out ({left_out[name]})", flush=True)
                continue
            ways[name], seconds[name] = way, round(time.perf_counter() - begun, 1)
            print(f"{size}, {name}: ready after {seconds[name]} s", flush=True)
    near = compare(ways, procedural_frames(1, frames))
    frame, first = procedural_frames(1, 1)[:, 0], torch.tensor([False])
    times, others = in_turns(
        {name: lambda way=way: way(frame, first) for name, way in ways.items()}, rounds=rounds, block=block
    )
    return {
        "other_programs_cores": others,
        "left_out": left_out,
        **{
            name: {
                "ms_per_tick": figures,
                "times_plain": round(times["plain"]["median"] / figures["median"], 2),
                "seconds_until_ready": seconds[name],
                **near[name],
            }
            for name, figures in times.items()
        },
    }


def table(result: dict[str, Any]) -> str:
    """Returns the result as a table in Markdown, for docs/performance.md."""
    sizes = [size for size in PLAN if size in result]
    rows = [f"| ms per tick (times plain; KL) | {' | '.join(sizes)} |", f"|---|{'---:|' * len(sizes)}"]
    for name, _ in builders(VPTPolicy(VPTConfig.named("nano")), Path()):
        cells = []
        for size in sizes:
            found = result[size].get(name)
            ms = "not measured" if found is None else f"{found['ms_per_tick']['median']:.1f}"
            cells.append(ms if found is None else f"{ms} ({found['times_plain']:.2f}x; {found['kl_mean']:.1g})")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Measures and prints; writes the result unless ``--quick`` is among the arguments."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    quick = "--quick" in sys.argv
    result: dict[str, Any] = {
        "what": "milliseconds of one tick of one stream, all ways timed alternately; KL and agreement with the plain "
        f"policy on {FRAMES} frames, procedural weights",
        "machine": describe("torch", "numpy"),
        "packages": {name: _version(name) for name in ("torchao", "onnxruntime", "openvino")},
        "threads": THREADS,
    }
    for size, (rounds, block) in (QUICK if quick else PLAN).items():
        result[size] = measure(size, rounds, block, 4 if quick else FRAMES)
        print(size, json.dumps(result[size], indent=1), flush=True)
        torch.compiler.reset()
    if not quick:
        print(table(result))
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written to {RESULT}")


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
