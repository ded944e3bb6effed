"""DAgger rounds on the embedded world: labels, who acts, resuming, and what a round refuses to reuse."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.wrappers import TimeLimit

from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.actions.codec import decode, encode
from vpt_gym.actions.human import human_action
from vpt_gym.agents.sampling import Sampling
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.experts import LOG_EXPERT
from vpt_gym.collect.finished import finished_episodes
from vpt_gym.collect.identity import agent_identity, weights_digest
from vpt_gym.collect.rollouts import play
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.demos.files.names import files_of
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.learning.dagger import (
    ConstantBeta,
    ExponentialBeta,
    LabelSource,
    LinearBeta,
    best_round,
    collect_round,
    label_source,
    round_demos,
)

SHORT = EnvArgs(kwargs='{"level": "easy", "image_size": [72, 128]}').with_kwargs(max_episode_steps=6)
SEED = 5
"""Seed of the learner's sampling."""


class TestBeta:
    def test_schedules(self):
        assert [ConstantBeta(0.25)(k) for k in range(3)] == [0.25] * 3
        assert [LinearBeta(2)(k) for k in range(4)] == [1.0, 0.5, 0.0, 0.0]
        assert [ExponentialBeta(0.5)(k) for k in range(3)] == [1.0, 0.5, 0.25]
        assert [LinearBeta()(k) for k in (0, 3, 15, 16)] == [1.0, 0.8, 0.0, 0.0]  # max(0, (15 - i) / 15)

    def test_impossible_values_are_refused(self):
        for make in (lambda: ConstantBeta(1.5), lambda: ExponentialBeta(-0.1), lambda: LinearBeta(0)):
            with pytest.raises(ValueError, match="must be"):
                make()


class TestLabelSource:
    def test_a_scripted_expert_is_that_of_the_env(self):
        labels = label_source("scripted", "vpt_gym/Harvest1Log-v0")
        assert labels.description == LOG_EXPERT
        assert type(labels.make_expert()).__name__ == "LogExpert"
        assert labels.teacher is None

    def test_an_agent_is_described_by_its_weights_and_makes_no_expert(self, tmp_path):
        VPTAgent(small_policy(seed=3)).save_pretrained(tmp_path)
        labels = label_source(str(tmp_path), "vpt_gym/Harvest1Log-v0", precision="fp32")
        assert labels.make_expert() is None
        assert labels.description == agent_identity(labels.teacher)
        assert labels.description["weights"] == weights_digest(small_policy(seed=3))

    def test_an_expert_that_does_not_exist_is_named(self):
        with pytest.raises(ValueError, match=r"no expert 'vpt_gym\.world.experts:Nobody'"):
            label_source("vpt_gym.world.experts:Nobody", "vpt_gym/Harvest1Log-v0")


def test_the_best_round_has_the_most_success_and_among_equals_the_fewest_ticks():
    figures = [(0, 0.5, 90.0), (1, 0.8, 70.0), (2, 0.8, 60.0), (3, 0.7, 10.0)]
    rounds = [{"round": n, "validation": {"rate": rate, "mean_ticks": ticks}} for n, rate, ticks in figures]
    assert best_round(rounds) == 2
    assert best_round(rounds[:2]) == 1
    assert best_round([*rounds, {**rounds[2], "round": 4}]) == 2  # the first of equals
    assert best_round([{"round": 0}, {"round": 1}]) == 1  # nothing was measured: the last


class Sentinel:
    """An expert whose label encodes the number of ticks since its reset."""

    def __init__(self) -> None:
        self.ticks = 0

    def reset(self) -> None:
        self.ticks = 0

    def act(self, env):
        self.ticks += 1
        return human_action(f"hotbar.{self.ticks}")


@pytest.fixture
def agent():
    return VPTAgent.from_config("nano", seed=0)


def collect(
    agent,
    directory: Path,
    *,
    seeds=(1, 2, 3),
    beta=0.0,
    stretch=(1, 1),
    env=SHORT,
    expert=Sentinel,
    described="Sentinel",
    **options,
):
    return collect_round(
        agent,
        lambda folder: env.make(record_to=folder),
        LabelSource(described, expert),
        seeds,
        directory,
        **{"beta": beta, "stretch": stretch, "num_envs": 2, "sampling_seed": SEED, **options},
    )


def demos_of(directory: Path) -> list:
    return [read_demo(path) for path in list_demos(directory)]


