"""The best agent of a training run: saved whenever a validation finds a better one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent


class BestAgent:
    """Keeps the agent with the highest score so far in a folder.

    Args:
        folder: Where it is saved (``VPTAgent.save_pretrained``).
        score: The highest score so far, for a training run that continues; empty if there is none.

    Attributes:
        score: As above; a checkpoint should hold it.
    """

    def __init__(self, folder: Path, score: Sequence[float] = ()) -> None:
        self._folder = folder
        self.score = tuple(score)

    def offer(self, agent: VPTAgent, *score: float) -> bool:
        """Saves the agent if its score is higher than any before, and returns whether it is.

        Args:
            agent: The agent as it is now.
            score: Its score, for example the success in validation worlds. Of several numbers the later ones decide
                between agents that are equal in those before.
        """
        if score <= self.score:
            return False
        agent.save_pretrained(self._folder)
        self.score = score
        return True
