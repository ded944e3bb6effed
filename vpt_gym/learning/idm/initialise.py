"""A better start for a fresh inverse dynamics model: filters that detect motion, and heads that predict frequencies."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpt_gym.actions.camera import N_BINS
from vpt_gym.learning.initialise import init_output_bias

if TYPE_CHECKING:
    from vpt_gym.agents.idm.model import InverseDynamicsModel

PSEUDO_COUNT = 1.0
"""Added to the count of each value, so that one without a label is rare, but not impossible."""

_COLOURS, _FRAMES = 3, 5
_GREY = (0.30, 0.59, 0.11)
_WAVELENGTH = 4.0
_SPEED = 0.75
_PHASES = (0.0, math.pi / 2)
_CHANGE = (0.5, 2.0)


@torch.no_grad()
def init_motion_filters(model: InverseDynamicsModel) -> None:
    """Replaces the first random filters of a fresh model by filters that detect the direction of motion.

    The direction in which a picture moves shows only in space and time together. Random filters hardly respond to it:
    a small model then learns soon that the view turns, but for thousands of updates not to which side. After this
    call the convolution over time passes its five frames on unchanged, and up to 16 filters of the first spatial
    convolution are of two kinds. Drifting stripes along one axis detect slow movements of fine detail (Adelson &
    Bergen 1985, "Spatiotemporal energy models for the perception of motion"). A slope in space plus or minus the
    change from this frame to the next detects fast movements of coarse shapes (Lucas & Kanade 1981). All of them are
    trained as usual.

    Raises:
        ValueError: The convolution over time has fewer than 15 channels (three colours of five frames).
    """
    over_time = model.net.conv3d_layer.layer
    first = model.get_parameter("net.img_process.cnn.stacks.0.firstconv.layer.weight")
    passed = _COLOURS * _FRAMES
    if over_time.out_channels < passed:
        raise ValueError(
            f"conv3d_channels is {over_time.out_channels}; passing three colours of five frames on takes {passed}"
        )
    over_time.weight[:passed] = 0.0
    for frame, colour in itertools.product(range(_FRAMES), range(_COLOURS)):
        over_time.weight[frame * _COLOURS + colour, colour, frame] = 1.0
    filters = [_drifting_stripes(*kind) for kind in itertools.product((1, 0), (_SPEED, -_SPEED), _PHASES)]
    filters += [_slope_and_change(*kind) for kind in itertools.product((1, 0), (1.0, -1.0), _CHANGE)]
    for index, one in enumerate(filters[: len(first)]):
        first[index] = 0.0
        first[index, :passed] = one


def init_idm_heads(model: InverseDynamicsModel, buttons: npt.ArrayLike, camera: npt.ArrayLike) -> None:
    """Makes the heads of a fresh model predict the frequencies of the labels (:func:`init_output_bias`).

    Args:
        model: A model with fresh heads; it is changed in place.
        buttons: (..., 20) int64 0/1, the labels that it will be trained on.
        camera: (..., 2) int64, camera bins.
    """
    for head, given, choices in ((model.pi_head.buttons, buttons, 2), (model.pi_head.camera, camera, N_BINS)):
        labels = np.asarray(given)
        init_output_bias(head, labels.reshape(-1, labels.shape[-1]), choices, pseudo_count=PSEUDO_COUNT)


def _drifting_stripes(axis: int, speed: float, phase: float) -> Tensor:
    """Returns a filter (15, 3, 3) of norm 1 and mean 0; channel 3 f + c is colour c of frame f."""
    planes = []
    for frame, grey in itertools.product(range(_FRAMES), _GREY):
        time = frame - _FRAMES // 2
        stripes = torch.cos(2 * math.pi / _WAVELENGTH * (_places(axis) + speed * time) + phase)
        planes.append(grey * math.exp(-(time**2) / 4) * stripes)
    return _normalised(torch.stack(planes))


def _slope_and_change(axis: int, sign: float, change: float) -> Tensor:
    """Returns a filter (15, 3, 3) like :func:`_drifting_stripes`, of this frame and the next."""
    blur = torch.tensor([1.0, 2.0, 1.0])
    slope = _places(axis) * (blur[None] if axis == 0 else blur[:, None]) / 8
    flat = torch.outer(blur, blur) / 16
    here = _FRAMES // 2
    parts = {here: sign * slope - change * flat, here + 1: sign * slope + change * flat}
    zero = torch.zeros(3, 3)
    return _normalised(
        torch.stack([grey * parts.get(frame, zero) for frame, grey in itertools.product(range(_FRAMES), _GREY)])
    )


def _places(axis: int) -> Tensor:
    """Returns the coordinate along an axis of each pixel of a filter, (3, 3)."""
    place = torch.arange(3.0) - 1
    return place[:, None].expand(3, 3) if axis == 0 else place.expand(3, 3)


def _normalised(weight: Tensor) -> Tensor:
    weight = weight - weight.mean()
    return weight.div(torch.linalg.vector_norm(weight))
