"""PPO: advantages, loss and minibatches against slow references; the value head; a run that is killed."""

from __future__ import annotations

import copy
import io
import json
import math
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from rich.console import Console

from tests.support.clock_env import ClockEnv
from tests.support.example_scripts import load_example
from tests.support.numbered_demos import write_episodes
from tests.support.paths import ROOT
from tests.support.python_processes import output_of, start
from tests.support.small_policy import small_policy
from tests.support.stand_in_device import STAND_IN, on_stand_in, stand_in_device
from vpt_gym import VPTAgent
from vpt_gym.agents.policy.heads import ActionDistribution
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.identity import weights_digest
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.losses import weighted_mean
from vpt_gym.learning.non_finite import NonFiniteLossError
from vpt_gym.learning.rollout import RolloutCollector
from vpt_gym.learning.runs.args import RunArgs, parse
from vpt_gym.learning.runs.run import Run

ppo = load_example("ppo")
SMALL = '{"level": "easy", "image_size": [72, 128], "max_episode_steps": 6}'


def slow_advantage(reward, value, terminated, ended, gamma, gae_lambda):
    """Sums the temporal-difference errors of one env from each tick to the end of its episode, as defined."""
    total = []
    for t in range(len(reward)):
        advantage, factor = 0.0, 1.0
        for k in range(t, len(reward)):
            following = 0.0 if terminated[k] else value[k + 1]
            advantage += factor * (reward[k] + gamma * following - value[k])
            if ended[k]:
                break
            factor *= gamma * gae_lambda
        total.append(advantage)
    return total


class TestGAE:
    def test_it_equals_a_slow_reference(self):
        generator = torch.Generator().manual_seed(0)
        reward, value = torch.randn(5, 40, generator=generator), torch.randn(5, 41, generator=generator)
        ended = torch.rand(5, 40, generator=generator) < 0.15
        terminated = ended & (torch.rand(5, 40, generator=generator) < 0.5)
        advantage, target = ppo.gae(reward, value, terminated, ended, gamma=0.97, gae_lambda=0.9)
        rows = [
            slow_advantage(*(x[i].tolist() for x in (reward, value, terminated, ended)), 0.97, 0.9) for i in range(5)
        ]
        torch.testing.assert_close(advantage, torch.tensor(rows), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(target, advantage + value[:, :-1])
        assert (ended & ~terminated).any()
        assert terminated.any()

    def test_a_terminal_state_is_worth_nothing_and_a_truncated_one_its_value(self):
        reward, value = torch.zeros(1, 1), torch.tensor([[1.0, 5.0]])
        yes, no = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.bool)
        assert ppo.gae(reward, value, yes, yes, gamma=1.0, gae_lambda=1.0)[0].item() == -1.0
        assert ppo.gae(reward, value, no, yes, gamma=1.0, gae_lambda=1.0)[0].item() == 4.0

    def test_nothing_flows_back_over_the_end_of_an_episode(self):
        reward = torch.tensor([[0.0, 0.0, 100.0]])
        ended = torch.tensor([[False, True, False]])
        advantage, _ = ppo.gae(reward, torch.zeros(1, 4), ended, ended, gamma=1.0, gae_lambda=1.0)
        assert advantage.tolist() == [[0.0, 0.0, 100.0]]


CODES = torch.tensor([[[0, 60], [5, 3], [8640, 60]], [[1, 1], [2, 2], [3, 3]]])
WEIGHT = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.5]])
ARGS = ppo.Args(model="nano-foundation", clip_range=0.2, value_coefficient=0.5)


def distribution(seed: int, requires_grad: bool = False) -> ActionDistribution:
    generator = torch.Generator().manual_seed(seed)
    buttons, camera = (torch.randn(2, 3, n, generator=generator) for n in (8641, 121))
    return ActionDistribution(buttons.requires_grad_(requires_grad).log_softmax(-1), camera.log_softmax(-1))


def loss_of(pi, *, old=None, advantage=None, reference=None, args=ARGS, kl_coefficient=0.2):
    batch = ppo.Batch(
        inputs=torch.zeros(2, 3),
        first=torch.zeros(2, 3, dtype=torch.bool),
        codes=CODES,
        log_prob=pi.log_prob(CODES).detach() if old is None else old,
        advantage=torch.ones(2, 3) if advantage is None else advantage,
        value_target=torch.full((2, 3), 2.0),
        weight=WEIGHT,
        memory=None,
        reference=reference,
    )
    return ppo.ppo_loss(pi, torch.zeros(2, 3), batch, args, kl_coefficient)


