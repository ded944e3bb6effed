"""A features extractor: VPT's network without its memory."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from vpt_gym.agents.policy.config import FRAME_SIZE
from vpt_gym.frames import Layout
from vpt_gym.integrations.sb3.network import Model, make_network
from vpt_gym.system.flags import checks_flags

_STEPS = 32
"""Frames that are computed as one stream. Each stream has a memory, which would take more room than its frames do."""
_TOLERANCE = 1e-2
"""Largest distance from a whole colour in 0..255 that rounding may explain; in float32 it is below 1e-4."""


class VPTFeatures(BaseFeaturesExtractor):
    """VPT's latent of each frame alone, (N, D): the network as at the first frame of an episode.

    SB3's rollouts keep no memory. For VPT's memory use :class:`RememberingVecEnv` instead.

    Frames are taken as SB3 passes them: as floats, channels first, divided by 255 or not (``normalize_images``). Which
    of the two is read from the frames: only undivided ones exceed 1, only divided ones have fractions. SB3's
    orthogonal initialisation (``ortho_init``, on by default) leaves these weights as they are.

    Args:
        observation_space: The frames of ``VPTObsWrapper``, (128, 128, 3), or as SB3 turns them, (3, 128, 128).
        model: Folder of a saved agent, a published name, or a network, which is copied; a config or a size for fresh
            weights. SB3 makes the extractor again when it loads a file, and then fills in the weights of the file.
        divided: Whether the frames are divided by 255; None reads it from the frames.
        train: Whether to train the network; otherwise it is frozen.

    Attributes:
        features_dim: D, the width of the latent.

    Raises:
        CheckpointError: A file is unsafe, damaged, or of another model.
        FileNotFoundError: There is no such file, folder or name.
        TypeError: ``model`` is of another type.
        ValueError: The observations are not frames of 128 × 128 pixels.
    """

    @checks_flags
    def __init__(
        self, observation_space: spaces.Space[Any], model: Model, *, divided: bool | None = None, train: bool = False
    ) -> None:
        layout = frame_layout(observation_space)
        network = make_network(model).requires_grad_(False)
        network.net.requires_grad_(train)
        network.pi_head = network.value_head = nn.Identity()  # type: ignore[assignment]  # only the latent is used
        super().__init__(observation_space, network.config.hidsize)
        self.network = network
        self._layout = layout
        self._divided = divided
        self._trained = train

    def apply(self, fn: Callable[[nn.Module], None]) -> VPTFeatures:
        """Applies a function to all modules, unless it is SB3's initialisation, which would erase the weights."""
        if isinstance(fn, functools.partial) and fn.func is BasePolicy.init_weights:
            return self
        super().apply(fn)
        return self

    def forward(self, observations: Tensor) -> Tensor:
        """Returns the latents (N, D) of frames, in the shape of the observation space.

        Raises:
            ValueError: The values are neither colours from 0 to 255 nor these divided by 255; or they are all 0 or 1,
                and neither ``divided`` nor an earlier frame says which of the two they are.
        """
        frames = self._colours(observations)
        if self._layout == "CHW":
            frames = frames.permute(0, 2, 3, 1)
        count = len(frames)
        steps = min(count, _STEPS)
        # Each frame begins an episode, so that none sees another; those that fill up the last stream are dropped.
        frames = torch.unflatten(F.pad(frames, (0, 0, 0, 0, 0, 0, 0, -count % steps)), 0, (-1, steps))
        first = torch.ones(frames.shape[:2], dtype=torch.bool, device=frames.device)
        with torch.set_grad_enabled(self._trained and torch.is_grad_enabled()):
            latent: Tensor = self.network(frames, first).latent
        return latent.flatten(0, 1)[:count]

    def _colours(self, frames: Tensor) -> Tensor:
        """Returns frames as uint8, without a guess."""
        if frames.dtype == torch.uint8:
            return frames
        low, high = (float(bound) for bound in frames.aminmax())
        if not 0.0 <= low <= high <= 255.0:
            raise ValueError(f"a frame has values from 0 to 255, or to 1, got {low:.3g} to {high:.3g}; {_NO_NORMALISE}")
        if high == 0.0:
            return frames.to(torch.uint8)
        whole = bool((frames == frames.round()).all())
        seen = None if whole and high <= 1.0 else high <= 1.0
        divided = self._divided if seen is None else seen
        if divided is None:
            raise ValueError(
                "these frames have only the values 0 and 1, which may be divided by 255 or not: say which with "
                'features_extractor_kwargs={..., "divided": True} (SB3 divides, unless normalize_images=False)'
            )
        scaled = frames * 255.0 if divided else frames
        colours = scaled.round()
        if float((scaled - colours).abs().max()) > _TOLERANCE:
            raise ValueError(f"the values of the frames are not colours, whole numbers from 0 to 255; {_NO_NORMALISE}")
        if self._divided not in (None, divided):
            here, before = ("divided", "not divided") if divided else ("not divided", "divided")
            raise ValueError(f"these frames are {here} by 255; earlier ones, or divided=, are {before} by 255")
        self._divided = divided
        return colours.to(torch.uint8)


_NO_NORMALISE = "pass the frames of VPTObsWrapper as they are, without VecNormalize"


def frame_layout(space: spaces.Space[Any]) -> Layout:
    """Returns the layout of the frames of a space.

    Raises:
        ValueError: Its observations are no frames of 128 × 128 pixels.
    """
    layouts: dict[Any, Layout] = {(3, FRAME_SIZE, FRAME_SIZE): "CHW", (FRAME_SIZE, FRAME_SIZE, 3): "HWC"}
    if isinstance(space, spaces.Box) and space.shape in layouts:
        return layouts[space.shape]
    raise ValueError(
        f"the observation space is {space}; VPT takes one frame of {FRAME_SIZE}x{FRAME_SIZE} pixels, without a frame "
        "stack: wrap each environment in VPTObsWrapper"
    )
