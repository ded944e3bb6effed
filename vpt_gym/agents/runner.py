"""Runs a policy frame by frame, as it is or packed in an engine, and keeps the memory of its environments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from vpt_gym.agents.engine import ActingEngine, EnginePrecision
from vpt_gym.agents.engine.hardware import available_precisions, fastest_precision, require_precision
from vpt_gym.agents.policy.heads import Distribution
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory

ActingPrecision: TypeAlias = Literal["auto", "fp32", "bf16", "int8"]
"""Number types in which an agent can act, as :class:`vpt_gym.agents.VPTAgent` describes them."""

_CONVERTED = {torch.float16: "fp16", torch.bfloat16: "bf16", torch.float64: "fp64"}
"""Names of the types to which a policy's parameters may be converted."""


class PolicyRunner:
    """Runs a policy on the next frame of each of N environments, and keeps their memory.

    With guidance each environment has two rows in the memory and in the outputs, one with its goal and one without:
    *copies* is 2, and the rows of all first copies come first.

    Args:
        policy: The network; it is moved to ``device`` and put in evaluation mode, not copied.
        device: Where it runs.
        precision: As for :class:`vpt_gym.agents.VPTAgent`.
        compile: On a CUDA device, compile the packed network too.

    Attributes:
        policy: The network.
        engine_precision: The number type of the packed copy that acts; None if the network runs as it is.
        environments: N; None before the first frame after :meth:`reset`.

    Raises:
        ValueError: The machine does not support the precision, or ``compile`` is given without one.
    """

    def __init__(
        self, policy: VPTPolicy, device: torch.device, precision: ActingPrecision | None, *, compile: bool
    ) -> None:
        self.engine_precision = _engine_precision_for(policy, precision, device)
        if compile and self.engine_precision is None:
            raise ValueError('compile=True needs a precision, for example precision="bf16"')
        self.policy = policy.to(device).eval()
        self.environments: int | None = None
        self._automatic = precision == "auto"
        self._compile = compile
        self._engine: ActingEngine | None = None
        self._memory: Memory | None = None  # used without an engine; an engine keeps its own

    def step(self, frames: Tensor, first: Tensor, goal: Tensor | None) -> Distribution:
        """Passes the next frame of each environment to the network; the memory advances.

        Args:
            frames: uint8 (N, 128, 128, 3).
            first: bool (N,), True where the frame is the first of its episode.
            goal: float32 (copies * N, G); None for a policy without goals.

        Returns:
            The distribution over actions; its shapes begin with (copies * N,).
        """
        copies = 1 if goal is None else len(goal) // len(frames)
        if self.environments is None and self._automatic:
            self._choose_precision()
        pi: Distribution
        if self.engine_precision is not None:
            engine = self._packed(self.engine_precision, len(frames), copies)
            if self.environments is None:
                engine.reset()
            pi = engine.step(frames, first, goal=goal).pi
        else:
            inputs, first = frames.to(self.policy.device), first.to(self.policy.device)
            if copies > 1:  # all copies see the same features
                inputs, first = self.policy.encode(inputs).repeat(copies, 1), first.repeat(copies)
            goal = None if goal is None else goal.to(self.policy.device)
            out = self.policy(inputs[:, None], first[:, None], self._memory, goal)
            self._memory = out.memory
            pi = out.pi.at_time(0)
        self.environments = len(frames)
        return pi

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Takes a step back if the ``with`` block fails or is interrupted, so that the frame may be given again."""
        engine, precision = self._engine, self.engine_precision
        memory, environments = self._memory, self.environments
        moment = None if engine is None else engine.moment()
        try:
            yield
        except BaseException:
            self._engine, self.engine_precision = engine, precision
            self._memory, self.environments = memory, environments
            if engine is not None and moment is not None:
                engine.return_to(moment)
            raise

    @property
    def precision(self) -> str:
        """The number type of the acting network: the packed copy's, else that of the parameters or convolutions."""
        converted = _CONVERTED.get(self.policy.net.final_ln.weight.dtype)
        return self.engine_precision or converted or self.policy.precision

    @property
    def memory(self) -> Memory | None:
        """A copy of the memory, copies * N rows; None before the first frame after :meth:`reset`."""
        if self.environments is None:
            return None
        if self._engine is not None:
            return self._engine.memory
        return None if self._memory is None else self._memory.clone()

    def restore(self, memory: Memory, environments: int) -> None:
        """Continues from a memory with copies * N rows, of N environments."""
        self.environments = environments
        self._memory = None
        if self.engine_precision is None:
            self._memory = memory.to(self.policy.device).clone()
        else:
            copies = memory.batch_size // environments
            self._packed(self.engine_precision, environments, copies).memory = memory

    def reset(self, mask: Tensor | None = None) -> None:
        """Clears the memory of the environments where ``mask`` (bool (N,)) is True; of all without a mask.

        Without a mask the number of environments may change.
        """
        if mask is None:
            self._memory = self.environments = None
        elif self._engine is not None:
            self._engine.reset(mask)
        elif self._memory is not None:
            with torch.inference_mode():
                rows = mask.repeat(self._memory.batch_size // len(mask)).to(self.policy.device)
                self._memory = self._memory.reset(rows)

    def keep(self, environments: list[int]) -> None:
        """Drops all environments but these, which continue as before, in this order."""
        if self._memory is not None and self.environments is not None:
            starts = range(0, self._memory.batch_size, self.environments)
            self._memory = self._memory.index([start + number for start in starts for number in environments])
        if self._engine is not None:
            self._engine.keep(environments)
        self.environments = len(environments)

    def __getstate__(self) -> dict[str, Any]:
        """Returns what is copied or pickled: all but the packed weights, whose memory is kept in its stead."""
        return {**self.__dict__, "_engine": None, "_memory": self.memory}

    def _choose_precision(self) -> None:
        """Follows a policy that was moved to another device or converted to another number type."""
        chosen = _engine_precision_for(self.policy, "auto", self.policy.device)
        if chosen != self.engine_precision:
            self.engine_precision, self._engine = chosen, None

    def _packed(self, precision: EnginePrecision, environments: int, copies: int) -> ActingEngine:
        """Returns an engine for this number of environments, with the current weights of the policy."""
        engine = self._engine
        fits = engine is not None and (engine.batch_size, engine.copies) == (environments, copies)
        if engine is not None and fits and not engine.stale:
            return engine
        memory = engine.memory if engine is not None and fits else self._memory
        self._engine = ActingEngine(
            self.policy, environments, precision=precision, compile=self._compile, copies=copies
        )
        if memory is not None:
            self._engine.memory = memory
        self._memory = None
        return self._engine


def engine_precision_of(precision: ActingPrecision | None, device: torch.device | str) -> EnginePrecision | None:
    """Returns the precision of the engine that an agent uses on a device; None if the network runs as it is.

    Raises:
        ValueError: There is no such precision, or the device or this PyTorch cannot run it.
    """
    device = torch.device(device)
    if precision is None or precision == "auto":
        return None if precision is None else fastest_precision(device)
    if precision == "fp32" and precision not in available_precisions(device):
        return None
    require_precision(precision, device)
    return precision


def _engine_precision_for(
    policy: VPTPolicy, precision: ActingPrecision | None, device: torch.device | str
) -> EnginePrecision | None:
    """Returns ``engine_precision_of``; None for ``"auto"`` if the policy is not in float32, which no engine packs."""
    if precision == "auto" and any(parameter.dtype != torch.float32 for parameter in policy.parameters()):
        return None
    return engine_precision_of(precision, device)