class TestLoss:
    def test_at_the_old_policy_the_terms_are_known(self):
        pi = distribution(0)
        loss, terms = loss_of(pi)
        assert terms["loss/policy"].item() == -1.0
        assert terms["loss/value"].item() == 4.0
        assert terms["loss/approx_kl"].item() == 0.0
        assert terms["loss/clip_fraction"].item() == 0.0
        assert "loss/kl_to_start" not in terms
        torch.testing.assert_close(terms["loss/entropy"], weighted_mean(pi.entropy(), WEIGHT))
        torch.testing.assert_close(loss, torch.tensor(-1.0 + 0.5 * 4.0))

    @pytest.mark.parametrize(
        ("shift", "advantage", "pushes"), [(-1.0, 1.0, False), (-1.0, -1.0, True), (1.0, -1.0, False), (1.0, 1.0, True)]
    )
    def test_a_ratio_beyond_the_clip_gives_no_gradient_where_the_advantage_would_push_on(
        self, shift, advantage, pushes
    ):
        logits = torch.randn(2, 3, 8641, generator=torch.Generator().manual_seed(1)).requires_grad_()
        pi = ActionDistribution(logits.log_softmax(-1), distribution(1).camera)
        old = pi.log_prob(CODES).detach() + shift
        _, terms = loss_of(pi, old=old, advantage=torch.full((2, 3), advantage))
        (gradient,) = torch.autograd.grad(terms["loss/policy"], logits)
        assert (gradient.abs().max() > 0) == pushes
        assert terms["loss/clip_fraction"].item() == 1.0
        assert terms["loss/approx_kl"].item() > 0

    def test_the_kl_runs_from_the_start_to_the_policy(self):
        pi, start = distribution(0), distribution(1)
        loss, terms = loss_of(pi, reference=start)
        expected = weighted_mean(start.kl(pi), WEIGHT)
        torch.testing.assert_close(terms["loss/kl_to_start"], expected)
        assert not torch.allclose(expected, weighted_mean(pi.kl(start), WEIGHT))
        torch.testing.assert_close(loss, terms["loss/policy"] + 0.5 * terms["loss/value"] + 0.2 * expected)

    def test_the_entropy_is_a_bonus(self):
        pi = distribution(0)
        with_bonus, terms = loss_of(pi, args=replace(ARGS, entropy_coefficient=0.1))
        torch.testing.assert_close(with_bonus, loss_of(pi)[0] - 0.1 * terms["loss/entropy"])

    def test_ticks_without_weight_do_not_count(self):
        advantage = torch.ones(2, 3)
        advantage[0, 1] = 1e6
        assert loss_of(distribution(0), advantage=advantage)[1]["loss/policy"].item() == -1.0


def agent_and_rollout(*lengths: int, ticks: int = 9):
    agent = VPTAgent.from_config("nano", seed=0)
    envs = SyncVectorEnv([lambda n=n: ClockEnv(n) for n in lengths], autoreset_mode=AutoresetMode.NEXT_STEP)
    collector = RolloutCollector(agent.policy, envs, seed=0)
    collector.collect(6)
    return agent, collector.collect(ticks)


def batch_of(rollout, reference=None):
    zeros = torch.zeros_like(rollout.reward)
    tensors = (rollout.frames, rollout.first, rollout.codes, rollout.log_prob, zeros, zeros, rollout.weight)
    return ppo.Batch(*tensors, memory=rollout.memory, reference=reference)


