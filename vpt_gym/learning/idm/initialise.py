"""A better start for a fresh inverse dynamics model: filters that see motion, and heads that know the frequencies."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpt_gym.actions.camera import N_BINS

if TYPE_CHECKING:
    from vpt_gym.agents.idm.model import InverseDynamicsModel

PSEUDO_COUNT = 1.0
"""What a value that never occurs counts for: rare, but not impossible."""

_COLOURS, _FRAMES = 3, 5
_GREY = (0.30, 0.59, 0.11)
_WAVELENGTH = 4.0
_SPEED = 0.75
_PHASES = (0.0, math.pi / 2)
_CHANGE = (0.5, 2.0)


@torch.no_grad()
def see_motion(model: InverseDynamicsModel) -> None:
    """Gives a fresh model filters for drifting stripes, in the place of random ones.

    Which way a picture moves shows only in how space and time hang together. Random filters hardly see it: from them
    a small model learns fast that the view turns, and for thousands of updates not to which side. The convolution over
    time passes the five frames on as they are, and filters of the first spatial convolution, 16 at most, become of
    two kinds: stripes that drift along one axis, for slow movements of fine detail (Adelson & Bergen 1985,
    "Spatiotemporal energy models for the perception of motion"), and a slope in space plus or minus the change from
    this frame to the next, for fast movements of what is coarse (Lucas & Kanade 1981). All of it is trained on as
    usual.

    Raises:
        ValueError: The convolution over time has less than 15 channels: three colours of five frames.
    """
    over_time = model.net.conv3d_layer.layer
    first = model.get_parameter("net.img_process.cnn.stacks.0.firstconv.layer.weight")
    passed = _COLOURS * _FRAMES
    if over_time.out_channels < passed:
        raise ValueError(
            f"conv3d_channels is {over_time.out_channels}; to pass three colours of five frames on takes {passed}"
        )
    over_time.weight[:passed] = 0.0
    for frame, colour in itertools.product(range(_FRAMES), range(_COLOURS)):
        over_time.weight[frame * _COLOURS + colour, colour, frame] = 1.0
    filters = [_drifting_stripes(*kind) for kind in itertools.product((1, 0), (_SPEED, -_SPEED), _PHASES)]
    filters += [_slope_and_change(*kind) for kind in itertools.product((1, 0), (1.0, -1.0), _CHANGE)]
    for index, one in enumerate(filters[: len(first)]):
        first[index] = 0.0
        first[index, :passed] = one


@torch.no_grad()
def match_frequencies(model: InverseDynamicsModel, buttons: npt.ArrayLike, camera: npt.ArrayLike) -> None:
    """Sets the biases of the heads to the log-frequencies of the labels, and their weights to zero.

    Args:
        model: A model with fresh heads; it is changed in place.
        buttons: (..., 20) int64 0/1, the labels that it will be trained on.
        camera: (..., 2) int64, camera bins.
    """
    heads = ((model.pi_head.buttons, buttons, 2), (model.pi_head.camera, camera, N_BINS))
    for head, given, choices in heads:
        labels = np.asarray(given)
        labels = labels.reshape(-1, labels.shape[-1])
        counts = np.stack([np.bincount(column, minlength=choices) for column in labels.T]) + PSEUDO_COUNT
        bias = torch.from_numpy(np.log(counts / counts.sum(1, keepdims=True))).flatten()
        head.linear_layer.weight.zero_()
        head.linear_layer.bias.copy_(bias * head.temperature)


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
