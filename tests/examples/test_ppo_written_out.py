"""PPO's updates against the same computation written out, and a learner that continues from a state."""

from __future__ import annotations

import copy
import io
from dataclasses import replace

import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.support.clock_env import ClockEnv
from tests.support.example_scripts import load_example
from tests.support.numbered_demos import write_episodes
from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.demos import DemoDataset
from vpt_gym.learning.rollout import RolloutCollector

ppo = load_example("ppo")

ENVS, TICKS = 3, 7
OPTIONS = {
    "num_envs": ENVS, "ticks": TICKS, "minibatches": 2, "epochs": 2, "gamma": 0.9, "gae_lambda": 0.8,
    "clip_range": 0.3, "target_kl": None, "warmup_iterations": 0, "lr": 2e-3, "warmup": 3, "max_grad_norm": 0.5,
    "entropy_coefficient": 0.01, "kl_coefficient": 0.3, "kl_half_life": 0.25, "value_coefficient": 0.4,
}  # fmt: skip


@pytest.fixture(scope="module")
def rollouts():
    """Two rollouts of another policy, one after the other, in which episodes end in every way."""
    lengths = ((3, False), (4, True), (50, False))
    envs = SyncVectorEnv([lambda one=one: ClockEnv(*one) for one in lengths], autoreset_mode=AutoresetMode.NEXT_STEP)
    collector = RolloutCollector(small_policy(seed=1), envs, seed=0)
    generator = torch.Generator().manual_seed(0)
    collected = [collector.collect(TICKS) for _ in range(2)]
    return [replace(one, reward=torch.randn(ENVS, TICKS, generator=generator)) for one in collected]


def advantages(rollout, gamma, gae_lambda):
    """Sums the temporal-difference errors from each tick to the end of its episode."""
    result = torch.zeros(ENVS, TICKS)
    for env in range(ENVS):
        for start in range(TICKS):
            for t in range(start, TICKS):
                following = 0.0 if rollout.terminated[env, t] else rollout.value[env, t + 1]
                error = rollout.reward[env, t] + gamma * following - rollout.value[env, t]
                result[env, start] += (gamma * gae_lambda) ** (t - start) * error
                if rollout.ended[env, t]:
                    break
    return result


def mean(values, weight):
    return (values * weight).sum() / weight.sum()


def log_probs(pi, codes):
    return pi.buttons.gather(-1, codes[..., :1])[..., 0] + pi.camera.gather(-1, codes[..., 1:])[..., 0]


def divergence(one, other):
    return sum((p.exp() * (p - q)).sum(-1) for p, q in ((one.buttons, other.buttons), (one.camera, other.camera)))


def rows_of(pi, rows):
    return ppo.ActionDistribution(pi.buttons[rows], pi.camera[rows])


def written_out(rollouts, auxiliary, demos, args, progresses):
    """Returns the policy after the updates on some rollouts, the metrics of each, and the unit of the values."""
    policy, start = small_policy(), small_policy()
    head = policy.value_head.linear
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    trained = [*(p for p in policy.parameters() if p.requires_grad), *(auxiliary.parameters() if auxiliary else ())]
    optimizer = torch.optim.Adam(trained, eps=1e-5)
    generator = torch.Generator().manual_seed(args.seed)
    with torch.no_grad():  # the start policy sees the rollouts in one piece
        frames, first = (torch.cat([getattr(one, name) for one in rollouts], 1) for name in ("frames", "first"))
        seen = start(frames, first, rollouts[0].memory).pi
    updates, unit, moments, metrics = 0, (0.0, 1.0), [], []

    def step(loss, progress):
        nonlocal updates
        updates += 1
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in trained if p.grad is not None], args.max_grad_norm)
        optimizer.param_groups[0]["lr"] = args.lr * min(1.0, updates / args.warmup) * (1.0 - progress)
        optimizer.step()

    def parts():
        return torch.randperm(ENVS, generator=generator).tensor_split(args.minibatches)

    for number, (rollout, progress) in enumerate(zip(rollouts, progresses, strict=True)):
        advantage = advantages(rollout, args.gamma, args.gae_lambda)
        target, played = advantage + rollout.value[:, :-1], rollout.weight == 1.0
        advantage = (advantage - advantage[played].mean()) / (advantage[played].std() + 1e-8)
        # statistics of the returns, each rollout 0.99 of the one after it; the values that the head gives stay
        moments = [(0.99 * share, *rest) for share, *rest in moments]
        moments.append((1.0, target[played].mean(), target[played].square().mean()))
        total = sum(share for share, *_ in moments)
        centre, square = (sum(moment[0] * moment[k] for moment in moments) / total for k in (1, 2))
        before, unit = unit, (centre, (square - centre**2).clamp(min=0.01).sqrt())
        if number > 0:
            with torch.no_grad():
                head.weight.mul_(before[1] / unit[1])
                head.bias.mul_(before[1]).add_(before[0] - unit[0]).div_(unit[1])
        target = (target - unit[0]) / unit[1]
        reference = ppo.ActionDistribution(*(x[:, number * TICKS : (number + 1) * TICKS] for x in seen.log_probs))
        terms = {name: [] for name in ("policy", "value", "entropy", "kl_to_start", "bc", "clip_fraction", "approx_kl")}
        for _ in range(args.epochs):
            for rows in parts():
                weight = rollout.weight[rows]
                out = policy(rollout.frames[rows], rollout.first[rows], rollout.memory.index(rows))
                ratio = (log_probs(out.pi, rollout.codes[rows]) - rollout.log_prob[rows]).exp()
                near = ratio.clamp(1 - args.clip_range, 1 + args.clip_range)
                value = policy.value_head(out.latent.detach()) if args.sleep_cycles else out.value
                new = {
                    "policy": -mean(torch.minimum(ratio * advantage[rows], near * advantage[rows]), weight),
                    "value": mean((value - target[rows]) ** 2, weight),
                    "entropy": mean(-sum((p.exp() * p).sum(-1) for p in out.pi.log_probs), weight),
                    "kl_to_start": mean(divergence(rows_of(reference, rows), out.pi), weight),
                    "clip_fraction": mean((ratio != near).float(), weight),
                    "approx_kl": mean(ratio - 1 - ratio.log(), weight),
                }
                shown, codes, begins, counts = demos.next_batch()
                new["bc"] = -mean(log_probs(policy(shown, begins).pi, codes), counts)
                weights = {
                    "policy": 1.0, "value": args.value_coefficient, "entropy": -args.entropy_coefficient,
                    "kl_to_start": args.kl_coefficient * 0.5 ** (progress / args.kl_half_life),
                    "bc": args.bc_coefficient * 0.5 ** (progress / args.bc_half_life),
                }  # fmt: skip
                step(sum(share * new[name] for name, share in weights.items()), progress)
                for name, term in new.items():
                    terms[name].append(term.item())
        if args.sleep_cycles:
            with torch.no_grad():
                held = policy(rollout.frames, rollout.first, rollout.memory).pi
        for _ in range(args.sleep_cycles):
            for rows in parts():
                weight = rollout.weight[rows]
                out = policy(rollout.frames[rows], rollout.first[rows], rollout.memory.index(rows))
                errors = (out.value - target[rows]) ** 2 + (auxiliary(out.latent)[..., 0] - target[rows]) ** 2
                kept = divergence(rows_of(held, rows), out.pi)
                step(mean(0.5 * errors + kept, weight), progress)
        metrics.append({f"loss/{name}": sum(values) / len(values) for name, values in terms.items()})
        metrics[-1]["train/learning_rate"] = optimizer.param_groups[0]["lr"]
    return policy, metrics, unit


