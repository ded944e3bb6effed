"""The real minecraft-gym with its mock game, and the spaces of MineStudio and CraftGround."""

from __future__ import annotations

import numpy as np
import pytest
from minecraft_gym.actions import decode_action, make_action_space
from minecraft_gym.env import MinecraftSurvivalEnv

from vpt_gym import HumanActionWrapper, VPTActionWrapper, VPTObsWrapper
from vpt_gym.actions import human_action, translator_for
from vpt_gym.actions.codec import N_BUTTONS, VPT_BUTTONS, decode
from vpt_gym.actions.human import HOTBAR

NAMES = {"jump", "sprint", "sneak", "attack", "use", "inventory", "drop"}


def test_it_plays_and_its_four_ticks_a_step_are_noticed() -> None:
    env = MinecraftSurvivalEnv(backend="mock", width=256, height=144)
    with pytest.warns(UserWarning, match="takes 4 ticks"), pytest.warns(UserWarning, match="minecraft-gym"):
        env = VPTActionWrapper(VPTObsWrapper(env))
    observation, _ = env.reset(seed=0)
    assert observation.shape == (128, 128, 3)
    for code in ([0, 60], [8640, 60], [4321, 5]):
        observation, *_ = env.step(np.array(code))
    assert env.observation_space.contains(observation)
    env.close()


def test_its_own_reading_of_every_button_code_is_the_keys_held() -> None:
    translator = translator_for(make_action_space())
    for code in range(0, N_BUTTONS, 7):
        human = decode((code, 60))
        read = decode_action(translator.to_env(human))
        assert translator.unexpressed == {}
        held = {name for name in NAMES if getattr(read, name)}
        held |= {"forward"} if read.move_z > 0 else {"back"} if read.move_z < 0 else set()
        held |= {"right"} if read.move_x > 0 else {"left"} if read.move_x < 0 else set()
        held |= {HOTBAR[read.hotbar_slot]} if read.hotbar_slot >= 0 else set()
        assert held == {name for name in VPT_BUTTONS if human[name]}


def test_the_view_follows_with_at_most_six_degrees() -> None:
    translator = translator_for(make_action_space())
    wanted = turned = 0.0
    for tick in range(200):
        degrees = 10.0 if tick % 3 else -3.215
        wanted += degrees
        turned += decode_action(translator.to_env(human_action(camera=(0.0, degrees)))).yaw_delta
        assert abs(wanted - turned) <= 6.0 + 1e-6


def test_people_play_it_too() -> None:
    with pytest.warns(UserWarning, match="ticks"):
        env = HumanActionWrapper(MinecraftSurvivalEnv(backend="mock"))
    env.reset(seed=0)
    info = env.step(human_action("ESC"))[4]
    assert info["translation"] == {"dropped": ("ESC",)}
    env.close()
