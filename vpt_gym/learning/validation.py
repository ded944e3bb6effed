"""The loss and the accuracy of a policy on demos that it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.demos.dataset.dataset import DemoDataset
from vpt_gym.demos.dataset.loading import DropNull
from vpt_gym.learning.losses import entry_names
from vpt_gym.learning.processes import Processes

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.demos.dataset.cache import DemoCache
    from vpt_gym.demos.dataset.native import NativeLabels
    from vpt_gym.learning.hindsight import HindsightGoals

_CHUNK = 64
"""Ticks in a forward pass; the figures do not depend on it, up to rounding."""


@dataclass(frozen=True)
class ValidationResult:
    """What a policy predicts of held-out demos.

    Attributes:
        loss: Negative log-likelihood, nats per tick; the sum of ``losses``.
        losses: Its part of each entry of an action, by name: buttons and camera of a VPT code.
        accuracies: Share of the ticks in which the most probable value of an entry is that of the demo.
        ticks: Ticks with weight.
    """

    loss: float
    losses: dict[str, float]
    accuracies: dict[str, float]
    ticks: int

    @property
    def metrics(self) -> dict[str, float]:
        """The names and values to log."""
        return {
            "validation/loss": self.loss,
            **{f"validation/loss_{name}": value for name, value in self.losses.items()},
            **{f"validation/accuracy_{name}": value for name, value in self.accuracies.items()},
        }


class Validation:
    """Held-out demos. Every tick counts once, and memory is carried through complete episodes, as when the agent plays.

    Args:
        demos: One file of each demo.
        drop_null: As in ``DemoDataset``.
        labels: What the policy predicts instead of VPT codes, as in ``DemoDataset``.
        names: Names of the entries of an action, in their order; default: those of ``losses.entry_names``.
        cache: Decoded frames or features, which may be those of the training.
        processes: Those that train together: each validates a part of the demos.

    Attributes:
        episodes: Number of demos, of all processes.

    Raises:
        ValueError: There are no demos, or all are damaged.
    """

    def __init__(
        self,
        demos: Sequence[Path],
        *,
        drop_null: DropNull = "auto",
        labels: NativeLabels | None = None,
        names: Sequence[str] = (),
        cache: DemoCache | None = None,
        processes: Processes = Processes(),  # noqa: B008 (frozen)
    ) -> None:
        if not demos:
            raise ValueError("no demos to validate on")
        self.episodes, self._names, self._processes = len(demos), tuple(names), processes
        mine = list(processes.mine(demos))
        options: dict[str, Any] = {"drop_null": drop_null, "labels": labels, "cache": cache}
        self._dataset = DemoDataset(mine, seq_len=_CHUNK, batch_size=1, order="carried", **options) if mine else None
        self._begin = None if self._dataset is None else self._dataset.state_dict()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The labels of all ticks with weight, (n, k) int64, in the demos of all processes."""
        mine = None if self._dataset is None else self._dataset.labels
        return np.concatenate([part for part in self._processes.gather(mine) if part is not None])

    @torch.no_grad()
    def measure(self, policy: VPTPolicy, goals: HindsightGoals | None = None) -> ValidationResult:
        """Returns the figures of a policy, which should be in evaluation mode; equal weights give equal figures.

        Args:
            policy: The policy.
            goals: For a policy that acts on goals: those of the demos, in hindsight; None: it acts without a goal.
        """
        device = policy.device
        names = self._names
        sums = torch.zeros(2, len(policy.config.action_sizes or (0, 0)), device=device)
        ticks = torch.zeros((), device=device)
        if self._dataset is not None and self._begin is not None:
            self._dataset.load_state_dict(self._begin)
            memory, left = None, self._dataset.n_ticks
            for batch in self._dataset:
                batch.weight[:, left:] = 0.0  # the last batch goes on into the next epoch
                left -= batch.first.numel()
                codes, weight = batch.codes.to(device), batch.weight.to(device)
                goal = None
                if goals is not None:
                    goal = goals.of_batch(self._dataset.sources, batch.first.shape).to(device)
                output = policy(batch.frames.to(device), batch.first.to(device), memory, goal)
                memory, names = output.memory, self._names or entry_names(output.pi)
                log_probs = torch.stack(output.pi.entry_log_probs(codes))
                right = (output.pi.mode() == codes).movedim(-1, 0)
                sums += torch.stack([(-log_probs * weight).sum((1, 2)), (right * weight).sum((1, 2))])
                ticks += weight.sum()
        names = next(found for found in self._processes.gather(names) if found)
        sums, ticks = self._processes.sum(sums), self._processes.sum(ticks)
        losses, accuracies = (sums / ticks.clamp_min(1.0)).tolist()
        return ValidationResult(
            loss=sum(losses),
            losses=dict(zip(names, losses, strict=True)),
            accuracies=dict(zip(names, accuracies, strict=True)),
            ticks=int(ticks),
        )
