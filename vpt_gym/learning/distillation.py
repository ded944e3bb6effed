"""Distillation: what a student sees while it plays, with a teacher's distributions, as chunks with their memory.

The teacher follows the frames of the student with a memory of its own. Its distributions are computed once, when the
frames are seen, and stored in half precision: 17 KiB a tick for VPT's 8,762 probabilities, beside a frame of 48 KiB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from vpt_gym.agents.goals.refusal import refuse_goals
from vpt_gym.agents.policy.heads import ChoicesDistribution, Distribution
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.learning.losses import weighted_mean
from vpt_gym.wrappers.success import RunningSuccess
from vpt_gym.wrappers.vector import EpisodeStarts

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent
    from vpt_gym.demos.dataset.dataset import DemoDataset


@dataclass(frozen=True)
class Chunks:
    """C chunks of L consecutive ticks, on the CPU.

    Attributes:
        frames: uint8 [C, L, 128, 128, 3].
        first: bool [C, L], whether the frame is the first of its episode.
        weight: float32 [C, L], 0 where no action follows the frame: its step only reset the env, or the game failed.
        teacher: The teacher's log-probabilities, float16 [C, L, n] for each entry of an action.
        memory: The student's memory before each chunk, from when it saw the frames.
    """

    frames: Tensor
    first: Tensor
    weight: Tensor
    teacher: tuple[Tensor, ...]
    memory: Memory

    def __len__(self) -> int:
        return len(self.first)

    def to(self, device: torch.device) -> Chunks:
        """Returns the chunks on a device."""
        return Chunks(
            self.frames.to(device),
            self.first.to(device),
            self.weight.to(device),
            tuple(head.to(device) for head in self.teacher),
            self.memory.to(device),
        )

    @property
    def pi(self) -> Distribution:
        """The teacher's distribution in float32, normalised again after the rounding; shapes begin with (C, L)."""
        return ChoicesDistribution(tuple(head.float().log_softmax(-1) for head in self.teacher))

    def labels(self, generator: torch.Generator) -> Tensor:
        """Draws an action of the teacher for each of the n ticks with weight, int64 (n, k)."""
        return self.pi.sample(generator)[self.weight > 0]


def minibatches(parts: Sequence[Chunks], size: int, generator: torch.Generator) -> Iterator[Chunks]:
    """Yields all chunks of some collections once, in random order.

    Args:
        parts: The collections, of equal shapes except C.
        size: Chunks in a minibatch; the last one may have fewer.
        generator: Draws the order.
    """
    rows = [(part, row) for part in parts for row in range(len(part))]
    order = torch.randperm(len(rows), generator=generator).tolist()
    for start in range(0, len(order), size):
        yield _stack([rows[pick] for pick in order[start : start + size]])


def _stack(rows: Sequence[tuple[Chunks, int]]) -> Chunks:
    memories = [part.memory for part, _ in rows]
    return Chunks(
        torch.stack([part.frames[row] for part, row in rows]),
        torch.stack([part.first[row] for part, row in rows]),
        torch.stack([part.weight[row] for part, row in rows]),
        tuple(torch.stack([part.teacher[k][row] for part, row in rows]) for k in range(len(rows[0][0].teacher))),
        Memory(
            *(
                torch.stack([getattr(memory, name)[row] for memory, (_, row) in zip(memories, rows, strict=True)])
                for name in ("keys", "values", "valid")
            )
        ),
    )


@dataclass(frozen=True)
class Agreement:
    """How near a student is to its teacher in some ticks, each seen before any training on it.

    Attributes:
        kl: Mean of KL(teacher || student), nats per tick.
        mode: For each entry of an action (buttons, camera), the share of ticks whose most probable alternative is
            the teacher's.
        overlap: Mean over ticks of the probability that both choose the same action if the random numbers of each entry
            are coupled as well as possible: the product over the entries of 1 - total variation distance.
    """

    kl: float
    mode: tuple[float, ...]
    overlap: float

    @classmethod
    def mean(cls, ticks: Tensor, weight: Tensor) -> Agreement:
        """Returns the weighted mean of the rows that :func:`compare` returned, (n, 2 + k), for weights (n,)."""
        kl, overlap, *mode = (weighted_mean(column, weight).item() for column in ticks.unbind(-1))
        return cls(kl, tuple(mode), overlap)


def compare(teacher: Distribution, student: Distribution) -> Tensor:
    """Compares two distributions over ticks of shape (...): (..., 2 + k), the KL, the overlap, and k times the mode."""
    pairs = list(zip(teacher.log_probs, student.log_probs, strict=True))
    overlap = torch.stack([torch.minimum(p.exp(), q.exp()).sum(-1) for p, q in pairs]).prod(0)
    same = [(p.argmax(-1) == q.argmax(-1)).float() for p, q in pairs]
    return torch.stack([teacher.kl(student), overlap, *same], -1)


def check_pair(teacher: VPTAgent, student: VPTAgent) -> None:
    """Checks that a student can learn from a teacher.

    Raises:
        ValueError: They act in different action spaces, or the student acts on goals.
    """
    refuse_goals(student.policy, "distillation (to the student)")
    theirs, ours = teacher.policy.config.action_sizes, student.policy.config.action_sizes
    if theirs != ours:
        raise ValueError(
            f"the teacher has action_sizes={theirs}, the student {ours} (None is VPT's codes): give the student the "
            "head of the teacher's action space"
        )


