"""examples/nearest_neighbour.py: it follows the nearest demo, and runs as a user starts it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.example_scripts import load_example
from tests.support.frame_counter_env import counter_frame
from tests.support.numbered_demos import write_episodes
from tests.support.paths import ROOT
from tests.support.python_processes import output_of
from tests.support.small_policy import SMALL, small_policy
from vpt_gym import VPTAgent
from vpt_gym.actions.codec import encode
from vpt_gym.actions.human import human_action, no_op
from vpt_gym.demos import DemoDataset, DemoWriter
from vpt_gym.learning.runs.args import parse

script = load_example("nearest_neighbour")
LENGTHS = (17, 9, 23)


@pytest.fixture(scope="module")
def demos(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("neighbour") / "demos"
    return write_episodes(folder, LENGTHS)


@pytest.fixture(scope="module")
def policy():
    return small_policy().eval()


@pytest.fixture(scope="module")
def library(demos, policy):
    return script.Library.read(policy, [demos])


def episodes(demos: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames and codes of each demo."""
    dataset = DemoDataset(demos, seq_len=1, batch_size=1, order="carried", drop_null=False)
    found: list[tuple[list, list]] = []
    for batch in dataset:
        if batch.first[0, 0]:
            found.append(([], []))
        found[-1][0].append(batch.frames[0, 0].numpy())
        found[-1][1].append(batch.codes[0, 0].numpy())
    return [(np.stack(frames), np.stack(codes)) for frames, codes in found]


def played(agent, frames: np.ndarray) -> np.ndarray:
    """The codes for the frames of one episode, one after the other."""
    return np.concatenate([agent.act(frame[None], first=np.array([t == 0])) for t, frame in enumerate(frames)])


def test_the_library_holds_every_tick_once(library):
    assert len(library.latents) == len(library.codes) == sum(LENGTHS)
    ends = torch.cat([torch.zeros(1, dtype=torch.int64), library.last.nonzero()[:, 0] + 1])
    assert sorted(ends.diff().tolist()) == sorted(LENGTHS)


@pytest.mark.parametrize("follow", [1, 5, 100])
def test_on_the_frames_of_a_demo_it_does_what_the_demo_did(demos, policy, library, follow):
    agent = script.NearestNeighbour(policy, library, follow=follow, drift=2.0)
    for frames, codes in episodes(demos):
        agent.reset()
        assert np.array_equal(played(agent, frames), codes)


def test_it_follows_the_demo_for_as_long_as_it_may(demos, policy, library):
    frames, codes = max(episodes(demos), key=lambda episode: len(episode[0]))
    agent = script.NearestNeighbour(policy, library, follow=5, drift=1e9)
    rng = np.random.default_rng(0)
    noisy = np.clip(frames + rng.integers(-2, 3, frames.shape), 0, 255).astype(np.uint8)
    assert np.array_equal(played(agent, noisy), codes)
    assert agent.searches == -(-len(frames) // 5)


def test_it_searches_again_where_it_has_drifted_away(demos, policy, library):
    one, other = sorted(episodes(demos), key=lambda episode: -len(episode[0]))[:2]
    frames = np.concatenate([one[0][:4], other[0][4:9]])  # what it sees goes on as in another demo
    agent = script.NearestNeighbour(policy, library, follow=100, drift=1.5)
    codes = played(agent, frames)
    assert np.array_equal(codes[:4], one[1][:4])
    assert np.array_equal(codes[-1], other[1][8])


def test_what_an_agent_played_without_a_label_is_neither_found_nor_repeated(policy, tmp_path):
    with DemoWriter(tmp_path) as writer:
        for t in range(8):
            person = t in (2, 3, 6)
            executed = None if person else human_action("forward")
            pressed = human_action("attack") if person else no_op()
            writer.append(counter_frame(t), pressed, executed=executed, intervention=person)
    found = script.Library.read(policy, [tmp_path])
    assert (found.codes == torch.from_numpy(encode(human_action("attack")))).all()
    assert (found.last.tolist(), len(found.latents), found.demos) == ([False, True, True], 3, 1)


def test_environments_do_not_mix_and_may_end(demos, policy, library):
    (one, other) = episodes(demos)[:2]
    agent = script.NearestNeighbour(policy, library, follow=3, drift=2.0)
    for t in range(4):
        both = agent.act(np.stack([one[0][t], other[0][t]]), first=np.array([t == 0] * 2))
        assert np.array_equal(both, [one[1][t], other[1][t]])
    agent.keep([1])
    for t in range(4, 8):
        assert np.array_equal(agent.act(other[0][t][None], first=np.array([False])), [other[1][t]])


def test_as_a_user_runs_it(demos, tmp_path):
    VPTAgent.from_config(SMALL, seed=0).save_pretrained(tmp_path / "agent")
    env = '{"level": "easy", "image_size": [32, 32], "max_episode_steps": 6}'
    words = ("--model", tmp_path / "agent", "--demos", demos, "--out", tmp_path / "run", "--episodes", 2)
    output_of(ROOT / "examples" / "nearest_neighbour.py", *words, "--env-kwargs", env, fresh=True)
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert (results["demos"], results["demo_ticks"], results["episodes"]) == (3, sum(LENGTHS), 2)
    assert 0 < results["searches"] <= 12


@pytest.mark.parametrize(("name", "value"), [("follow", 0), ("drift", 0.5), ("episodes", 0)])
def test_an_option_out_of_range_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value!r}"):
        script.Args(model="nano", demos=(), **{name: value})


def test_worlds_that_are_not_for_playing_are_refused_and_the_choices_named(capsys):
    with pytest.raises(SystemExit):
        parse(script.Args, ["--model", "nano", "--demos", "demos", "--worlds", "dagger"])
    message = capsys.readouterr().err
    assert "dagger" in message
    assert "evaluation" in message
    assert "validation" in message
