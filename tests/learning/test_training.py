"""What the examples build on, on the embedded world: env arguments, initialisation, precision, DAgger rounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.wrappers import TimeLimit

from vpt_gym import VPTAgent
from vpt_gym.actions.codec import code_space, encode
from vpt_gym.actions.human import human_action
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.experts import LOG_EXPERT, load_expert
from vpt_gym.collect.finished import finished_episodes
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.learning.dagger import ConstantBeta, ExponentialBeta, LinearBeta, collect_round
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.precision import faster_precision

SHORT = EnvArgs(kwargs='{"level": "easy", "image_size": [72, 128]}').with_kwargs(max_episode_steps=6)


class TestEnvArgs:
    def test_the_env_is_in_vpt_format(self):
        env = SHORT.make()
        obs, _ = env.reset(seed=0)
        assert obs.shape == (128, 128, 3)
        assert env.action_space == code_space()
        env.close()

    def test_rendering_is_asked_for(self):
        env = SHORT.make(render=True)
        env.reset(seed=0)
        assert env.render().shape == (72, 128, 3)
        env.close()

    @pytest.mark.parametrize("kwargs", ["level=easy", "[1]", "{"])
    def test_kwargs_must_be_a_json_object(self, kwargs):
        with pytest.raises(ValueError, match="JSON object"):
            EnvArgs(kwargs=kwargs)


class TestMarginals:
    def test_the_policy_predicts_the_frequencies_for_every_frame(self):
        policy = VPTAgent.from_config("nano", seed=0).policy
        codes = np.array([[4, 60]] * 6 + [[1, 55]] * 3 + [[0, 60]])
        init_action_heads(policy, codes)
        frames = torch.randint(0, 255, (1, 2, 128, 128, 3), dtype=torch.uint8)
        pi = policy(frames, torch.tensor([[True, False]])).pi
        for head, code, share in (("buttons", 4, 0.6), ("buttons", 1, 0.3), ("camera", 60, 0.7), ("camera", 55, 0.3)):
            log_probs = getattr(pi, head)[0, :, code]
            # 8,641 pseudo-counts of a hundredth stand beside the ten codes
            total = 10 + (8641 if head == "buttons" else 121) * 0.01
            torch.testing.assert_close(log_probs.exp(), torch.full((2,), (share * 10 + 0.01) / total))

    def test_it_learns_from_what_it_sees(self):
        policy = VPTAgent.from_config("nano", seed=0).policy
        init_action_heads(policy, [[0, 60], [4, 60]])
        noise = torch.randint(
            0, 255, (1, 1, 128, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        stripes = torch.arange(128, dtype=torch.uint8).mul(16).view(1, 1, 128, 1, 1).expand(1, 1, 128, 128, 3)
        frames, first = torch.cat([noise, stripes]), torch.ones(2, 1, dtype=torch.bool)
        codes = torch.tensor([[[0, 60]], [[4, 60]]])
        optimizer = torch.optim.Adam(policy.parameters(), lr=1e-3)
        for _ in range(20):
            optimizer.zero_grad()
            (-policy(frames, first).pi.log_prob(codes).mean()).backward()
            optimizer.step()
        assert policy(frames, first).pi.mode().tolist() == codes.tolist()

    def test_no_codes_is_an_error(self):
        with pytest.raises(ValueError, match="no codes"):
            init_action_heads(VPTAgent.from_config("nano", seed=0).policy, np.zeros((0, 2), int))


def test_the_choice_of_precision_leaves_the_policy_as_it_was():
    policy = VPTAgent.from_config("nano", seed=0).policy
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    frames, first = torch.zeros(1, 2, 128, 128, 3, dtype=torch.uint8), torch.tensor([[True, False]])
    assert faster_precision(policy, frames, first, trials=1) in ("fp32", "bf16")
    assert policy.precision == "fp32"
    for name, value in policy.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in policy.parameters())


class TestBeta:
    def test_schedules(self):
        assert [ConstantBeta(0.25)(k) for k in range(3)] == [0.25] * 3
        assert [LinearBeta(2)(k) for k in range(4)] == [1.0, 0.5, 0.0, 0.0]
        assert [ExponentialBeta(0.5)(k) for k in range(3)] == [1.0, 0.5, 0.25]

    def test_impossible_values_are_refused(self):
        for make in (lambda: ConstantBeta(1.5), lambda: ExponentialBeta(-0.1), lambda: LinearBeta(0)):
            with pytest.raises(ValueError, match="must be"):
                make()


class Sentinel:
    """An expert whose label encodes the number of ticks since its reset."""

    def __init__(self) -> None:
        self.ticks = 0

    def reset(self) -> None:
        self.ticks = 0

    def act(self, env):
        self.ticks += 1
        return human_action(f"hotbar.{self.ticks}")


class TestRounds:
    @pytest.fixture
    def agent(self):
        return VPTAgent.from_config("nano", seed=0)

    def collect(self, agent, directory: Path, *, seeds=(1, 2, 3), beta=0.0, num_envs=2):
        make_env = lambda folder: SHORT.make(record_to=folder)  # noqa: E731
        return collect_round(agent, make_env, Sentinel, seeds, directory, beta=beta, num_envs=num_envs)

    def test_every_tick_carries_the_experts_label_and_what_was_executed(self, agent, tmp_path):
        episodes = self.collect(agent, tmp_path)
        assert [episode.seed for episode in episodes] == [1, 2, 3]
        demos = [read_demo(path) for path in list_demos(tmp_path)]
        assert sorted(demo.metadata["seed"] for demo in demos) == [1, 2, 3]
        for demo in demos:
            labels = [encode(human_action(f"hotbar.{tick}")).tolist() for tick in range(1, 7)]
            assert demo.codes.tolist() == labels
            assert encode(demo.executed).tolist() != labels

    def test_with_beta_1_the_expert_acts(self, agent, tmp_path):
        self.collect(agent, tmp_path, beta=1.0)
        for path in list_demos(tmp_path):
            demo = read_demo(path)
            assert encode(demo.executed).tolist() == demo.codes.tolist()

    def test_the_executed_actions_of_a_world_do_not_depend_on_num_envs(self, agent, tmp_path):
        def executed(num_envs):
            self.collect(agent, tmp_path / str(num_envs), beta=0.5, num_envs=num_envs)
            demos = [read_demo(path) for path in list_demos(tmp_path / str(num_envs))]
            return {demo.metadata["seed"]: encode(demo.executed).tolist() for demo in demos}

        alone = executed(1)
        assert sorted(alone) == [1, 2, 3]
        assert executed(2) == alone
        assert executed(3) == alone

    def test_an_interrupted_round_can_be_continued(self, agent, tmp_path):
        first = self.collect(agent, tmp_path, seeds=(1, 2))
        kept = {path.name for path in list_demos(tmp_path)}
        again = self.collect(agent, tmp_path, seeds=(1, 2, 3))
        assert again[:2] == first
        assert len(list_demos(tmp_path)) == 3
        assert kept < {path.name for path in list_demos(tmp_path)}
        assert self.collect(agent, tmp_path) == again
        assert set(finished_episodes(tmp_path)) == {1, 2, 3}

    def test_a_share_beyond_1_is_refused_before_anything_is_played(self, agent, tmp_path):
        with pytest.raises(ValueError, match="beta is 2"):
            self.collect(agent, tmp_path, beta=2.0)
        assert not list(tmp_path.iterdir())

    def test_a_round_of_another_env_is_not_continued(self, agent, tmp_path):
        self.collect(agent, tmp_path, seeds=(1,))
        other = SHORT.with_kwargs(level="default")
        with pytest.raises(ValueError, match=r"'level': 'easy'.*'level': 'default'.*another directory"):
            collect_round(agent, lambda folder: other.make(record_to=folder), Sentinel, [2], tmp_path, beta=0.0)
        assert set(finished_episodes(tmp_path)) == {1}

    def test_a_time_limit_above_the_recorder_is_an_error(self, agent, tmp_path):
        make_env = lambda folder: TimeLimit(EnvArgs().make(record_to=folder), 3)  # noqa: E731
        with pytest.raises(ValueError, match=r"worlds \[1\].*TimeLimit below RecorderWrapper"):
            collect_round(agent, make_env, Sentinel, [1], tmp_path, beta=0.0)

    def test_what_an_interruption_leaves_is_not_learned_from(self, agent, tmp_path):
        class Stop(Sentinel):
            def act(self, env):
                if self.ticks == 3:
                    raise KeyboardInterrupt
                return super().act(env)

        make_env = lambda folder: SHORT.make(record_to=folder)  # noqa: E731
        with pytest.raises(KeyboardInterrupt):
            collect_round(agent, make_env, Stop, [1, 2], tmp_path, beta=0.0)
        assert list_demos(tmp_path) == []


class TestExperts:
    def test_an_expert_is_found_by_its_name(self):
        assert load_expert(LOG_EXPERT)().__class__.__name__ == "LogExpert"

    @pytest.mark.parametrize("path", ["LogExpert", "no.such.module:X", "vpt_gym.world.experts:Lumberjack"])
    def test_a_wrong_name_is_answered_with_the_form(self, path):
        with pytest.raises(ValueError, match="module:attribute"):
            load_expert(path)