class DistillationCollector:
    """Plays the student in a vector env, lets the teacher watch, and returns what they saw.

    Episodes, and the memories of both, continue from one call to the next. Each acts in its own precision
    (:class:`vpt_gym.agents.VPTAgent`); the student acts with the weights that its policy has when a call begins.

    Args:
        student: The agent that learns; it is reset. Its memory is used between two calls: evaluate another
            ``VPTAgent`` of the same policy.
        teacher: The agent that it learns from; it is reset, and used likewise.
        envs: Takes the agents' actions and returns frames, uint8 [N, 128, 128, 3]; it is reset without a seed.
        chunk: L, ticks in a chunk.
        seed: Seed of the sampling.

    Attributes:
        started: How many episodes have begun in each env.
        successes: Whether each episode that has ended succeeded, the oldest first; without those that do not report it.

    Raises:
        ValueError: The agents act in different action spaces, ``chunk`` is not positive, or the vector env does not
            use ``AutoresetMode.NEXT_STEP``.
    """

    def __init__(
        self,
        student: VPTAgent,
        teacher: VPTAgent,
        envs: gym.vector.VectorEnv[Any, Any, Any],
        *,
        chunk: int,
        seed: int,
    ) -> None:
        check_pair(teacher, student)
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}; it must be at least 1 tick")
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise ValueError(f"autoreset_mode is {mode}; build the vector env with AutoresetMode.NEXT_STEP")
        self.student, self.teacher = student, teacher
        self.envs = EpisodeStarts(envs)
        self.chunk = chunk
        self.successes: list[bool] = []
        self._success = RunningSuccess(envs.num_envs)
        self._generator = torch.Generator().manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        self._obs, _ = self.envs.reset()
        self.started = [1] * self.envs.num_envs
        for agent in (student, teacher):
            agent.reset()

    def collect(self, chunks: int, *, beta: float) -> tuple[Chunks, Agreement]:
        """Plays ``chunks`` chunks in each of the N envs.

        Args:
            chunks: How many chunks to play in each env.
            beta: Probability with which the teacher acts, instead of the student, in each tick of each env.

        Returns:
            The N times ``chunks`` chunks, and how near the student was to its teacher in them.

        Raises:
            ValueError: ``beta`` is outside [0, 1].
        """
        if not 0.0 <= beta <= 1.0:
            raise ValueError(f"beta is {beta}; it must be a probability between 0 and 1")
        parts, compared = [], []
        for _ in range(chunks):
            memory = self.student.memory or self.student.policy.initial_memory(self.envs.num_envs)
            frames, first, weight, heads, ticks = zip(*(self._tick(beta) for _ in range(self.chunk)), strict=True)
            teacher = tuple(torch.stack(head, dim=1) for head in zip(*heads, strict=True))
            seen, starts, weights = (torch.stack(column, dim=1) for column in (frames, first, weight))
            parts.append(Chunks(seen, starts, weights, teacher, memory.to("cpu")))
            compared.append(torch.stack(ticks, dim=1))
        weights = torch.cat([part.weight for part in parts])
        agreement = Agreement.mean(torch.cat(compared).flatten(0, 1), weights.flatten())
        return _stack([(part, row) for row in range(self.envs.num_envs) for part in parts]), agreement

    def _tick(self, beta: float) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...], Tensor]:
        """Plays one tick; returns its frames, first, weight, the teacher's log-probabilities and :func:`compare`."""
        obs, first = self._obs, self.envs.first
        theirs = self.teacher.distribution(obs, first=first)
        ours = self.student.distribution(obs, first=first)
        guided = torch.from_numpy(self._rng.random(len(first)) < beta)[:, None]
        codes = torch.where(guided, theirs.sample(self._generator).cpu(), ours.sample(self._generator).cpu())
        self._obs, _, terminated, truncated, info = self.envs.step(codes.numpy())
        self.started = [count + int(new) for count, new in zip(self.started, self.envs.first, strict=True)]
        played = self.envs.played & ~np.asarray(info.get("_env_error", np.zeros_like(first)), bool)
        self._success.update(info, ~self.envs.played)
        reported = (self._success.so_far[row] for row in np.flatnonzero((terminated | truncated) & played).tolist())
        self.successes += [success for success in reported if success is not None]
        return (
            torch.from_numpy(np.array(obs)),
            torch.from_numpy(first.copy()),
            torch.from_numpy(played).float(),
            tuple(head.half().cpu() for head in theirs.log_probs),
            compare(theirs, ours).cpu(),
        )


class DemoReader:
    """Lets a student and its teacher see recorded demos, each with its memory, as if they had played them.

    Args:
        student: The agent that learns.
        teacher: The agent that it learns from.
        dataset: The demos, in ``order="carried"``; a batch of it becomes B chunks of T ticks.

    Raises:
        ValueError: The agents act in different action spaces, one of them acts on goals, or the demos come in another
            order.
    """

    def __init__(self, student: VPTAgent, teacher: VPTAgent, dataset: DemoDataset) -> None:
        check_pair(teacher, student)
        refuse_goals(teacher.policy, "distillation from demos")
        if dataset.order != "carried":
            raise ValueError(f'the data set has order={dataset.order!r}; complete episodes need order="carried"')
        self._policies = (teacher.policy, student.policy)
        self._dataset = dataset
        self._memories = [policy.initial_memory(dataset.batch_size) for policy in self._policies]

    @torch.no_grad()
    def read(self, batches: int) -> list[Chunks]:
        """Returns the next ``batches`` batches; there are always more."""
        parts = []
        for _ in range(batches):
            frames, _, first, weight = self._dataset.next_batch()
            before = self._memories[1].to("cpu")
            outputs = [
                policy(frames.to(memory.valid.device), first.to(memory.valid.device), memory)
                for policy, memory in zip(self._policies, self._memories, strict=True)
            ]
            self._memories = [output.memory for output in outputs]
            heads = tuple(head.half().cpu() for head in outputs[0].pi.log_probs)
            parts.append(Chunks(frames, first, weight, heads, before))
        return parts
