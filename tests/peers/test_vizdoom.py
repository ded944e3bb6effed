"""The worked example of the translator guide, run with the real ViZDoom."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import vizdoom

from tests.support.paths import ROOT
from vpt_gym import VPTActionWrapper, VPTObsWrapper
from vpt_gym.actions import encode, human_action
from vpt_gym.frames import find_frame_space

PAGE = ROOT / "docs/envs/translator.md"


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    return re.findall(r"```python notest\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def make_doom(blocks: list[str]) -> Callable[..., gym.Env[Any, Any]]:
    lines = [line for line in blocks[0].splitlines() if line.strip()]
    assert len(lines) <= 40
    names: dict[str, Any] = {}
    exec(compile(blocks[0], str(PAGE), "exec"), names)
    return names["make_doom"]


@pytest.fixture
def doom(make_doom: Callable[..., gym.Env[Any, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)  # ViZDoom writes _vizdoom.ini into the working directory
    with pytest.warns(UserWarning, match="ViZDoom keeps 504 of VPT's 8,641 button codes"):
        env = VPTActionWrapper(VPTObsWrapper(make_doom()))
    yield env
    env.close()


def angles(env: gym.Env[Any, Any]) -> np.ndarray:
    game = env.unwrapped.game
    return np.array([game.get_game_variable(name) for name in (vizdoom.GameVariable.PITCH, vizdoom.GameVariable.ANGLE)])


def test_it_plays_with_the_frame_of_the_screen(doom: gym.Env[Any, Any]) -> None:
    assert find_frame_space(doom.unwrapped.observation_space).key == "screen"
    observation, _ = doom.reset(seed=0)
    assert observation.shape == (128, 128, 3)
    for _ in range(30):
        observation, *_, info = doom.step(encode(human_action("forward", "attack", camera=(0.0, 5.0))))
        assert "translation" not in info
    assert observation.std() > 0
    info = doom.step(encode(human_action("jump")))[4]
    assert info["translation"] == {"dropped": ("jump",)}
    assert doom.translator.coverage().camera_kept == 121


@pytest.mark.filterwarnings("ignore:.*ViZDoom keeps 504")
def test_an_agent_plays_it(blocks: list[str], make_doom: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "doom", SimpleNamespace(make_doom=make_doom))
    names: dict[str, Any] = {}
    exec(blocks[1].replace("1000", "10"), names)
    assert names["env"].action_space.contains(names["agent"].act(names["obs"]))


def test_the_view_turns_right_and_down(doom: gym.Env[Any, Any]) -> None:
    game = doom.unwrapped.game
    for name in (vizdoom.GameVariable.PITCH, vizdoom.GameVariable.ANGLE):
        game.add_available_game_variable(name)
    doom.reset(seed=3)
    for _ in range(10):  # ViZDoom turns only after the first ticks
        doom.step(encode(human_action()))
    before = angles(doom)
    for _ in range(4):
        doom.step(encode(human_action(camera=(0.0, 10.0))))
    # ViZDoom counts its angle against the clock
    assert (before - angles(doom))[1] % 360 == pytest.approx(40.0, abs=10.5)
    before = angles(doom)
    doom.step(encode(human_action(camera=(10.0, 0.0))))
    assert angles(doom)[0] - before[0] == pytest.approx(10.0, abs=0.1)  # positive is down, as in the picture