class TestMinibatches:
    def test_each_repeats_the_log_probs_of_its_envs_across_the_ends_of_episodes(self):
        agent, rollout = agent_and_rollout(3, 5, 20, 4)
        with torch.no_grad():
            reference = agent.policy(rollout.frames, rollout.first, rollout.memory).pi
            parts = list(batch_of(rollout, reference).minibatches(3, torch.Generator().manual_seed(0)))
            for part in parts:
                pi = agent.policy(part.inputs, part.first, part.memory).pi
                torch.testing.assert_close(pi.log_prob(part.codes), part.log_prob, atol=1e-4, rtol=1e-4)
                assert part.reference.kl(pi).abs().max() < 1e-4
        assert rollout.first[:, 1:].any()
        assert rollout.memory.valid.any()
        shown = sorted(tuple(row) for part in parts for row in part.codes[..., 0].tolist())
        assert shown == sorted(tuple(row) for row in rollout.codes[..., 0].tolist())

    def test_in_parts_equals_one_pass(self):
        agent, rollout = agent_and_rollout(3, 5, 20, 4, 7)
        with torch.no_grad():
            latent, memory = agent.policy.net(rollout.frames, rollout.first, rollout.memory)
        again, after = ppo.in_parts(agent.policy.net, rollout.frames, rollout.first, rollout.memory)
        torch.testing.assert_close(again, latent, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(after.keys, memory.keys, atol=1e-4, rtol=1e-4)
        assert torch.equal(after.valid, memory.valid)


class TestLearner:
    def args(self, **options):
        options = {"num_envs": 4, "minibatches": 2, "ticks": 16, "gamma": 0.9, "warmup_iterations": 6, **options}
        return ppo.Args(model="nano-foundation", **options)

    def test_the_warm_up_ends_when_the_values_explain_the_returns_and_changes_nothing_else(self):
        agent = VPTAgent.from_config("nano", seed=0)
        before = {name: value.clone() for name, value in agent.policy.state_dict().items()}
        args = self.args(warmup_variance=0.9)
        envs = SyncVectorEnv([lambda n=n: ClockEnv(n) for n in (6, 6, 6, 6)], autoreset_mode=AutoresetMode.NEXT_STEP)
        learner, collector = ppo.PPO(agent, args), RolloutCollector(agent.policy, envs, seed=0)
        assert not agent.policy.value_head.linear.weight.any()  # it was never trained
        explained = []
        while not learner.warm:
            rollout = collector.collect(args.ticks)
            explained.append(learner.warm_up(rollout, rollout.frames)["value/explained_variance"])
        assert 1 < len(explained) < 6
        assert explained[0] == 0.0
        assert explained[-1] > 0.9
        changed = {name for name, value in agent.policy.state_dict().items() if not torch.equal(value, before[name])}
        assert all(name.startswith("value_head.") for name in changed)

    def test_a_value_head_that_was_trained_is_kept(self):
        agent = VPTAgent.from_config("nano", seed=0)
        agent.policy.value_head.update(torch.ones(3))
        weight = agent.policy.value_head.linear.weight.clone()
        ppo.PPO(agent, self.args())
        assert torch.equal(agent.policy.value_head.linear.weight, weight)
        ppo.PPO(agent, self.args(value_head="zero"))
        assert not agent.policy.value_head.linear.weight.any()

    def test_rewarded_actions_become_likelier(self):
        agent, rollout = agent_and_rollout(50, 50, 50, 50)
        rewarded = rollout.codes[:, 4]
        reward = torch.zeros_like(rollout.reward)
        reward[:2, 4] = 1.0  # the others are the baseline
        rollout = replace(rollout, reward=reward)
        learner = ppo.PPO(agent, self.args(gae_lambda=0.0, target_kl=None))
        metrics = learner.learn(rollout, rollout.frames, progress=0.0)
        with torch.no_grad():
            now = agent.policy(rollout.frames, rollout.first, rollout.memory).pi.log_prob(rollout.codes)
        change = (now - rollout.log_prob)[:, 4]
        assert (change[:2] > 0).all(), (change, rewarded)
        assert metrics["loss/kl_to_start"] >= 0.0

    @pytest.mark.parametrize("played", [0, 1])
    def test_a_rollout_in_which_at_most_one_tick_was_played_teaches_nothing(self, played):
        """The others are resets, or the game broke."""
        agent, rollout = agent_and_rollout(50)
        rollout.weight[:] = 0.0
        rollout.weight[0, :played] = 1.0
        before = copy.deepcopy(agent.policy.pi_head.state_dict())
        learner = ppo.PPO(agent, self.args(num_envs=1, minibatches=1, kl_coefficient=0.0))
        for metrics in (learner.warm_up(rollout, rollout.frames), learner.learn(rollout, rollout.frames, 0.0)):
            assert all(math.isfinite(value) for value in metrics.values())
        assert all(torch.equal(value, before[name]) for name, value in agent.policy.pi_head.state_dict().items())

    def test_without_a_kl_term_no_start_policy_is_kept_in_memory(self):
        agent, rollout = agent_and_rollout(50, 50, 50, 50)
        learner = ppo.PPO(agent, self.args(kl_coefficient=0.0))
        assert learner.start is None
        assert "loss/kl_to_start" not in learner.learn(rollout, rollout.frames, progress=0.0)

    def test_a_distance_beyond_the_target_leaves_out_the_further_passes(self):
        for target, expected in ((1e-9, 1), (None, 3)):
            agent, rollout = agent_and_rollout(50, 50, 50, 50)
            learner = ppo.PPO(agent, self.args(epochs=3, target_kl=target))
            learner.learn(rollout, rollout.frames, progress=0.0)
            assert learner.optimizer.updates == 2 * expected

    def test_the_first_updates_after_the_value_warm_up_are_short(self):
        distances = []
        for warmup in (0, 20):
            agent, rollout = agent_and_rollout(50, 50, 50, 50)
            rollout = replace(rollout, reward=torch.rand(4, 9, generator=torch.Generator().manual_seed(1)))
            learner = ppo.PPO(agent, self.args(epochs=3, lr=1e-3, warmup=warmup, target_kl=None))
            metrics = learner.learn(rollout, rollout.frames, progress=0.5)
            distances.append(metrics["loss/approx_kl"])
            # 3 epochs of 2 minibatches; the rate falls linearly over the run
            assert metrics["train/learning_rate"] == pytest.approx(0.5e-3 * (6 / 20 if warmup else 1.0))
        assert distances[1] < 0.5 * distances[0]
        resumed = ppo.PPO(VPTAgent.from_config("nano", seed=0), self.args(epochs=3, lr=1e-3, warmup=20))
        resumed.load_state_dict(learner.state_dict())
        assert (
            resumed.learn(rollout, rollout.frames, progress=0.5)["train/learning_rate"] > metrics["train/learning_rate"]
        )

    def test_the_sleep_phase_teaches_the_trunk_values_and_keeps_the_policy(self):
        agent, rollout = agent_and_rollout(3, 5, 4, 6)
        learner = ppo.PPO(agent, self.args(sleep_cycles=2, lr=1e-4))
        trunk = agent.policy.net.final_ln.weight.clone()
        batch = replace(batch_of(rollout), value_target=torch.randn(4, 9))
        losses = {}
        learner.sleep(batch, losses)
        assert len(losses["loss/sleep_value"]) == 4
        assert losses["loss/sleep_kl"][0] < 1e-4
        assert not torch.equal(agent.policy.net.final_ln.weight, trunk)

    def test_frozen_image_networks_are_run_once_and_stay(self):
        agent, rollout = agent_and_rollout(3, 5, 4, 6)
        learner = ppo.PPO(agent, self.args(freeze=("net.img_process.*",)))
        image = {name: value.clone() for name, value in agent.policy.net.img_process.named_parameters()}
        features = ppo.network_inputs(agent.policy, rollout)
        assert features.shape == (4, 9, 256)
        learner.learn(rollout, features, progress=0.0)
        assert all(torch.equal(p, image[name]) for name, p in agent.policy.net.img_process.named_parameters())

    def test_on_a_gpu_no_tensor_stays_on_the_cpu(self):
        """A rollout with its bootstrap value, the warm-up, the passes, and the auxiliary phase."""
        with stand_in_device():
            agent = VPTAgent(small_policy(), device=STAND_IN)
            args = self.args(device="meta", sleep_cycles=1, ticks=6, warmup_iterations=1)
            envs = SyncVectorEnv([lambda: ClockEnv(4)] * 4, autoreset_mode=AutoresetMode.NEXT_STEP)
            learner, collector = ppo.PPO(agent, args), RolloutCollector(agent.policy, envs, seed=0)
            learner.warm_up(rollout := collector.collect(args.ticks), ppo.network_inputs(agent.policy, rollout))
            metrics = learner.learn(
                rollout := collector.collect(args.ticks), ppo.network_inputs(agent.policy, rollout), progress=0.5
            )
            assert metrics["loss/kl_to_start"] >= 0.0
            assert all(on_stand_in(parameter) for parameter in learner.parameters)

    def test_a_resumed_run_stays_near_the_start_policy_that_it_began_with(self):
        state = ppo.PPO(VPTAgent(small_policy(seed=0)), self.args()).state_dict()
        again, other = VPTAgent(small_policy(seed=0)), VPTAgent(small_policy(seed=1))
        digests = [weights_digest(agent.policy) for agent in (other, again)]
        ppo.PPO(again, self.args()).load_state_dict(state)
        message = (
            "--model nano-foundation has weights with the digest {}, but this run began with {}, .* --kl-coefficient 0"
        )
        with pytest.raises(ValueError, match=message.format(*digests)):
            ppo.PPO(other, self.args()).load_state_dict(state)
        without = ppo.PPO(other, self.args(kl_coefficient=0.0))
        without.load_state_dict(state)
        with pytest.raises(ValueError, match=message.format(*digests)):  # nor after a part of the run without the term
            ppo.PPO(VPTAgent(small_policy(seed=1)), self.args()).load_state_dict(without.state_dict())
        del state["start"]  # a checkpoint from before this was checked
        ppo.PPO(VPTAgent(small_policy(seed=1)), self.args()).load_state_dict(state)

    def test_a_resumed_run_may_leave_out_the_rest_of_the_value_warm_up(self):
        state = ppo.PPO(VPTAgent(small_policy()), self.args()).state_dict()
        for iterations, warm in ((6, False), (0, True)):
            resumed = ppo.PPO(VPTAgent(small_policy()), self.args(warmup_iterations=iterations))
            resumed.load_state_dict(state)
            assert resumed.warm == warm

    def test_demos_may_be_added_to_a_resumed_run(self, tmp_path):
        demos = (write_episodes(tmp_path, (17, 17)),)
        plain = ppo.PPO(VPTAgent(small_policy()), self.args())
        first, second, third = (ppo.PPO(VPTAgent(small_policy()), self.args(demos=demos)) for _ in range(3))
        second.load_state_dict(plain.state_dict())
        assert second.demos.loss(second.policy) == first.demos.loss(first.policy)
        third.load_state_dict(second.state_dict())  # from then on they are part of the state
        assert third.demos.loss(third.policy) == second.demos.loss(second.policy)

    def test_a_gradient_that_is_not_finite_stops_the_training(self):
        agent, rollout = agent_and_rollout(3, 5, 4, 6)
        learner = ppo.PPO(agent, self.args())
        with pytest.raises(NonFiniteLossError, match=r"update 1: the loss is nan, .* Lower the\s+learning rate"):
            learner.learn(replace(rollout, reward=rollout.reward * float("inf")), rollout.frames, progress=0.0)


class TestArguments:
    def test_episodes_of_the_training_alone_are_cut_off(self):
        args = ppo.Args(model="nano-foundation", env=EnvArgs(kwargs=SMALL), episode_ticks=3)
        for env, ticks in ((ppo.make_env(args), 3), (args.env.make(), 6)):
            env.reset(seed=0)
            ended = [env.step(env.action_space.sample())[3] for _ in range(ticks)]
            assert ended == [False] * (ticks - 1) + [True]

    def test_options_replace_those_of_a_preset(self):
        args = parse(ppo.Args, ["--model", "nano-foundation", "--preset", "vpt", "--lr", "1e-3"], presets=ppo.PRESETS)
        assert (args.lr, args.weight_decay, args.sleep_cycles, args.num_envs) == (1e-3, 0.04, 2, 40)
        assert args.warmup == 0  # the paper names none
        assert parse(ppo.Args, ["--model", "nano-foundation"], presets=ppo.PRESETS).weight_decay == 0.0

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"minibatches": 5, "num_envs": 4}, "5 minibatches of 4 envs"),
            ({"epochs": 5, "sleep_cycles": 2}, "together 1 to 6"),
            ({"num_envs": 1, "minibatches": 1, "ticks": 1}, "needs at least 2 ticks a rollout"),
            ({"episode_ticks": 0}, "episode_ticks is 0"),
            ({"ticks": 0}, "ticks is 0; it must be at least 1"),
            ({"warmup": -1}, "warmup is -1"),
            ({"gamma": 1.01}, r"gamma is 1\.01; it must be from 0 to 1"),
            ({"gae_lambda": float("nan")}, "gae_lambda is nan"),
            ({"clip_range": 0.0}, "clip_range is 0"),
            ({"kl_half_life": 0.0}, "kl_half_life is 0"),
            ({"entropy_coefficient": -0.01}, r"entropy_coefficient is -0\.01; it must not be negative"),
            ({"bc_half_life": 0.0}, "bc_half_life is 0"),
            ({"warmup_iterations": -1}, "warmup_iterations is -1"),
        ],
    )
    def test_options_that_are_out_of_range_or_contradict_each_other_are_errors(self, options, message):
        with pytest.raises(ValueError, match=message):
            ppo.Args(model="nano-foundation", **options)


