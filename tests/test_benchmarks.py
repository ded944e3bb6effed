"""What the benchmarks do where something that they need is missing."""

from __future__ import annotations

import pytest
import torch

from benchmarks import gpu
from benchmarks.__main__ import main


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_the_gpu_benchmark_says_in_one_line_that_there_is_no_gpu() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["gpu"])
    message = str(stopped.value)
    assert message.startswith("python -m benchmarks gpu needs a CUDA device; PyTorch ")
    assert "\n" not in message


def test_parts_without_time_are_left_out_and_the_others_kept() -> None:
    saved: list[dict[str, object]] = []
    parts = {"slow": (50.0, lambda: {}), "wrong": (1.0, lambda: torch.zeros(2) + torch.zeros(3)), "quick": (1.0, dict)}
    result = gpu.run_parts(parts, lambda: 30.0, saved.append)
    assert result["slow"] == "left out: it takes about 50 s, and 30 s were left"
    assert str(result["wrong"]).startswith("failed: RuntimeError: The size of tensor")
    assert result["quick"] == {}
    assert len(saved) == 3