class TestLabels:
    def test_every_tick_carries_the_experts_label_and_what_was_executed(self, agent, tmp_path):
        episodes = collect(agent, tmp_path)
        assert [episode.seed for episode in episodes] == [1, 2, 3]
        demos = demos_of(tmp_path)
        assert sorted(demo.metadata["seed"] for demo in demos) == [1, 2, 3]
        for demo in demos:
            labels = [encode(human_action(f"hotbar.{tick}")).tolist() for tick in range(1, 7)]
            assert demo.codes.tolist() == labels
            assert encode(demo.executed).tolist() != labels

    def test_with_beta_1_the_expert_acts(self, agent, tmp_path):
        collect(agent, tmp_path, beta=1.0)
        for demo in demos_of(tmp_path):
            assert encode(demo.executed).tolist() == demo.codes.tolist()

    def test_between_0_and_1_each_acts_in_its_share_of_the_ticks(self, agent, tmp_path):
        collect(agent, tmp_path, beta=0.25, seeds=range(12), env=SHORT.with_kwargs(max_episode_steps=8), num_envs=6)
        ticks = [encode(demo.executed) == demo.codes for demo in demos_of(tmp_path)]
        share = sum(row.all(-1).sum() for row in ticks) / (12 * 8)
        assert 0.12 < share < 0.38  # 0.25 +- 3 standard deviations
        assert len({tuple(row.all(-1)) for row in ticks}) > 6  # each world has turns of its own

    def test_in_stretches_each_acts_for_several_ticks_at_a_time(self, agent, tmp_path):
        env = SHORT.with_kwargs(max_episode_steps=9)
        collect(agent, tmp_path, beta=0.5, stretch=(3, 4), seeds=range(8), env=env, num_envs=4)
        for demo in demos_of(tmp_path):
            experts = (encode(demo.executed) == demo.codes).all(-1)
            changes = np.flatnonzero(np.diff(experts)) + 1
            runs = np.diff(np.concatenate(([0], changes)))  # without the last, which the end cuts off
            assert (runs >= 3).all(), runs
            assert demo.metadata["recorded_by"]["stretch"] == [3, 4]

    @pytest.mark.parametrize("stretch", [(0, 3), (4, 2)])
    def test_a_stretch_that_cannot_be_is_refused_before_anything_is_played(self, agent, tmp_path, stretch):
        with pytest.raises(ValueError, match="the smaller first"):
            collect(agent, tmp_path, beta=0.5, stretch=stretch)
        assert not list(tmp_path.iterdir())

    def test_the_executed_actions_of_a_world_do_not_depend_on_num_envs(self, agent, tmp_path):
        def executed(num_envs):
            collect(agent, tmp_path / str(num_envs), beta=0.5, num_envs=num_envs)
            demos = demos_of(tmp_path / str(num_envs))
            return {demo.metadata["seed"]: encode(demo.executed).tolist() for demo in demos}

        alone = executed(1)
        assert sorted(alone) == [1, 2, 3]
        assert executed(2) == alone
        assert executed(3) == alone

    def test_another_agent_labels_and_its_memory_follows_the_learners_frames(self, agent, tmp_path):
        teacher = VPTAgent.from_config("nano", seed=7, precision="fp32", sampling=Sampling(deterministic=True))
        collect_round(
            agent,
            lambda folder: SHORT.make(record_to=folder),
            LabelSource("another agent", lambda: None, teacher),
            (1, 2, 3),
            tmp_path,
            beta=0.5,
            num_envs=2,
            sampling_seed=SEED,
        )
        for path in round_demos(tmp_path, (1, 2, 3)):
            demo = read_demo(path)
            teacher.reset()
            env = SHORT.make()
            frame, _ = env.reset(seed=demo.metadata["seed"])
            codes = []
            for code in encode(demo.executed):  # the teacher sees what the learner saw, whoever acted
                answer = teacher.act(frame[None], first=[not codes])[0]
                codes.append(encode(decode(answer)).tolist())  # as a demo stores it: without keys that do nothing
                frame = env.step(code)[0]
            env.close()
            assert demo.codes.tolist() == codes
            assert (encode(demo.executed) != demo.codes).any()


