"""A function of static shapes, recorded once on a GPU and replayed with a single launch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_WARM_UP = 3


class GraphedCall:
    """Records ``function(*inputs)`` as a CUDA graph; a call copies its inputs in and replays.

    Args:
        function: Reads its inputs and tensors that stay where they are; changes nothing but such tensors.
        inputs: Examples of the inputs: same shapes, types and device as in all calls.
        compile: Let ``torch.compile`` fuse the function first. The first run then takes a minute or more.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], *inputs: Tensor, compile: bool = False) -> None:
        run: Callable[..., Any] = torch.compile(function, mode="max-autotune-no-cudagraphs") if compile else function
        self._inputs = [x.clone() for x in inputs]
        # On a stream of its own, as the recording asks for: the first runs choose kernels and allocate workspaces.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                run(*self._inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outputs: tuple[Tensor, ...] = run(*self._inputs)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Returns what the function returns for these inputs, in tensors that the next call overwrites."""
        for mine, theirs in zip(self._inputs, inputs, strict=True):
            mine.copy_(theirs, non_blocking=True)
        self._graph.replay()
        return self._outputs
