"""Loading the agent that an example starts from, and filming an agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v3 as iio
import numpy as np
import pytest
import torch

from vpt_gym import VPTActionWrapper, VPTObsWrapper
from vpt_gym.actions.human import human_action_space
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.learning.film import film
from vpt_gym.learning.load import load_agent


def test_a_size_gives_fresh_weights_of_the_seed_and_a_folder_the_saved_ones(tmp_path: Path) -> None:
    one, same, other = (load_agent("nano", seed=seed).policy.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    load_agent("nano", seed=1).save_pretrained(tmp_path)
    saved = load_agent(str(tmp_path), temperature=0.5)
    assert saved.sampling.temperature == 0.5
    assert all(torch.equal(one[name], value) for name, value in saved.policy.state_dict().items())


def test_a_video_has_all_episodes_and_the_gif_every_second_frame_of_the_first(tmp_path: Path) -> None:
    env = EnvArgs(kwargs='{"level": "easy", "image_size": [32, 64], "max_episode_steps": 6}')
    film(load_agent("nano", seed=0), lambda: env.make(render=True), range(2), tmp_path / "new" / "agent.mp4")
    assert iio.imread(tmp_path / "new" / "agent.mp4", plugin="pyav").shape == (2 * (6 + 10), 32, 64, 3)
    assert len(iio.imread(tmp_path / "new" / "agent.gif")) == 3 + 1


def test_without_seeds_there_is_nothing_to_film(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no seeds to film"):
        film(load_agent("nano", seed=0), EnvArgs().make, [], tmp_path / "agent.mp4")
    assert not list(tmp_path.iterdir())


class NoRender(gym.Env[Any, Any]):
    """Shows its tick as grey, and has no render."""

    observation_space = gym.spaces.Dict(retina=gym.spaces.Box(0, 255, (3, 36, 64), np.uint8))
    action_space = human_action_space()

    def _observation(self) -> dict[str, Any]:
        return {"retina": np.full((3, 36, 64), 40 * self.tick, np.uint8)}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.tick = 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.tick += 1
        return self._observation(), 0.0, self.tick == 4, False, {}


@pytest.mark.parametrize(
    ("key", "size"), [("rgb", (36, 64)), ("retina", (128, 128))], ids=["of_the_env", "of_the_policy"]
)
def test_an_env_without_render_is_filmed_by_its_frames(tmp_path: Path, key: str, size: tuple[int, int]) -> None:
    def make() -> gym.Env[Any, Any]:
        env = NoRender()
        if key == "retina":  # only VPTObsWrapper knows this key
            return VPTActionWrapper(VPTObsWrapper(env, key="retina"))
        space = gym.spaces.Dict(rgb=env.observation_space["retina"])
        renamed = gym.wrappers.TransformObservation(env, lambda seen: {"rgb": seen["retina"]}, space)
        return VPTActionWrapper(VPTObsWrapper(renamed))

    film(load_agent("nano", seed=0), make, [3], tmp_path / "agent.mp4")
    video = iio.imread(tmp_path / "agent.mp4", plugin="pyav")
    assert video.shape == (4 + 10, *size, 3)
    assert video[[0, 1, 2, 3, -1]].mean((1, 2, 3)) == pytest.approx([0, 40, 80, 120, 160], abs=3)
    assert iio.imread(tmp_path / "agent.gif").mean((1, 2, 3)) == pytest.approx([0, 80, 160], abs=3)  # and its end