def trained(out, **options):
    """Returns the metrics of a short training, what it printed, and the agent as it was and as it is."""
    limits = {"num_envs": 2, "minibatches": 2, "ticks": 2, "iterations": 2, "warmup_iterations": 1, "epochs": 1}
    run_args = RunArgs(out=out, tensorboard=False)
    args = ppo.Args(model="x", env=EnvArgs(kwargs=SMALL), vector="sync", run=run_args, **{**limits, **options})
    before, agent = VPTAgent(small_policy()), VPTAgent(small_policy())
    console = Console(file=io.StringIO(), width=400)
    run = Run("ppo", args)
    ppo.train(agent, args, run, console)
    run.close("interrupted")  # without curves
    return read_metrics(out / "metrics.jsonl"), console.file.getvalue(), before, agent


def heads(agent):
    return agent.policy.pi_head.state_dict().values()


def test_a_run_that_ends_in_the_value_warm_up_says_that_the_policy_is_unchanged(tmp_path):
    for name, seconds, phases in (("short", 1e-9, [1.0]), ("long", float("inf"), [1.0, 0.0])):
        metrics, printed, before, agent = trained(tmp_path / name, seconds=seconds)
        assert [entry["value/warming_up"] for entry in metrics] == phases
        unchanged = all(torch.equal(one, other) for one, other in zip(heads(before), heads(agent), strict=True))
        assert unchanged == (name == "short")
        assert ("the policy is still the one that the run began with: all 1 iterations" in printed) == unchanged


