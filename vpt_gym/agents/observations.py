"""Checks what an agent is shown: frames, and where episodes begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.agents.policy.config import FRAME_SIZE

_FRAME_SHAPE = (FRAME_SIZE, FRAME_SIZE, 3)
_WRAP = "wrap the environment in VPTObsWrapper, which returns such frames"


def checked_frames(obs: Any) -> tuple[npt.NDArray[np.uint8], bool]:
    """Returns a copy of the frames, (N, 128, 128, 3), and whether they came as a batch.

    Args:
        obs: As for :meth:`VPTAgent.act`.

    Raises:
        TypeError: The frames are not uint8.
        ValueError: There are none, or a shape is wrong.
    """
    if isinstance(obs, dict):
        if "img" not in obs:
            raise ValueError(f'the observation has no "img" (its keys: {sorted(map(str, obs))}): {_WRAP}')
        obs = obs["img"]
    try:
        frames = np.asarray(obs)
    except ValueError as error:  # of NumPy: a tuple or list whose parts are not of one shape
        raise ValueError(
            f"the observation is a {type(obs).__name__} of parts that are not frames of one size; env.reset() returns "
            "(observation, info), and env.step() five values: pass the observation alone"
        ) from error
    if frames.dtype != np.uint8:
        raise TypeError(f"a frame must be uint8 with values from 0 to 255, got {_describe(frames)}: {_WRAP}")
    if frames.ndim not in (3, 4) or frames.shape[-3:] != _FRAME_SHAPE:
        if frames.ndim in (3, 4) and frames.shape[-3] == 3:
            problem = f"a frame must be (height, width, channel), got (channel, height, width): {frames.shape}"
        else:
            problem = f"a frame must be {_FRAME_SHAPE}, or (N, 128, 128, 3) for N environments; got {frames.shape}"
        raise ValueError(f"{problem}; {_WRAP}")
    if 0 in frames.shape:
        raise ValueError(f"there are no frames in an observation of shape {frames.shape}")
    # A copy: the array may be read-only or have negative strides, which torch.from_numpy refuses.
    return np.array(frames.reshape(-1, *_FRAME_SHAPE), order="C"), frames.ndim == 4


def checked_first(first: npt.ArrayLike | None, streams: int, batched: bool, *, default: bool) -> npt.NDArray[np.bool_]:
    """Returns which of the frames are the first of their episodes, (N,) bool.

    Args:
        first: As for :meth:`VPTAgent.act`.
        streams: N.
        batched: Whether the frames came as a batch.
        default: The answer for one environment if ``first`` is None.

    Raises:
        TypeError: There is a batch, and ``first`` is None.
        ValueError: ``first`` has another type or shape.
    """
    if first is None:
        if batched:
            raise TypeError(
                f"{streams} environments need first=, bool ({streams},), True where a new episode begins: "
                "after reset() that is np.ones(N, bool); after step(), with Gymnasium's next-step autoreset, "
                f"where the previous step ended an episode. If these are the last {streams} frames of one environment "
                "(a frame stack), give the newest one, obs[-1]: the agent remembers the others itself"
            )
        return np.array([default])
    marks = np.asarray(first)
    if marks.dtype != np.bool_ or marks.shape not in (((streams,),) if batched else ((), (1,))):
        raise ValueError(f"first must be bool {(streams,) if batched else ()}, got {_describe(marks)}")
    return np.array(marks.reshape(streams))


def _describe(array: npt.NDArray[Any]) -> str:
    return f"{array.dtype} {array.shape}"
