"""The best agent of a training run: saved whenever a validation finds a better one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent


def score_of(success: float, mean_ticks: float, loss: float | None = None) -> tuple[float, float]:
    """Returns the score by which all trainers choose among the agents of a run; of two scores the higher one is better.

    More success in the validation worlds is better. Among equals it is less loss on the held-out demos, which a trainer
    from demos minimises; where no demos are held out, as in training by play, it is fewer ticks of an episode.

    Args:
        success: Share of the validation worlds with success.
        mean_ticks: Mean length of an episode in them.
        loss: The loss on the held-out demos, if there are any.
    """
    return success, -mean_ticks if loss is None else -loss


class BestAgent:
    """Keeps the agent with the highest score so far in a folder.

    Args:
        folder: Where it is saved (``VPTAgent.save_pretrained``).
        score: The highest score so far, for a training run that continues; empty if there is none.

    Attributes:
        score: As above. Save it in a checkpoint whenever :meth:`offer` returns True: a training that continues from an
            earlier one could replace the agent by a worse one.
    """

    def __init__(self, folder: Path, score: Sequence[float] = ()) -> None:
        self._folder = folder
        self.score = tuple(score)

    def offer(self, agent: VPTAgent, *score: float) -> bool:
        """Saves the agent if its score is higher than any before, and returns whether it is.

        Args:
            agent: The agent as it is now.
            score: Its score (``score_of``). Of several numbers the later ones decide between agents that are equal in
                those before.
        """
        if score <= self.score:
            return False
        agent.save_pretrained(self._folder)
        self.score = score
        return True