def test_each_better_agent_has_its_score_in_a_checkpoint_and_the_last_one_is_validated(tmp_path):
    """A run that continued from an earlier checkpoint could put a worse agent in the place of the better one."""
    metrics, *_ = trained(tmp_path, iterations=3, validate_every=2, validation_episodes=1, checkpoint_every=100)
    assert ["validation/success" in entry for entry in metrics] == [False, True, True]
    better, last = (torch.load(tmp_path / "checkpoints" / f"{name}.pt") for name in ("previous", "last"))
    assert (better["step"], last["step"]) == (2, 3)
    success, mean_ticks = metrics[1]["validation/success"], metrics[1]["validation/mean_ticks"]
    assert tuple(better["state"]["best"]) == (success, -mean_ticks)
    VPTAgent.from_pretrained(tmp_path / "best")


SCRIPT = ROOT / "examples" / "ppo.py"


def options(out, iterations: int) -> list[str]:
    few = ("--num-envs", "2", "--minibatches", "2", "--ticks", "4", "--warmup-iterations", "1", "--epochs", "1")
    limits = ("--iterations", str(iterations), "--eval-episodes", "0", "--checkpoint-every", "1", "--no-tensorboard")
    return ["--model", "nano", "--kl-coefficient", "0", "--out", str(out), "--env-kwargs", SMALL, *few, *limits]