@pytest.mark.parametrize("sleep_cycles", [0, 1])
def test_two_rollouts_are_learned_as_one_would_write_it(rollouts, tmp_path, sleep_cycles):
    """Each part has an effect here: ends of episodes, statistics of returns, all terms, decays, and memories."""
    demos = (write_episodes(tmp_path, (17, 17)),)
    args = ppo.Args(model="nano-foundation", demos=demos, bc_half_life=0.4, sleep_cycles=sleep_cycles, **OPTIONS)
    agent = VPTAgent(small_policy())
    torch.manual_seed(0)  # of the auxiliary value
    learner = ppo.PPO(agent, args)
    auxiliary = copy.deepcopy(learner.auxiliary) if sleep_cycles else None
    dataset = DemoDataset(list(demos), seq_len=16, batch_size=8, order="random", seed=args.seed)
    policy, expected, unit = written_out(rollouts, auxiliary, dataset, args, (0.0, 0.5))

    for rollout, progress, wanted in zip(rollouts, (0.0, 0.5), expected, strict=True):
        metrics = learner.learn(rollout, rollout.frames, progress)
        assert {name: metrics[name] for name in wanted} == pytest.approx(wanted, rel=1e-3, abs=1e-5)
    assert all(0.05 < metrics["loss/clip_fraction"] < 0.95 for metrics in expected)
    for name, value in policy.state_dict().items():
        if "normalizer" not in name:
            torch.testing.assert_close(agent.policy.state_dict()[name], value, atol=1e-4, rtol=1e-3)
    if auxiliary is not None:
        torch.testing.assert_close(learner.auxiliary.state_dict(), auxiliary.state_dict(), atol=1e-4, rtol=1e-3)
    centre, variance = agent.policy.value_head.normalizer.mean_and_variance()
    assert (centre.item(), variance.sqrt().item()) == pytest.approx([x.item() for x in unit], rel=1e-4)


def test_a_learner_continues_from_a_state_as_if_nothing_had_been(rollouts):
    args = ppo.Args(model="nano-foundation", sleep_cycles=1, **{**OPTIONS, "kl_coefficient": 0.0})
    whole, continued = (ppo.PPO(VPTAgent(small_policy()), args) for _ in range(2))
    whole.learn(rollouts[0], rollouts[0].frames, 0.0)
    file = io.BytesIO()
    torch.save(whole.state_dict(), file)
    file.seek(0)
    continued.load_state_dict(torch.load(file, weights_only=True))
    for learner in (whole, continued):
        learner.learn(rollouts[1], rollouts[1].frames, 0.5)
    for part in ("policy", "auxiliary"):
        one, other = (getattr(learner, part).state_dict() for learner in (whole, continued))
        assert [name for name in one if not torch.equal(one[name], other[name])] == []
