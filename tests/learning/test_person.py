"""DAgger with a person: what is left to play, and how much of a round was the person's. The window has its own test."""

from __future__ import annotations

import pytest

from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.actions.codec import encode
from vpt_gym.actions.human import human_action
from vpt_gym.cli.play import Args as Play
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.identity import agent_identity
from vpt_gym.learning.person import check_person_options, interventions, play_with_person, window_options
from vpt_gym.system.command_line import read_command_line

ENV = EnvArgs(kwargs='{"level": "easy", "image_size": [32, 32], "max_episode_steps": 4}')


def write_demos(directory, learner, worlds=(7, 8), corrected=1) -> None:
    """Writes a demo of 4 ticks in each world; the person acts in the first ``corrected`` of the first demo."""
    env = ENV.make(record_to=directory)
    env.get_wrapper_attr("annotate")({"learner": agent_identity(learner)})
    for world in worlds:
        env.reset(seed=world)
        for tick in range(4):
            if world == worlds[0] and tick < corrected:
                env.get_wrapper_attr("mark_intervention")()
            env.step(encode(human_action()))
    env.close()


@pytest.fixture
def agent():
    return VPTAgent(small_policy(), precision="fp32")


def test_a_round_that_is_played_opens_no_window_and_has_its_figures(agent, tmp_path):
    write_demos(tmp_path, agent)
    left = play_with_person(agent, tmp_path / "none", ENV, (7, 8), tmp_path, device="cpu", precision="fp32")
    assert left == set()
    assert interventions(tmp_path) == {"episodes": 2, "intervention": 1 / 8}


@pytest.mark.parametrize("env", [ENV, EnvArgs(key="view")])
def test_the_window_shows_the_env_of_the_round(tmp_path, env):
    options = window_options(tmp_path / "agent_0", env, range(7, 9), tmp_path, device="cpu", precision="fp32")
    args = read_command_line(Play, options)
    assert args.env == env
    assert (args.agent, args.agent_first, args.out) == ((str(tmp_path / "agent_0"),), True, tmp_path)
    assert (args.seed, args.episodes, args.precision, args.device) == (7, 2, "fp32", "cpu")


def test_a_round_of_another_learner_is_not_continued(agent, tmp_path):
    write_demos(tmp_path, agent)
    other = VPTAgent(small_policy(seed=1), precision="fp32")
    with pytest.raises(ValueError, match=r"was recorded with .*'weights'"):
        play_with_person(other, tmp_path / "none", ENV, (7, 8, 9), tmp_path, device="cpu", precision="fp32")


def test_a_round_without_demos_is_an_error_that_names_the_remedy(tmp_path):
    with pytest.raises(ValueError, match="has no demo, only rejected ones: delete it"):
        interventions(tmp_path)


def test_all_options_that_do_not_apply_are_named_with_their_values():
    check_person_options({"beta": (0.0, 0.0), "stretch": ((1, 1), (1, 1))})
    with pytest.raises(ValueError, match=r"beta is 0\.5, goal is 'pigs'; with .*: leave out beta, goal$"):
        check_person_options({"beta": (0.5, 0.0), "stretch": ((1, 1), (1, 1)), "goal": ("pigs", None)})
