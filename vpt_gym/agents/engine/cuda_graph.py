"""Records a function with static shapes once on a GPU, and replays it with a single launch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_WARM_UP = 3


class GraphedCall:
    """Records ``function(*inputs)`` as a CUDA graph; a call copies its inputs into the graph and replays it.

    Args:
        function: Reads and changes only its inputs and tensors whose addresses never change.
        inputs: Example inputs, with the shapes, types and device of all calls.
        compile: Compile the function with ``torch.compile`` first, which takes a minute or more.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], *inputs: Tensor, compile: bool = False) -> None:
        run: Callable[..., Any] = torch.compile(function, mode="max-autotune-no-cudagraphs") if compile else function
        self._inputs = [x.clone() for x in inputs]
        # On a separate stream, as recording requires; the first runs choose kernels and allocate workspaces.
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
        """Returns the outputs of the function for these inputs, in tensors that the next call overwrites."""
        for mine, theirs in zip(self._inputs, inputs, strict=True):
            mine.copy_(theirs, non_blocking=True)
        self._graph.replay()
        return self._outputs
