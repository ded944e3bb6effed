"""Turns what a user calls a goal, an embedding, a text or a name, into the vectors that a policy takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.system.printable import shown

GoalEncoder: TypeAlias = Callable[[str], npt.ArrayLike] | Mapping[str, npt.ArrayLike]
"""Maps a text or a name to an embedding (G,): a function, such as ``TextGoals``, or embeddings by name."""

_REMEDY = (
    "For STEVE-1, set agent.goal_encoder = TextGoals(encode_text, GoalPrior.from_pretrained('steve1')), where "
    "encode_text is MineCLIP's text encoder, vpt_gym.mineclip.MineCLIP.from_pretrained(path).encode_text, or any other "
    "that maps a text to 512 float32. Or set goal_encoder to a dictionary of embeddings by name, or pass the embedding "
    "itself to set_goal"
)


def goal_rows(goal: Any, size: int, encoder: GoalEncoder | None) -> npt.NDArray[np.float32]:
    """Returns goals as embeddings, float32 (N, G); N is 1 if one goal is for all environments.

    Args:
        goal: An embedding (G,) or (N, G), floats; a text or a name; a list with one of these for each environment; or
            None, no goal, which is zeros.
        size: G.
        encoder: What text is given to.

    Raises:
        TypeError: The goal is of another type.
        ValueError: An embedding has another shape or is not finite, or there is text and nothing to encode it.
    """
    if isinstance(goal, list | tuple) and any(
        one is None or not np.isscalar(one) or isinstance(one, str) for one in goal
    ):
        rows = [_one(one, size, encoder) for one in goal]
        if not all(row.ndim == 1 for row in rows):
            raise ValueError(f"each goal of a list must be one text, name or embedding ({size},)")
        return np.stack(rows)
    return np.atleast_2d(_one(goal, size, encoder))


def _one(goal: Any, size: int, encoder: GoalEncoder | None) -> npt.NDArray[np.float32]:
    if goal is None:
        return np.zeros(size, np.float32)
    if isinstance(goal, str):
        return checked_embedding(_encoded(goal, encoder), f"the embedding of {shown(goal)}", (size,))
    return checked_embedding(goal, "a goal", (size,), ("N", size))


def _encoded(text: str, encoder: GoalEncoder | None) -> npt.ArrayLike:
    if encoder is None:
        raise ValueError(f"the goal {shown(text)} is text, and this agent has no encoder for text. {_REMEDY}")
    if not isinstance(encoder, Mapping):
        return encoder(text)
    if text not in encoder:
        raise ValueError(
            f"no goal is named {shown(text)}; there are {', '.join(map(shown, encoder)) or 'none'}. {_REMEDY}"
        )
    return encoder[text]


def checked_embedding(value: Any, what: str, *shapes: tuple[int | str, ...]) -> npt.NDArray[np.float32]:
    """Returns a copy of an embedding as float32.

    Args:
        value: An array or tensor of floats.
        what: What it is called in an error.
        *shapes: The shapes that it may have; a text stands for any length of at least 1.

    Raises:
        TypeError: It does not hold floats.
        ValueError: It has another shape, or is not finite.
    """
    array = np.array(value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{what} must be an embedding of floats, text or None, got {shown(value)}")
    wanted = " or ".join(f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" for shape in shapes)
    if not any(_fits(array.shape, shape) for shape in shapes):
        raise ValueError(f"{what} must have the shape {wanted}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} holds NaN or infinity")
    return array.astype(np.float32)


def _fits(shape: tuple[int, ...], wanted: tuple[int | str, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        n == m if isinstance(m, int) else n > 0 for n, m in zip(shape, wanted, strict=True)
    )
