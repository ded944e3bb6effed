"""CraftGround's real spaces and how it reads actions; its V1 has MineDojo's space, and is not MineDojo."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from craftground.environment.action_space import (
    ActionSpaceVersion,
    action_v2_dict_to_message,
    declare_action_space,
    translate_action_to_v2,
)
from craftground.environment.environment import CraftGroundEnvironment
from craftground.environment.observation_space import declare_observation_space

from vpt_gym import VPTObsWrapper
from vpt_gym.actions import craftground, minedojo_spaces
from vpt_gym.actions.codec import N_BUTTONS, VPT_BUTTONS, decode
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.actions.translate import translator_for
from vpt_gym.minedojo.parts import find_parts

V1, V2 = ActionSpaceVersion.V1_MINEDOJO, ActionSpaceVersion.V2_MINERL_HUMAN


def environment(version: ActionSpaceVersion) -> CraftGroundEnvironment:
    """The real class with its real space; its constructor would look for a game, and end stray Java processes."""
    env = CraftGroundEnvironment.__new__(CraftGroundEnvironment)
    env.use_terminate, env.logger = True, None  # for its __del__: there is no process to end, no log to close
    env.action_space = declare_action_space(version)
    env.observation_space = gym.spaces.Dict()
    return env


def test_the_frame_that_it_declares_elsewhere_than_it_returns_is_found() -> None:
    """Its real space declares ``obs.image``; ``convert_observation_v2`` returns ``full``, ``pov`` and ``rgb``."""

    class Frames(gym.Env[Any, Any]):
        observation_space, action_space = declare_observation_space(256, 144), declare_action_space(V2)

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            frame = np.full((144, 256, 3), 7, np.uint8)
            return {"full": object(), "pov": frame, "rgb": frame}, {}

    observation, _ = VPTObsWrapper(Frames()).reset(seed=0)
    assert observation.shape == (128, 128, 3)
    assert (observation == 7).all()


def test_v1_has_the_space_of_minedojo_and_is_distinguished() -> None:
    env = environment(V1)
    assert minedojo_spaces.is_minedojo_space(env.action_space)
    assert find_parts(env) is None
    translator = translator_for(env)
    assert isinstance(translator, MineDojoTranslator)
    told = translator.coverage()
    assert (told.buttons_kept, told.buttons_lost, told.buttons_slow, told.camera_kept) == (288, 19, 0, 9)
    assert "V2_MINERL_HUMAN" in told.remedy
    # under a wrapper, too
    assert "V2_MINERL_HUMAN" in translator_for(gym.wrappers.TimeLimit(env, 5)).coverage().remedy


def test_v1_reads_the_translators_actions() -> None:
    """CraftGround's own reading of all 8,641 button codes: the keys that were held, less what is told as dropped."""
    translator = translator_for(environment(V1))
    for code in range(N_BUTTONS):
        translator.reset()
        human = decode((code, 60 if code % 2 == 0 else 120))
        read = translate_action_to_v2(translator.to_env(human))
        dropped = translator.unexpressed.get("dropped", ())
        assert [name for name in VPT_BUTTONS if read[name]] == [
            name for name in VPT_BUTTONS if human[name] and name not in dropped
        ]
        camera = np.array([read["camera_pitch"], read["camera_yaw"]])
        residual = np.array(translator.unexpressed.get("camera_residual", (0.0, 0.0)))
        assert np.allclose(camera + residual, human["camera"], atol=1e-5)


def test_v1_camera_interval_is_craftgrounds() -> None:
    rest = translator_for(environment(V1)).to_env(decode((0, 60)))
    read = [translate_action_to_v2(rest + np.eye(8, dtype=int)[3] * turn)["camera_pitch"] for turn in (-1, 0, 1)]
    assert read == [-craftground.V1_CAM_INTERVAL, 0, craftground.V1_CAM_INTERVAL]


def test_v2_is_recognised_and_keeps_everything() -> None:
    env = environment(V2)
    assert frozenset(env.action_space.spaces) == craftground.KEYS
    translator = translator_for(env)
    assert isinstance(translator, craftground.CraftGroundTranslator)
    assert (translator.coverage().buttons_kept, translator.coverage().camera_kept) == (8641, 121)


@pytest.mark.parametrize("code", [(0, 60), (8640, 60), (1, 0), (1, 120), (8639, 37), (4321, 5)])
def test_v2_reads_the_translators_actions(code: tuple[int, int]) -> None:
    translator = translator_for(environment(V2))
    human = decode(code)
    action: dict[str, Any] = translator.to_env(human)
    assert translator.action_space.contains(action)
    message = action_v2_dict_to_message(action)
    for name in VPT_BUTTONS:
        assert getattr(message, name.replace(".", "_")) == human[name]
    assert [message.camera_pitch, message.camera_yaw] == human["camera"].tolist()
