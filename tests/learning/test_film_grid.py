"""Episodes side by side in one video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v3 as iio
import numpy as np
import pytest

from tests.support.countdown_env import CountdownEnv
from vpt_gym import VPTAgent
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.film_grid import film_grid


class Wide(CountdownEnv):
    """Renders pictures of twice the width, as grey as the ticks that are left."""

    render_mode = "rgb_array"

    def render(self) -> Any:
        return np.full((100, 200, 3), 20 * self.left, np.uint8)


@pytest.fixture(scope="module")
def agent() -> VPTAgent:
    return VPTAgent.from_config("nano", seed=0)


def test_each_tile_shows_its_episode_and_how_it_ended(agent: VPTAgent, tmp_path: Path) -> None:
    seeds = [10, 11, 12]  # of 3, 4 and 5 ticks; 11 fails
    episodes = film_grid(agent, Wide, seeds, tmp_path / "new" / "grid.mp4", width=400)
    assert episodes == list(evaluate(agent, Wide, seeds).episodes)
    video = iio.imread(tmp_path / "new" / "grid.mp4", plugin="pyav").astype(int)
    assert video.shape == (5 + 1 + 20, 200, 400, 3)
    middle = {
        seed: video[:, 50 + 100 * row, 100 + 200 * column, 0]
        for seed, row, column in [(10, 0, 0), (11, 0, 1), (12, 1, 0)]
    }
    assert middle[10] == pytest.approx([60, 40, 20, 0] + [0] * 22, abs=4)
    assert middle[11] == pytest.approx([80, 60, 40, 20, 0] + [0] * 21, abs=4)
    assert middle[12] == pytest.approx([100, 80, 60, 40, 20, 0] + [0] * 20, abs=4)
    assert video[:, 150, 300].max() <= 4  # there is no fourth episode
    red, green = video[:, 50, 398, 0], video[:, 50, 1, 1]
    assert (red[:5] < 100).all()
    assert (red[5:] > 180).all()
    assert (green[4:] > 150).all()
    gif = iio.imread(tmp_path / "new" / "grid.gif")
    assert gif.shape[1:] == (100, 200, 3)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["grid.gif", "grid.mp4"]


def test_a_game_that_crashes_is_filmed_from_the_start_of_its_next_play(agent: VPTAgent, tmp_path: Path) -> None:
    plays: list[int] = []

    class Crashing(Wide):
        def reset(self, *, seed: Any = None, options: Any = None) -> Any:
            plays.append(seed)
            return super().reset(seed=seed, options=options)

        def step(self, action: Any) -> Any:
            obs, reward, terminated, truncated, info = super().step(action)
            if len(plays) == 1 and self.left == 1:
                return obs, reward, False, True, {**info, "env_error": "lost"}
            return obs, reward, terminated, truncated, info

    film_grid(agent, Crashing, [12], tmp_path / "grid.mp4", width=200)
    assert plays == [12, 12]
    video = iio.imread(tmp_path / "grid.mp4", plugin="pyav")
    assert video[:6, 50, 100, 0].astype(int) == pytest.approx([100, 80, 60, 40, 20, 0], abs=4)


def test_envs_are_closed_and_nothing_is_left_after_an_error(agent: VPTAgent, tmp_path: Path) -> None:
    before = CountdownEnv.open

    def make() -> gym.Env[Any, Any]:
        return CountdownEnv(tells_success=False)

    with pytest.raises(KeyError, match="does not report whether an episode succeeded"):
        film_grid(agent, make, [1, 2], tmp_path / "grid.mp4")
    assert CountdownEnv.open == before
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="no seeds to film"):
        film_grid(agent, make, [], tmp_path / "grid.mp4")