class TestResuming:
    def test_an_interrupted_round_can_be_continued(self, agent, tmp_path):
        first = collect(agent, tmp_path, seeds=(1, 2))
        kept = {path.name for path in list_demos(tmp_path)}
        again = collect(agent, tmp_path, seeds=(1, 2, 3))
        assert again[:2] == first
        assert len(list_demos(tmp_path)) == 3
        assert kept < {path.name for path in list_demos(tmp_path)}
        assert collect(agent, tmp_path) == again
        assert set(finished_episodes(tmp_path)) == {1, 2, 3}

    @pytest.mark.parametrize("precision", ["fp32", "auto"])
    def test_an_episode_is_the_same_whatever_is_played_beside_it(self, tmp_path, precision):
        agent = VPTAgent.from_config("nano", seed=0, precision=precision)
        ticks: list[list[torch.Tensor]] = []

        class Watched:
            """The agent; the memory of each row is kept in every tick."""

            def __getattr__(self, name):
                return getattr(agent, name)

            def act(self, obs, *, first):
                codes = agent.act(obs, first=first)
                ticks.append([agent.memory.index([row]).keys for row in range(len(codes))])
                return codes

        play(Watched(), SHORT.make, range(10, 17), num_envs=5, batch_size=6)
        beside = [tick[3] for tick in ticks[:6]]  # the world of seed 13
        ticks.clear()
        play(Watched(), SHORT.make, [13], num_envs=5, batch_size=6)
        assert [len(tick) for tick in ticks] == [6] * 6
        for tick, other in zip(ticks, beside, strict=True):
            torch.testing.assert_close(tick[0], other, rtol=0, atol=1e-5)

    def test_a_batch_smaller_than_the_envs_is_refused(self, agent):
        with pytest.raises(ValueError, match=r"batch_size is 2, but 3 episodes"):
            play(agent, SHORT.make, (1, 2, 3), num_envs=4, batch_size=2)

    def test_demos_are_in_the_order_of_the_seeds_however_they_were_played(self, agent, tmp_path):
        collect(agent, tmp_path, seeds=(3,))
        collect(agent, tmp_path, seeds=(2, 3, 1))
        assert [read_demo(path).metadata["seed"] for path in round_demos(tmp_path, (1, 2, 3))] == [1, 2, 3]

        with pytest.raises(ValueError, match=r"no finished demo of the worlds \[4\]"):
            round_demos(tmp_path, (1, 4))

    def test_a_rejected_demo_does_not_come_back(self, agent, tmp_path):
        played, again = collect(agent, tmp_path), []
        library = DemoLibrary(tmp_path)
        library.reject(files_of(round_demos(tmp_path, [2])[0]).id)
        kept = list_demos(tmp_path)
        assert collect(agent, tmp_path, on_episode=again.append) == played  # the learner has played it nevertheless
        assert (again, list_demos(tmp_path)) == ([], kept)
        assert [read_demo(path).metadata["seed"] for path in round_demos(tmp_path, [3, 2, 1])] == [3, 1]

    def test_a_rejected_demo_of_another_round_is_no_result(self, agent, tmp_path):
        collect(agent, tmp_path, seeds=(1,), beta=1.0)
        library = DemoLibrary(tmp_path)
        library.reject(files_of(list_demos(tmp_path)[0]).id)
        again = []
        collect(agent, tmp_path, seeds=(1,), on_episode=again.append)
        assert [episode.seed for episode in again] == [1]

    def test_what_an_interruption_leaves_is_not_learned_from(self, agent, tmp_path):
        class Stop(Sentinel):
            def act(self, env):
                if self.ticks == 3:
                    raise KeyboardInterrupt
                return super().act(env)

        with pytest.raises(KeyboardInterrupt):
            collect(agent, tmp_path, seeds=(1, 2), expert=Stop)
        assert list_demos(tmp_path) == []

    def test_episodes_may_be_played_elsewhere(self, agent, tmp_path):
        asked = []

        def elsewhere(agent, make_env, seeds, **options):
            asked.append(list(seeds))
            return play(agent, make_env, seeds, **options)

        here = collect(agent, tmp_path / "here")
        assert collect(agent, tmp_path / "there", play=elsewhere) == here
        assert asked == [[1, 2, 3]]


