"""Goals from text: a text encoder, then a prior."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.agents.goals.embedding import checked_embedding
from vpt_gym.agents.goals.prior import GoalPrior
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.printable import shown

TextEncoder: TypeAlias = Callable[[str], npt.ArrayLike]
"""Maps a text to its embedding, float32 (G,)."""

PROMPTS: Mapping[str, str] = MappingProxyType(
    {
        "dig": "dig as far as possible",
        "dirt": "get dirt, dig hole, dig dirt, gather a ton of dirt, collect dirt",
        "sky": "look at the sky",
        "leaves": "break leaves",
        "wood": "chop down the tree, gather wood, pick up wood, chop it down, break tree",
        "seeds": "break tall grass, break grass, collect seeds, punch the ground, run around in circles getting seeds "
        "from bushes",
        "flower": "break a flower",
        "explore": "go explore",
        "swim": "go swimming",
        "underwater": "go underwater",
        "inventory": "open inventory",
    }
)
"""The texts with which STEVE-1 was evaluated, by their names in the paper's code."""


class TextGoals:
    """Turns a text into the embedding of a goal: the ``goal_encoder`` of an agent with STEVE-1's weights.

    Args:
        text_encoder: Maps a text to its embedding (G,); for STEVE-1, MineCLIP's text encoder, whose output is neither
            normalised nor adapted.
        prior: Maps that to an embedding of a video, with which STEVE-1 was trained. None takes the embedding of the
            text as the goal, for a policy that was trained on such.
        named: Texts by name, which stand for the text in :meth:`__call__`, and embeddings (G,) by name, which are
            goals as they are.
        deterministic: Use the centre of the prior instead of a sample. STEVE-1 samples.
        seed: Of the samples; None chooses another one each time.

    Raises:
        TypeError: ``text_encoder`` is no function.
    """

    @checks_flags
    def __init__(
        self,
        text_encoder: TextEncoder,
        prior: GoalPrior | None,
        *,
        named: Mapping[str, str | npt.ArrayLike] = PROMPTS,
        deterministic: bool = False,
        seed: int | None = None,
    ) -> None:
        if not callable(text_encoder):
            raise TypeError(f"text_encoder must be a function of a text, got {shown(text_encoder)}")
        self.named = dict(named)
        self._text_encoder, self._prior, self._deterministic = text_encoder, prior, deterministic
        self._rng = np.random.default_rng(seed)  # unlike PyTorch's, it can be copied with an agent

    def __call__(self, text: str) -> npt.NDArray[np.float32]:
        """Returns the embedding of a text or name, float32 (G,).

        Raises:
            ValueError: The text encoder returns something else than the prior takes.
        """
        known = self.named.get(text, text)
        if not isinstance(known, str):
            return checked_embedding(known, f"the goal named {shown(text)}", ("G",))
        size: int | str = "G" if self._prior is None else self._prior.size
        embedding = checked_embedding(self._text_encoder(known), "what the text encoder returns", (size,))
        if self._prior is None:
            return embedding
        latent = np.zeros(self._prior.latent_size)
        if not self._deterministic:
            latent = self._rng.standard_normal(self._prior.latent_size)
        like = next(self._prior.parameters())
        with torch.inference_mode():
            visual = self._prior(*(torch.from_numpy(x)[None].to(like) for x in (embedding, latent)))
        goal: npt.NDArray[np.float32] = visual[0].float().cpu().numpy()
        return goal