def test_a_killed_run_continues_at_its_checkpoint_and_plays_no_world_twice(tmp_path):
    out = tmp_path / "run"
    checkpoint = out / "checkpoints" / "last.pt"
    kills = 0
    arguments = options(out, 1000)
    while kills < 2:
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        process = start(SCRIPT, *arguments, cwd=tmp_path)
        try:
            while process.poll() is None and not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before):
                time.sleep(0.01)
            time.sleep(random.random() / 2)
        finally:
            process.kill()
            process.wait()
        kills += 1
        arguments = ["--resume", str(out)]
    last = torch.load(checkpoint, weights_only=True)["state"]
    done = last["iteration"]
    output_of(SCRIPT, "--resume", out, "--iterations", done + 2, cwd=tmp_path)
    metrics = read_metrics(out / "metrics.jsonl")
    assert [entry["step"] for entry in metrics] == list(range(1, done + 3))
    assert metrics[-1]["time/ticks"] == (done + 2) * 2 * 4
    final = torch.load(checkpoint, weights_only=True)["state"]
    assert all(
        now > then for now, then in zip(final["collector"]["started"], last["collector"]["started"], strict=True)
    )
    assert json.loads((out / "results.json").read_text())["ticks"] == metrics[-1]["time/ticks"]
    weights = VPTAgent.from_pretrained(out / "agent").policy.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in final["learner"]["policy"].items())
    assert np.isfinite(list(metrics[-1].values())).all()
