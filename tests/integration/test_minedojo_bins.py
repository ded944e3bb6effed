"""MineDojo's own wrapper reads the translator's MultiDiscrete actions; no game is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vpt_gym.actions.codec import VPT_BUTTONS, decode
from vpt_gym.actions.human import no_op
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.actions.minedojo_spaces import KEYS
from vpt_gym.legacy_gym import convert_space
from vpt_gym.minedojo import shims
from vpt_gym.minedojo.parts import find_parts

WITHOUT_HOTBAR = 864


def wrapper(**options: Any) -> Any:
    """MineDojo's ``NNActionSpaceWrapper``, of an environment whose game is never started."""
    parts = find_parts(shims.install().make("open-ended", image_size=(64, 96), **options))
    assert parts is not None
    return parts.nn


@pytest.mark.parametrize("cam_interval", [15, 5, 1, 0.15])
def test_it_reads_the_keys_and_degrees_that_were_kept(cam_interval: float) -> None:
    real = wrapper(cam_interval=cam_interval)
    translator = MineDojoTranslator(convert_space(real.action_space), cam_interval)
    for buttons in range(WITHOUT_HOTBAR):
        translator.reset()
        human = decode((buttons, (buttons * 7) % 121))
        native, destroyed = real.action(translator.to_env(human))
        dropped = translator.unexpressed.get("dropped", ())
        assert [name for name in KEYS if native[name]] == [
            name for name in KEYS if human.get(name) and name not in dropped
        ]
        residual = np.array(translator.unexpressed.get("camera_residual", (0.0, 0.0)))
        assert np.allclose(native["camera"] + residual, human["camera"], atol=1e-4)
        assert {native[name] for name in ("craft", "craft_with_table", "smelt", "equip", "place")} == {"none"}
        assert destroyed == (False, None)


def test_env_actions_and_the_translator_agree() -> None:
    real = wrapper()
    translator = MineDojoTranslator(convert_space(real.action_space))
    real.action_space.seed(3)
    for _ in range(500):
        action = real.action_space.sample()
        action[5:] = (action[5] % 4, 0, 0)
        native, _ = real.action(action)
        human = translator.to_human(action)
        assert [name for name in VPT_BUTTONS if human[name]] == [name for name in VPT_BUTTONS if native.get(name)]
        assert np.allclose(human["camera"], native["camera"])


@pytest.mark.parametrize(("cam_interval", "drift"), [(7, 2), (8, -4), (24, -12), (50, 20)])
def test_drift_of_its_no_op_is_the_one_that_is_refused(cam_interval: int, drift: int) -> None:
    real = wrapper(cam_interval=cam_interval)
    native, _ = real.action(real.action_space.no_op())
    assert native["camera"].tolist() == [drift, drift]
    with pytest.raises(ValueError, match=rf"turns the camera by \{drift:+d}°"):
        MineDojoTranslator(convert_space(real.action_space), cam_interval)


@pytest.mark.parametrize("cam_interval", [15, 10, 7.5, 5, 1, 0.15])
def test_its_no_op_is_ours(cam_interval: float) -> None:
    real = wrapper(cam_interval=cam_interval)
    translator = MineDojoTranslator(convert_space(real.action_space), cam_interval)
    assert translator.to_env(no_op()).tolist() == real.action_space.no_op().tolist()
