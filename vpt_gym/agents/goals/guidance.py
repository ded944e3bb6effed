"""The goal of an agent while it plays, and classifier-free guidance towards it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpt_gym.agents.policy.heads import ActionDistribution, ChoicesDistribution, Distribution
from vpt_gym.system.number import is_real
from vpt_gym.system.printable import shown

TEXT_GUIDANCE = 6.0
"""The scale with which STEVE-1 was published for goals from text; 7.0 for goals from video."""


class PlayedGoal:
    """Goals of N environments, and how strongly an agent is guided towards them.

    With guidance the policy runs twice for each environment: with its goal, and without one (zeros). Each of the two
    has its own memory. So a batch has 2 N rows, first those with goals.

    Args:
        embeddings: (1, G), one goal for all environments, or (N, G), float32.
        guidance: The scale s, at least 0; None runs the policy only with the goals.

    Raises:
        ValueError: The scale is negative or not finite.
    """

    def __init__(self, embeddings: npt.NDArray[np.float32], guidance: float | None) -> None:
        if guidance is not None and not _is_scale(guidance):
            raise ValueError(
                f"guidance must be a number of at least 0, for example {TEXT_GUIDANCE}, or None; got {shown(guidance)}"
            )
        self.guidance = guidance
        self._embeddings = embeddings
        self._kept: list[int] | None = None  # which environment each row is, after keep()

    @property
    def copies(self) -> int:
        """How many rows of a batch, and memories, an environment has."""
        return 1 if self.guidance is None else 2

    @property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """The goals of the environments that are played, (1, G) or (N, G)."""
        if self._kept is None or len(self._embeddings) == 1:
            return self._embeddings.copy()
        return self._embeddings[self._kept]

    def inputs(self, streams: int) -> Tensor:
        """Returns the goals for a batch of N environments, (N, G), or (2 N, G) with guidance.

        Raises:
            ValueError: There are goals for another number of environments.
        """
        goals = self.embeddings
        if len(goals) not in (1, streams):
            raise ValueError(
                f"there are goals for {len(goals)} environments and frames of {streams}: call agent.set_goal() with "
                "one goal for all, or with one for each"
            )
        goals = np.broadcast_to(goals, (streams, goals.shape[1]))
        return torch.from_numpy(np.concatenate([goals, np.zeros_like(goals)][: self.copies]))

    def guided(self, pi: Distribution) -> Distribution:
        """Returns the distribution that N environments act by, of the policy's for all rows of a batch."""
        return pi if self.guidance is None else guided(pi, self.guidance)

    def keep(self, rows: Sequence[int]) -> None:
        """Drops the goals of all environments but these."""
        self._kept = [row if self._kept is None else self._kept[row] for row in rows]

    def restore_rows(self) -> None:
        """Makes row i environment i again, as before :meth:`keep`."""
        self._kept = None


def _is_scale(value: object) -> bool:
    return is_real(value) and 0.0 <= value < math.inf


def guided(pi: Distribution, scale: float) -> Distribution:
    """Applies classifier-free guidance to a distribution over actions.

    The log-probabilities of each head are ``(1 + s) with - s without``, normalised again. STEVE-1 publishes them as
    they are before that; the actions drawn are the same.

    Args:
        pi: (2 N, ...): N rows of a policy with a goal, then the same N rows without.
        scale: s; 0 leaves the first N rows as they are.

    Returns:
        (N, ...).
    """
    halves = (head.chunk(2) for head in pi.log_probs)
    heads = tuple(((1.0 + scale) * wanted - scale * plain).log_softmax(-1) for wanted, plain in halves)
    return ActionDistribution(*heads) if isinstance(pi, ActionDistribution) else ChoicesDistribution(heads)
