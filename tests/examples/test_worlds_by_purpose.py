"""Which worlds trainers play: those of an evaluation are neither learned from, nor is anything chosen by them."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium as gym
import pytest
from rich.console import Console

from tests.support.example_scripts import load_example
from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS, training_worlds
from vpt_gym.learning.processes import Processes
from vpt_gym.learning.runs.args import RunArgs
from vpt_gym.learning.runs.run import Run

NAME = "tests/ResetLog-v0"
SMALL = '{"level": "easy", "image_size": [72, 128], "max_episode_steps": 2}'


class ResetLog(gym.Wrapper):
    """Keeps the seeds with which its environments are reset."""

    seeds: list[int]

    def reset(self, *, seed=None, options=None):
        ResetLog.seeds.append(seed)
        return self.env.reset(seed=seed, options=options)


@pytest.fixture
def played() -> Iterator[list[int]]:
    """The seeds of the worlds that are played in the environment ``NAME``."""
    gym.register(NAME, entry_point=lambda **kwargs: ResetLog(gym.make("vpt_gym/Harvest1Log-v0", **kwargs)))
    ResetLog.seeds = []
    yield ResetLog.seeds
    del gym.registry[NAME]


def agents() -> tuple[VPTAgent, VPTAgent]:
    return VPTAgent(small_policy()), VPTAgent(small_policy(seed=1))


def test_ppo_learns_validates_and_evaluates_in_worlds_of_their_own(played, tmp_path):
    ppo = load_example("ppo")
    few = {"num_envs": 2, "minibatches": 1, "ticks": 4, "iterations": 2, "warmup_iterations": 1, "epochs": 1}
    checks = {"validate_every": 2, "validation_episodes": 3, "eval_episodes": 2}
    run_args, env = RunArgs(out=tmp_path / "run", tensorboard=False), EnvArgs(NAME, SMALL)
    args = ppo.Args(model="x", env=env, seed=3, vector="sync", run=run_args, **few, **checks)
    run = Run("ppo", args)
    ppo.train(agents()[0], args, run, Console(quiet=True))
    run.close("interrupted")
    learned, validated = played[:-3], played[-3:]
    assert sorted(learned) == list(training_worlds("ppo", 3)[: len(learned)])
    assert sorted(validated) == list(SEEDS["validation"][:3])
    played.clear()
    ppo.final_figures(agents()[0], args)
    assert sorted(played) == list(SEEDS["evaluation"][:2])


def test_cloning_chooses_by_validation_worlds(played, tmp_path):
    bc = load_example("bc")
    args = bc.Args(demos=(tmp_path,), env=EnvArgs(NAME, SMALL), rollout_episodes=3)
    bc.validate(agents()[0], None, None, None, args, Processes())
    assert sorted(played) == list(SEEDS["validation"][:3])


def test_distillation_plays_worlds_of_rounds_and_chooses_by_validation_worlds(played, tmp_path):
    distill = load_example("distill")
    few = {"num_envs": 2, "iterations": 1, "chunks": 1, "chunk": 5, "validate_every": 1, "validation_episodes": 3}
    run_args, env = RunArgs(out=tmp_path / "run", tensorboard=False), EnvArgs(NAME, SMALL)
    args = distill.Args(teacher="x", env=env, seed=3, vector="sync", run=run_args, **few)
    run = Run("distill", args)
    distill.train(*agents(), args, run, Console(quiet=True))
    run.close("interrupted")
    learned, validated = played[:-3], played[-3:]
    assert sorted(learned) == list(training_worlds("dagger", 3)[: len(learned)])
    assert sorted(validated) == list(SEEDS["validation"][:3])
