"""The engine: a policy packed for acting, one frame a tick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vpt_gym.agents.engine.cuda_graph import GraphedCall
from vpt_gym.agents.engine.frame_step import FrameStep
from vpt_gym.agents.engine.hardware import EnginePrecision, require_precision
from vpt_gym.agents.engine.ring_memory import RingMemory
from vpt_gym.agents.engine.weight_snapshot import WeightSnapshot
from vpt_gym.agents.policy.config import FRAME_SIZE
from vpt_gym.agents.policy.heads import ActionDistribution, ChoicesDistribution
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.system.flags import checks_flags

ONE_THREAD = 1 << 17
"""Largest activation of a step, in numbers, up to which one thread is faster on a CPU than two. ``nano`` has half of it
for each stream. Smaller operators take less time than waking a second thread for each of them."""


@dataclass(frozen=True)
class EngineOutput:
    """The output of an engine for one frame of each stream.

    Attributes:
        pi: The distribution over actions; its shapes begin with (B,).
        value: (B,), normalised like a policy's; None if it was not requested.
        latent: (B, D), the state that both heads read.
        features: float32 (B, D), those of ``VPTPolicy.encode``; None if they were not requested.
    """

    pi: ActionDistribution | ChoicesDistribution
    value: Tensor | None
    latent: Tensor
    features: Tensor | None = None


class ActingEngine:
    """A policy packed for acting: computes ``VPTPolicy.forward`` for T = 1, several times as fast.

    The weights are copied and packed at construction. The policy can be used independently; :attr:`stale` is True
    once its weights have changed. On a CPU the step of a small policy for few streams runs on one of torch's threads,
    which is faster. A Python thread that uses torch for the first time during such a step keeps this number; call
    ``torch.set_num_threads`` in it. The precisions are:

    - ``"fp32"``: nothing is rounded. The results are the policy's, up to the order of sums.
    - ``"bf16"``: convolutions except the first in bf16. On a CPU the dense weights are in half precision;
      on a GPU they are bf16 too. Sums over residual branches, norms of rows, attention, memory and log-probabilities
      stay float32.
    - ``"int8"`` (CPU): like bf16, with int8 weights in the dense layers after the image network.

    Args:
        policy: The policy, with parameters in float32, on the CPU or a CUDA device.
        batch_size: Number of streams B.
        precision: Number types, as above.
        compile: On a CUDA device, compile the network with ``torch.compile`` first; construction then takes minutes.
        copies: How many times each frame is computed, each with a goal and a memory of its own: 2 for classifier-free
            guidance. The memory, goals and outputs then have ``copies * B`` rows, first those of the first copies. The
            image network computes each frame only once.

    Attributes:
        batch_size: B.
        copies: Rows of the memory for each stream.
        precision: The precision.
        device: Where the policy and the memory are.

    Raises:
        ValueError: The batch size or ``copies`` is not positive, the policy's parameters are not float32, the machine
            does not support the precision, or ``compile`` is True on a CPU.
    """

    @checks_flags
    def __init__(
        self,
        policy: VPTPolicy,
        batch_size: int = 1,
        *,
        precision: EnginePrecision = "fp32",
        compile: bool = False,
        copies: int = 1,
    ) -> None:
        self.device = policy.net.final_ln.weight.device
        require_precision(precision, self.device)
        for name, number in (("batch_size", batch_size), ("copies", copies)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise ValueError(f"{name} must be a positive integer, got {number!r}")
        if any(x.dtype != torch.float32 for x in policy.parameters()):
            found = ", ".join(sorted({str(x.dtype) for x in policy.parameters()}))
            raise ValueError(f"an engine packs a policy in float32, this one has {found}: use policy.float()")
        if compile and self.device.type != "cuda":
            raise ValueError("compile=True is for CUDA devices; on a CPU an engine has packed kernels already")
        self.batch_size, self.copies = batch_size, copies
        self.precision: EnginePrecision = precision
        self._compile = compile
        self._config = policy.config
        self._snapshot = WeightSnapshot(policy)
        with torch.inference_mode(), self._own_types():
            self._ring = RingMemory(policy.config, copies * batch_size, self.device)
            self._packed = FrameStep(policy, self._ring, batch_size, precision, copies)
            self._value = policy.value_head.linear.weight.clone(), policy.value_head.linear.bias.clone()
            self._step = self._recorded()
            self.reset()

    @property
    def stale(self) -> bool:
        """Whether the policy's weights have changed since they were packed; a new engine packs the current ones."""
        return self._snapshot.changed

    @property
    def memory(self) -> Memory:
        """A copy of the engine's memory, in the format of the policy: memories of both are interchangeable.

        Setting it returns the engine to that point.

        Raises:
            ValueError: The memory is of another architecture, number of streams or type.
        """
        with torch.inference_mode():
            memory = self._ring.read()
        return memory.clone()  # outside inference mode, so that it can be used in training

    @memory.setter
    def memory(self, memory: Memory) -> None:
        config = self._config
        shape = (self.copies * self.batch_size, config.n_recurrence_layers, config.memory_length, config.hidsize)
        if misfit := memory.misfit(shape):
            raise ValueError(f"this memory does not fit the engine: {misfit}")
        with torch.inference_mode():
            self._ring.fill(memory.to(self.device, torch.float32))

    def reset(self, mask: Tensor | None = None) -> None:
        """Clears the memory of the streams where ``mask`` (bool (B,)) is True; of all without a mask.

        Raises:
            ValueError: The mask is not bool (B,).
        """
        if mask is None:
            mask = torch.ones(self.batch_size, dtype=torch.bool)
        _require("mask", mask, torch.bool, (self.batch_size,))
        with torch.inference_mode():
            self._ring.reset(mask.repeat(self.copies).to(self.device))

    def moment(self) -> tuple[Tensor, Tensor]:
        """Returns what :meth:`return_to` needs to take the next step back."""
        with torch.inference_mode():
            return self._ring.moment()

    def return_to(self, moment: tuple[Tensor, Tensor]) -> None:
        """Takes back the step since a moment, also one that did not finish."""
        with torch.inference_mode():
            self._ring.return_to(moment)

    def keep(self, rows: list[int]) -> None:
        """Drops all streams but these, which continue as before, in this order; :attr:`batch_size` changes.

        The packed weights stay. On a CUDA device the graph is recorded again.

        Raises:
            ValueError: There are no rows, one is given twice, or one is not in [0, B).
        """
        if not rows or len(set(rows)) != len(rows) or not set(rows) <= set(range(self.batch_size)):
            raise ValueError(f"rows must be different numbers in [0, {self.batch_size}), at least one; got {rows}")
        with torch.inference_mode(), self._own_types():
            kept = [copy * self.batch_size + row for copy in range(self.copies) for row in rows]
            memory = self._ring.read().index(kept)
            self._ring.keep(kept)
            self.batch_size = len(rows)
            if self.device.type == "cuda":
                self._step = self._recorded()
                self._ring.fill(memory)  # recording the graph overwrites the ring

    @checks_flags
    def step(
        self,
        frames: Tensor,
        first: Tensor,
        *,
        value: bool = False,
        features: bool = False,
        goal: Tensor | None = None,
    ) -> EngineOutput:
        """Processes the next frame of every stream.

        Args:
            frames: (B, 128, 128, 3) uint8, RGB.
            first: (B,) bool, True where the frame is the first of its episode; nothing before it is seen then.
            value: Also compute the value.
            features: Also return the features of the image network, which are computed in any case.
            goal: (copies * B, G) float32, for a policy with goals; None is no goal (zeros).

        Raises:
            ValueError: A shape or type is wrong, or there is a goal and the policy has no layer for one.
        """
        _require("frames", frames, torch.uint8, (self.batch_size, FRAME_SIZE, FRAME_SIZE, 3))
        _require("first", first, torch.bool, (self.batch_size,))
        inputs = [frames, first, *self._goal_inputs(goal)]
        with torch.inference_mode(), self._own_types(), self._threads():
            latent, image, *choices = self._step(*(x.to(self.device) for x in inputs))
            values = F.linear(latent, *self._value).squeeze(-1) if value else None
        # Copies: a graph reuses its output tensors, and inference tensors cannot be used in training.
        heads = [x.clone() for x in choices]
        pi = ActionDistribution(*heads) if self._config.action_sizes is None else ChoicesDistribution(tuple(heads))
        image_features = image.clone().float() if features else None
        return EngineOutput(pi, None if values is None else values.clone(), latent.clone(), image_features)

    def _own_types(self) -> torch.autocast:
        """Turns the caller's autocast off: packed operators take the number types that they were packed for."""
        return torch.autocast(self.device.type, enabled=False)

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """Uses one of torch's threads, if the step is so small that this is faster. The caller's number comes back."""
        config, threads = self._config, torch.get_num_threads()
        largest = self.batch_size * config.channels[0] * (FRAME_SIZE // config.stem_pool) ** 2
        if self.device.type != "cpu" or threads == 1 or largest > ONE_THREAD:
            yield
            return
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)

    def _goal_inputs(self, goal: Tensor | None) -> list[Tensor]:
        """Returns the inputs of the step after the frames and ``first``: none for a policy without goals."""
        size = self._config.goal_size
        if size is None:
            if goal is not None:
                raise ValueError("this policy has no layer for goals (its config has goal_size None); leave goal out")
            return []
        shape = (self.copies * self.batch_size, size)
        if goal is None:
            return [torch.zeros(shape)]
        _require("goal", goal, torch.float32, shape)
        return [goal]

    def __getstate__(self) -> None:
        """Refuses a copy: packed weights can only be made from a policy."""
        raise TypeError("an engine cannot be copied or pickled: make another one of the policy, ActingEngine(policy)")

    def _recorded(self) -> Callable[..., tuple[Tensor, ...]]:
        """Returns the step as a CUDA graph, or on a CPU the step itself."""
        if self.device.type != "cuda":
            return self._packed
        frames = torch.zeros(self.batch_size, FRAME_SIZE, FRAME_SIZE, 3, dtype=torch.uint8, device=self.device)
        first = torch.ones(self.batch_size, dtype=torch.bool, device=self.device)
        with torch.cuda.device(self.device):
            goal = [x.to(self.device) for x in self._goal_inputs(None)]
            return GraphedCall(self._packed, frames, first, *goal, compile=self._compile)


def _require(name: str, tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    if tensor.dtype != dtype or tuple(tensor.shape) != shape:
        raise ValueError(f"{name} must be {str(dtype)[6:]} {shape}, got {tensor.dtype} {tuple(tensor.shape)}")
