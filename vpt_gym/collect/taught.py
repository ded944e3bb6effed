"""A learner and a teacher that watch the same frames, for DAgger with another agent as the expert."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vpt_gym.collect.rollouts import Agent


class TaughtAgent:
    """An agent whose :meth:`act` returns its own codes and those of a teacher; ``play`` passes them to the control.

    The teacher's memory follows the frames that the learner sees, whoever acts. Both are called once a tick, with a
    batch of all envs.

    Args:
        learner: The agent that plays.
        teacher: The agent that labels. Its sampling is independent of the learner's.

    Raises:
        ValueError: Both are the same agent, which has only one memory.
    """

    def __init__(self, learner: Agent, teacher: Agent) -> None:
        if learner is teacher:
            raise ValueError("the learner and the teacher are one agent, with one memory; load the teacher separately")
        self.learner, self.teacher = learner, teacher

    def act(self, obs: npt.NDArray[np.uint8], *, first: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Returns int64 (N, 2, 2): for each frame the code of the learner, then the code of the teacher."""
        return np.stack([agent.act(obs, first=first) for agent in (self.learner, self.teacher)], axis=1)

    def reset(self, mask: npt.NDArray[np.bool_] | None = None, seed: Sequence[int | None] | None = None) -> None:
        """Clears both memories, as ``VPTAgent.reset`` does."""
        from vpt_gym.agents.episode_generators import mixed_seed  # not above: it imports torch

        self.learner.reset(mask, seed)
        self.teacher.reset(mask, None if seed is None else [None if s is None else mixed_seed(s, 1) for s in seed])

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all envs except ``rows``, in both agents."""
        self.learner.keep(rows)
        self.teacher.keep(rows)
