"""The goal of an agent as command-line options, for policies that act on goals, as STEVE-1's does."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from vpt_gym.system.command_line import optional
from vpt_gym.system.printable import shown

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent

NONE = "none"
"""As ``--goal``: act without a goal."""
FILE_GUIDANCE = 7.0
"""The scale with which STEVE-1 was published for goals from video; for text see ``TEXT_GUIDANCE``."""


class GoalError(ValueError):
    """A policy that acts on goals has none, or one that does not has one; or a file holds no goal."""


@dataclass(frozen=True, eq=False)
class ChosenGoal:
    """A goal that a user chose.

    Attributes:
        name: The text, the file, or ``"none"``.
        embedding: float32 (G,); None to act without a goal.
        guidance: Scale of guidance; None acts with the goal alone.
    """

    name: str
    embedding: npt.NDArray[np.float32] | None
    guidance: float | None

    @property
    def provenance(self) -> dict[str, Any]:
        """What identifies the goal in the metadata of demos and in results, as JSON values."""
        if self.embedding is None:
            return {"name": self.name}
        digest = hashlib.sha256(np.ascontiguousarray(self.embedding).tobytes()).hexdigest()[:16]
        return {"name": self.name, "embedding": digest, "guidance": self.guidance}


def give_goal(agent: VPTAgent, goal: ChosenGoal | None, name: str) -> None:
    """Gives an agent the goal that a user chose, or none to an agent that takes none.

    Args:
        agent: The agent, at the start of an episode.
        goal: The goal; None if the user chose none, or could not choose one.
        name: The agent's name, for messages.

    Raises:
        GoalError: The agent acts on goals and there is none, it takes none and there is one, or the goal is of another
            size.
    """
    size = agent.policy.config.goal_size
    if size is None:
        if goal is not None:
            raise GoalError(f"{name} takes no goals (its config has goal_size None): leave --goal {goal.name!r} out")
        return
    if goal is None:
        raise GoalError(
            f"{name} acts on goals (its config has goal_size {size}) and has none. Where an agent only plays, --goal "
            "gives it one: a text, FILE.npy, or none to act without a goal. No trainer here gives goals to the policy "
            "that it trains (docs/jobs/goals.md)"
        )
    try:
        agent.set_goal(goal.embedding, guidance=goal.guidance)
    except ValueError as error:
        raise GoalError(f"--goal {goal.name!r} does not fit {name}: {error}") from error


@dataclass(frozen=True)
class GoalArgs:
    """The goal of an agent whose policy acts on goals, such as STEVE-1.

    Raises:
        ValueError: An option is out of range, or contradicts another.
    """

    goal: Annotated[str | None, optional("TEXT|FILE", "none is chosen, an error for such an agent", name="goal")] = None
    """A text, or a name such as wood, for which --mineclip is needed; a .npy file with an embedding; or none: act
    without a goal."""
    guidance: Annotated[float | None, optional("SCALE", "6 for a text, 7 for a file", name="guidance")] = None
    """How strongly the agent is guided towards the goal. 0: it acts with the goal alone, in less time."""
    mineclip: Annotated[Path | None, optional("FILE", "none", name="mineclip")] = None
    """MineCLIP's weights (attn.pth), which turn the text into a goal."""
    prior: Annotated[str, optional("FILE", "steve1, from the cache or downloaded", name="goal-prior")] = "steve1"
    """Weights of the prior, which turns the embedding of a text into one of a video (steve1_prior.pt)."""

    def __post_init__(self) -> None:
        # an error that is raised here is shown as a wrong option
        if self.goal is None:
            if self.guidance is not None or self.mineclip is not None:
                raise ValueError("--guidance and --mineclip go with --goal")
            return
        if not self.goal.strip():
            raise ValueError("--goal is empty; give a text, FILE.npy or none")
        if self.guidance is not None and not 0.0 <= self.guidance < math.inf:
            raise ValueError(f"--guidance is {self.guidance}; it must be a number of at least 0, for example 6")
        if self.goal == NONE and self.guidance is not None:
            raise ValueError("--guidance is towards a goal; --goal none has none")
        if Path(self.goal).suffix and os.path.isfile(self.goal) and not self._is_file:
            raise ValueError(
                f"--goal {self.goal} is a file, but not a .npy file with an embedding (docs/jobs/goals.md says how to "
                "make one of a video)"
            )
        if self._is_text and self.mineclip is None:
            raise ValueError(
                f"--goal {shown(self.goal)} is a text: give MineCLIP's weights too (--mineclip attn.pth, see "
                "docs/jobs/mineclip.md), or the embedding in a file (--goal FILE.npy)"
            )
        if not self._is_text and self.mineclip is not None:
            raise ValueError(f"--mineclip is for a goal in words, and --goal is {self.goal}; leave it out")

    @property
    def _is_file(self) -> bool:
        return self.goal is not None and self.goal.lower().endswith(".npy")

    @property
    def _is_text(self) -> bool:
        return self.goal is not None and self.goal != NONE and not self._is_file

    def chosen(self) -> ChosenGoal | None:
        """Returns the goal, or None without ``--goal``. A text becomes the same embedding each time.

        Raises:
            GoalError: The file does not hold an embedding.
            CheckpointError: A file of weights is unsafe, damaged or something else.
            DownloadError: The prior is not on this machine and cannot be downloaded.
            FileNotFoundError: A file is missing.
            ImportError: The tokenizer of MineCLIP is not installed.
        """
        if self.goal is None:
            return None
        if self.goal == NONE:
            return ChosenGoal(NONE, None, None)
        from vpt_gym.agents.goals.guidance import TEXT_GUIDANCE

        usual = FILE_GUIDANCE if self._is_file else TEXT_GUIDANCE
        guidance = usual if self.guidance is None else self.guidance
        embedding = _read(Path(self.goal)) if self._is_file else self._encoded(self.goal)
        return ChosenGoal(self.goal, embedding, guidance or None)

    def _encoded(self, text: str) -> npt.NDArray[np.float32]:
        from vpt_gym.agents.goals.prior import GoalPrior
        from vpt_gym.agents.goals.text import TextGoals
        from vpt_gym.mineclip import MineCLIP

        assert self.mineclip is not None  # since __post_init__
        prior = GoalPrior.from_pretrained(self.prior)
        return TextGoals(MineCLIP.from_pretrained(self.mineclip).encode_text, prior, seed=0)(text)


def _read(path: Path) -> npt.NDArray[np.float32]:
    from vpt_gym.agents.goals.embedding import checked_embedding

    if not os.path.isfile(path):
        raise FileNotFoundError(f"--goal {path}: there is no such file")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: nothing is allocated that the file lacks
    except Exception as error:  # of NumPy, zipfile or Python's parser, for a damaged header
        raise GoalError(f"--goal {path} holds no goal: {shown(error)}") from error
    try:
        if not isinstance(array, np.ndarray):
            array.close()
            raise TypeError("it is an archive of arrays (.npz)")
        return checked_embedding(array, f"the content of {path}", ("G",), (1, "G")).reshape(-1)
    except (ValueError, TypeError) as error:
        raise GoalError(f"--goal {path} holds no goal: {error}") from error
