"""Mirrored codes, over all of them."""

from __future__ import annotations

import numpy as np

from vpt_gym.actions import codec
from vpt_gym.actions.human import BUTTONS
from vpt_gym.actions.mirror import mirrored

ALL = np.stack(np.meshgrid(np.arange(codec.N_BUTTONS), [0, 7, 60, 65, 120], indexing="ij"), axis=-1)


def test_left_and_right_and_the_sign_of_the_yaw_are_exchanged_and_nothing_else():
    before, after = codec.decode(ALL), codec.decode(mirrored(ALL))
    swapped = {"left": "right", "right": "left"}
    for name in BUTTONS:
        np.testing.assert_array_equal(after[swapped.get(name, name)], before[name])
    np.testing.assert_array_equal(after["camera"][..., 0], before["camera"][..., 0])
    np.testing.assert_array_equal(after["camera"][..., 1], -before["camera"][..., 1])


def test_twice_is_once_around():
    np.testing.assert_array_equal(mirrored(mirrored(ALL)), ALL)


def test_canonical_codes_stay_canonical():
    codes = codec.canonical(ALL)
    np.testing.assert_array_equal(codec.canonical(mirrored(codes)), mirrored(codes))
