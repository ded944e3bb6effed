"""Goals from video without MineCLIP: what a pretrained policy makes of the last 16 frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory

GOAL_FRAMES = 16
"""Frames that a goal describes, as in STEVE-1."""
_CHUNK = 64
"""Ticks in a forward pass; the goals do not depend on it, up to rounding."""


@torch.no_grad()
def video_goals(policy: VPTPolicy, frames: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the goal of each tick of an episode: what has just happened, as a policy without goals sees it.

    It is the mean of the policy's latent over the last 16 frames (fewer at the start), scaled to a mean of 0 and a
    variance of 1 over its entries.

    Args:
        policy: The policy that looks at the frames, such as that of ``"nano-foundation"``. A policy that was trained
            towards such goals needs those of the same policy.
        frames: (T, 128, 128, 3) uint8 RGB, or (T, D), what ``policy.encode`` returns for them.

    Returns:
        (T, D) float32.

    Raises:
        ValueError: The policy acts on goals itself, there are no frames, or they have another shape or type.
    """
    if policy.config.goal_size is not None:
        raise ValueError("goals are made by a policy that takes none itself, and this one has goal_size set")
    if not len(frames):
        raise ValueError("there are no frames to make a goal of")
    like = policy.net.final_ln.weight
    first = torch.zeros(1, len(frames), dtype=torch.bool, device=like.device)
    first[0, 0] = True
    memory: Memory | None = None
    latents = []
    for start in range(0, len(frames), _CHUNK):
        part = torch.from_numpy(np.array(frames[start : start + _CHUNK])).to(like.device)
        output = policy(part[None], first[:, start : start + _CHUNK], memory)
        memory = output.memory
        latents.append(output.latent[0].double())
    sums = F.pad(torch.cat(latents).cumsum(0), (0, 0, 1, 0))
    end = torch.arange(1, len(frames) + 1, device=like.device)
    begin = (end - GOAL_FRAMES).clamp_min(0)
    means = (sums[end] - sums[begin]) / (end - begin)[:, None]
    goals: npt.NDArray[np.float32] = F.layer_norm(means, means.shape[-1:]).float().cpu().numpy()
    return goals
