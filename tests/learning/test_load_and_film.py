"""Loading the agent that an example starts from, and filming an agent."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import pytest
import torch

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
    assert len(iio.imread(tmp_path / "new" / "agent.gif")) == 3


def test_without_seeds_there_is_nothing_to_film(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no seeds to film"):
        film(load_agent("nano", seed=0), EnvArgs().make, [], tmp_path / "agent.mp4")
    assert not list(tmp_path.iterdir())