class TestProvenance:
    def test_demos_say_how_they_were_recorded(self, agent, tmp_path):
        collect(agent, tmp_path, seeds=(1,), beta=0.5)
        (demo,) = demos_of(tmp_path)
        recorded_by = demo.metadata["recorded_by"]
        assert recorded_by.keys() == {"learner", "temperature", "precision", "beta", "expert", "sampling_seed"}
        assert (recorded_by["beta"], recorded_by["expert"], recorded_by["temperature"]) == (0.5, "Sentinel", 1.0)
        assert (recorded_by["precision"], len(recorded_by["learner"])) == (agent.precision, 16)

    @pytest.mark.parametrize(
        ("change", "theirs", "mine"),
        [
            ({"beta": 0.5}, "'beta': 0.0", "'beta': 0.5"),
            ({"stretch": (2, 3)}, "this", "'stretch': [2, 3]"),
            ({"sampling_seed": 9}, "'sampling_seed': 5", "'sampling_seed': 9"),
            ({"env": SHORT.with_kwargs(level="default")}, "'level': 'easy'", "'level': 'default'"),
            ({"env": SHORT.with_kwargs(max_episode_steps=7)}, "'max_episode_steps': 6", "'max_episode_steps': 7"),
            ({"env": EnvArgs("vpt_gym/Harvest1Dirt-v0", SHORT.kwargs)}, "Harvest1Log-v0", "Harvest1Dirt-v0"),
        ],
    )
    @pytest.mark.parametrize("seeds", [(1,), (1, 2)])
    def test_a_round_of_other_settings_is_neither_reused_nor_continued(
        self, agent, tmp_path, seeds, change, theirs, mine
    ):
        collect(agent, tmp_path, seeds=(1,))
        with pytest.raises(ValueError, match="another directory") as error:
            collect(agent, tmp_path, seeds=seeds, **change)
        assert str(error.value).index(theirs) < str(error.value).index(mine)
        assert "learner" not in str(error.value)  # only what differs
        assert set(finished_episodes(tmp_path)) == {1}

    @pytest.mark.parametrize("change", ["learner", "temperature", "expert"])
    def test_a_round_of_another_learner_or_expert_is_not_reused(self, agent, tmp_path, change):
        collect(agent, tmp_path, seeds=(1,))
        if change == "learner":
            with torch.no_grad():
                agent.policy.net.final_ln.weight[3] += 1e-6
        if change == "temperature":
            agent = VPTAgent(agent.policy, sampling=Sampling(temperature=0.5))
        named = {"described": "someone else"} if change == "expert" else {}
        with pytest.raises(ValueError, match="another directory") as error:
            collect(agent, tmp_path, seeds=(1,), **named)
        assert re.findall(r"'(\w+)': ", str(error.value)) == [change, change]  # theirs and ours

    def test_demos_of_unknown_origin_are_not_taken_for_a_round(self, agent, tmp_path):
        env = SHORT.make(record_to=tmp_path)
        env.reset(seed=1)
        while not env.step(encode(human_action()))[3]:
            pass
        env.close()
        with pytest.raises(ValueError, match=r"was recorded with None, this recording is \{'learner'"):
            collect(agent, tmp_path, seeds=(1,))

    def test_a_share_beyond_1_is_refused_before_anything_is_played(self, agent, tmp_path):
        with pytest.raises(ValueError, match="beta is 2"):
            collect(agent, tmp_path, beta=2.0)
        assert not list(tmp_path.iterdir())

    def test_a_round_of_another_key_of_the_frame_is_not_continued(self, agent, tmp_path):
        collect(agent, tmp_path, seeds=(1,))
        with pytest.raises(ValueError, match=r"'frame_key': None}.*'frame_key': 'rgb'}; record into another directory"):
            collect(agent, tmp_path, seeds=(1, 2), env=replace(SHORT, key="rgb"))
        collect(agent, tmp_path / "other", seeds=(1,), env=replace(SHORT, key="rgb"))
        assert len(collect(agent, tmp_path / "other", seeds=(1, 2), env=replace(SHORT, key="rgb"))) == 2

    def test_a_round_of_another_env_is_not_continued(self, agent, tmp_path):
        collect(agent, tmp_path, seeds=(1,))
        other = SHORT.with_kwargs(level="default")
        with pytest.raises(ValueError, match=r"'level': 'easy'.*'level': 'default'.*another directory"):
            collect(agent, tmp_path, seeds=(2,), env=other)
        assert set(finished_episodes(tmp_path)) == {1}

    def test_a_time_limit_above_the_recorder_is_an_error(self, agent, tmp_path):
        class Limited(EnvArgs):
            def make(self, **options):
                return TimeLimit(EnvArgs.make(self, **options), 3)

        with pytest.raises(ValueError, match=r"worlds \[1\].*TimeLimit below RecorderWrapper"):
            collect(agent, tmp_path, seeds=(1,), env=Limited())
