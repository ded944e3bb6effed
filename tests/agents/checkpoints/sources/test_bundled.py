"""The models that come with the package are there, small, and do what their cards say."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym import IDMAgent, VPTAgent
from vpt_gym.actions.human import HumanAction
from vpt_gym.agents.checkpoints.errors import WrongFile
from vpt_gym.agents.checkpoints.sources.bundled import FOLDER, INVERSE_DYNAMICS, NAMES, POLICY
from vpt_gym.agents.describe import describe
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.frames import find_frame, to_size
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.idm.scores import score
from vpt_gym.world.experts import PlayExpert
from vpt_gym.world.ids import PLAY

UNSEEN = SEEDS["play"][900_000:900_003]


def test_they_take_at_most_10_mb_and_have_a_card() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 10e6
    for name in NAMES:
        front, body = (FOLDER / name / "README.md").read_text(encoding="utf-8").removeprefix("---\n").split("---\n", 1)
        assert body.startswith(f"\n# {name}\n")
        assert "library_name: vpt-gym\n" in front
        (described,) = describe([name])
        assert described.ok


@pytest.fixture(scope="module")
def play() -> list[tuple[np.ndarray, list[HumanAction]]]:
    """Frames, uint8 (T, 128, 128, 3), and actions of episodes that no model has seen."""
    env, episodes = gym.make(PLAY), []
    for seed in UNSEEN:
        observation, _ = env.reset(seed=seed)
        expert, frames, actions = PlayExpert(), [], []
        for _ in range(300):
            frames.append(to_size(find_frame(observation)))
            actions.append(expert.act(env))
            observation, *_ = env.step(actions[-1])
        episodes.append((np.stack(frames), actions))
    return episodes


def test_the_inverse_dynamics_model_labels_play_of_unseen_worlds(play) -> None:
    agent = IDMAgent.from_pretrained(INVERSE_DYNAMICS)
    assert agent.report is not None
    assert agent.report.ok
    labels = [agent.label(frames) for frames, _ in play]
    truth = [{name: np.stack([action[name] for action in actions]) for name in actions[0]} for _, actions in play]
    scores = score(labels, truth)
    assert scores.key_accuracy > scores.majority_accuracy + 0.01
    assert scores.exact_match > scores.majority_exact_match + 0.1
    assert scores.camera_r2 > 0.6


def test_the_policy_chops_trees_in_unseen_worlds_without_a_demo() -> None:
    agent = VPTAgent.from_pretrained(POLICY, precision="fp32")  # the same episodes on every machine
    assert agent.report is not None
    assert agent.report.ok
    assert agent.policy.config == VPTConfig.named("nano")
    worlds = EnvArgs().with_kwargs(level="easy", max_episode_steps=300)
    played = evaluate(agent, worlds.make, SEEDS["validation"][:6])
    assert played.successes >= 3


def test_the_policy_takes_no_other_weights_and_is_no_inverse_dynamics_model() -> None:
    with pytest.raises(ValueError, match="nano-foundation comes with its own weights"):
        VPTAgent.from_pretrained(POLICY, "other.weights")
    with pytest.raises(ValueError, match="nano-foundation comes with this package"):
        VPTAgent.from_pretrained(POLICY, revision="main")
    with pytest.raises(WrongFile, match=r"a folder of a policy is for VPTAgent\.from_pretrained"):
        IDMAgent.from_pretrained(POLICY)


def test_an_inverse_dynamics_model_is_not_taken_for_a_policy() -> None:
    with pytest.raises(WrongFile, match="nano-idm is an inverse dynamics model, not a policy: IDMAgent loads it"):
        VPTAgent.from_pretrained("nano-idm")


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    fresh = IDMAgent.from_config("nano", seed=0)
    fresh.save_pretrained(INVERSE_DYNAMICS)
    loaded = IDMAgent.from_pretrained(INVERSE_DYNAMICS)
    for name, tensor in fresh.model.state_dict().items():
        assert (loaded.model.state_dict()[name] == tensor).all()


def test_a_name_that_is_similar_to_it_is_suggested() -> None:
    with pytest.raises(FileNotFoundError, match="did you mean nano-idm"):
        IDMAgent.from_pretrained("nanoidm")
