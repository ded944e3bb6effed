"""PPO: a VPT policy learns from reward, and stays close to the policy that it starts from.

    python examples/ppo.py --model runs/bc/log/agent --env-kwargs '{"level": "default"}'
    python examples/ppo.py --resume runs/ppo/20261128-210000

As in Baker et al. 2022 (arXiv:2206.11795), appendix G: a KL term to the frozen start policy, whose weight decays, takes
the place of the entropy bonus, and the value head learns first. ``--preset vpt`` has the paper's settings.
A minibatch holds all ticks of some envs and starts from the memory that the policy had before the first of them, so
that its log-probabilities at the first update are those of the rollout.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal

import torch
from rich.console import Console
from torch import Tensor, nn

from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.policy.heads import ActionDistribution
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.collect.identity import weights_digest
from vpt_gym.collect.seeds import SEEDS, training_worlds
from vpt_gym.demos.dataset.loading import find_paths
from vpt_gym.learning.best import BestAgent, score_of
from vpt_gym.learning.collectors import open_collector
from vpt_gym.learning.demo_term import DemoTerm
from vpt_gym.learning.elsewhere import warn_if_elsewhere
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.fresh import check_kl_to_start, is_fresh
from vpt_gym.learning.in_parts import in_parts, network_inputs
from vpt_gym.learning.latent_health import LatentMonitor
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.losses import explained_variance, weighted_mean
from vpt_gym.learning.optimizer import ScheduledAdam, load_weights
from vpt_gym.learning.policy_gradient import Counters, PolicyGradientArgs, final_figures, make_env
from vpt_gym.learning.ppg import auxiliary_phase
from vpt_gym.learning.progress_bar import progress_bar
from vpt_gym.learning.rollout import Rollout, episode_metrics
from vpt_gym.learning.runs.args import check_ranges, parse
from vpt_gym.learning.runs.run import Run
from vpt_gym.learning.runs.same_weights import check_same_weights
from vpt_gym.learning.value_warmup import ValueWarmUp

PRESETS = {
    "small": {},
    # Baker et al. 2022, tables 6 and 7: a sample is used at most 6 times. KL: 0.2 at first, halved in 1,386 iterations
    "vpt": {
        "lr": 2e-5, "warmup": 0, "weight_decay": 0.04, "schedule": "constant", "max_grad_norm": 5.0, "gamma": 0.999,
        "gae_lambda": 0.95, "clip_range": 0.2, "num_envs": 40, "ticks": 128, "epochs": 4, "sleep_cycles": 2,
        "kl_coefficient": 0.2, "entropy_coefficient": 0.0, "value_coefficient": 0.5, "target_kl": None,
    },
}  # fmt: skip


@dataclass(kw_only=True)
class Args(PolicyGradientArgs):
    """Improves a policy by PPO. Options beside --preset and --resume replace theirs."""

    preset: Literal["small", "vpt"] = "small"
    """Defaults of the other options: for a small policy on a few cores, or VPT's own."""
    epochs: int = 2
    """Passes over each rollout."""
    minibatches: int = 4
    """Minibatches in a pass; each holds all ticks of some envs."""
    gamma: float = 0.999
    """Discount per tick."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation."""
    clip_range: float = 0.2
    """The probability ratio is clipped to 1 - clip_range and 1 + clip_range."""
    target_kl: float | None = 0.05
    """Leave out the further passes over a rollout once the policy is this far from the one that played it, nats."""
    value_coefficient: float = 0.5
    """Weight of the value loss."""
    entropy_coefficient: float = 0.0
    """Weight of the entropy bonus (VPT, from scratch: 0.01, without the KL term)."""
    kl_coefficient: float = 0.2
    """Weight of KL(start || policy) at first; 0 leaves the term out, as fresh weights need it."""
    kl_half_life: float = 0.5
    """Share of the run in which that weight halves."""
    sleep_cycles: int = 0
    """Auxiliary passes of PPG over each rollout, in which values train the trunk (VPT: 2). 0 is plain PPO."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(
            self,
            positive=("clip_range", "target_kl", "kl_half_life"),
            not_negative=("value_coefficient", "entropy_coefficient", "kl_coefficient"),
            shares=("gamma", "gae_lambda"),
        )
        check_kl_to_start(self.kl_coefficient, fresh=is_fresh(self.model, self.weights), name="kl_coefficient")
        if not 1 <= self.minibatches <= self.num_envs:
            raise ValueError(f"{self.minibatches} minibatches of {self.num_envs} envs: each needs at least one env")
        if self.num_envs * self.ticks < 2:
            raise ValueError("1 env and 1 tick: the standard deviation of advantages needs at least 2 ticks a rollout")
        if self.epochs < 1 or self.sleep_cycles < 0 or self.epochs + self.sleep_cycles > 6:
            raise ValueError(f"{self.epochs} epochs and {self.sleep_cycles} sleep cycles: together 1 to 6, VPT's most")


@dataclass(frozen=True)
class Batch:
    """What the losses need of N sequences of T ticks."""

    inputs: Tensor
    """Frames, uint8 [N, T, 128, 128, 3], or their features, float32 [N, T, D], if the image network is frozen."""
    first: Tensor
    """bool [N, T], True where a frame is the first of its episode."""
    codes: Tensor
    """int64 [N, T, 2], the actions (buttons, camera)."""
    log_prob: Tensor
    """float32 [N, T], nats, of the actions under the policy that played them."""
    advantage: Tensor
    """float32 [N, T], with mean 0 and standard deviation 1 over the ticks of the rollout that count."""
    value_target: Tensor
    """float32 [N, T], in the unit of the value head's output (``ValueHead.normalise``)."""
    weight: Tensor
    """float32 [N, T]; ticks of weight 0 do not count."""
    memory: Memory
    """The memory before the first tick of each sequence."""
    reference: ActionDistribution | None
    """What the policy to stay close to would do; None without a KL term."""

    def minibatches(self, count: int, generator: torch.Generator) -> Iterator[Batch]:
        """Yields parts, each of all ticks of some envs in random order.

        Sequences are never cut in time: each starts from the memory that the policy had before its first tick, and
        ``first`` separates the episodes inside it.
        """
        for rows in torch.randperm(len(self.first), generator=generator).to(self.first.device).tensor_split(count):
            tensors = {f.name: x[rows] for f in fields(self) if isinstance(x := getattr(self, f.name), Tensor)}
            reference = self.reference and ActionDistribution(*(x[rows] for x in self.reference.log_probs))
            yield Batch(**tensors, memory=self.memory.index(rows), reference=reference)


def gae(
    reward: Tensor, value: Tensor, terminated: Tensor, ended: Tensor, *, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Returns advantages and value targets, [N, T] each (Schulman et al. 2016, arXiv:1506.02438).

    A terminal state is worth 0. A truncated episode is bootstrapped from ``value``, [N, T + 1], of its last
    observation. Nothing flows back over a step at which the episode ``ended``.
    """
    error = reward + gamma * value[:, 1:] * ~terminated - value[:, :-1]
    advantage, running = torch.zeros_like(reward), torch.zeros_like(reward[:, 0])
    for t in reversed(range(reward.shape[1])):
        running = error[:, t] + gamma * gae_lambda * running * ~ended[:, t]
        advantage[:, t] = running
    return advantage, advantage + value[:, :-1]


def normalise(advantage: Tensor, played: Tensor) -> Tensor:
    """Returns advantages with mean 0 and standard deviation 1 over the ticks ``played``, bool of the same shape.

    They are 0 if fewer than two ticks were played: there is nothing to compare an action with.
    """
    known = advantage[played]
    if len(known) < 2:
        return torch.zeros_like(advantage)
    return (advantage - known.mean()) / (known.std() + 1e-8)


def ppo_loss(
    pi: ActionDistribution, value: Tensor, batch: Batch, args: Args, kl_coefficient: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Returns the loss to differentiate, and its parts, of a policy's output for a batch, ``pi`` and ``value`` [N, T].

    The value loss is not clipped, as in OpenAI's code of PPG and by default in Stable-Baselines3; CleanRL clips it.
    """
    weight, log_ratio = batch.weight, pi.log_prob(batch.codes) - batch.log_prob
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - args.clip_range, 1 + args.clip_range)
    surrogate = torch.minimum(ratio * batch.advantage, clipped * batch.advantage)
    policy_loss = -weighted_mean(surrogate, weight)
    value_loss = weighted_mean((value - batch.value_target).square(), weight)
    with torch.set_grad_enabled(args.entropy_coefficient > 0):
        entropy = weighted_mean(pi.entropy(), weight)
    loss = policy_loss + args.value_coefficient * value_loss - args.entropy_coefficient * entropy
    parts = {"loss/policy": policy_loss, "loss/value": value_loss, "loss/entropy": entropy}
    if batch.reference is not None:
        parts["loss/kl_to_start"] = kl = weighted_mean(batch.reference.kl(pi), weight)
        loss = loss + kl_coefficient * kl
    with torch.no_grad():  # approx_kl: the k3 estimator of KL(old policy || policy)
        parts["loss/approx_kl"] = weighted_mean(ratio - 1 - log_ratio, weight)
        parts["loss/clip_fraction"] = weighted_mean(((ratio - 1).abs() > args.clip_range).float(), weight)
    return loss, parts


class PPO:
    """The learner: the policy, the start policy and the optimizer."""

    def __init__(self, agent: VPTAgent, args: Args) -> None:
        self.args, self.policy = args, agent.policy
        self.start = copy.deepcopy(agent.policy).requires_grad_(False) if args.kl_coefficient > 0 else None
        self.start_digest = weights_digest(agent.policy)
        self.start_memory: Memory | None = None
        if args.freeze:
            freeze(self.policy, args.freeze)
        for policy in (self.policy, self.start):
            if policy is not None:
                policy.set_precision(args.train_precision)
        self.auxiliary = nn.Linear(self.policy.config.hidsize, 1).to(args.device)  # PPG's second value, on the trunk
        self.parameters = [p for p in self.policy.parameters() if p.requires_grad]
        self.parameters += list(self.auxiliary.parameters()) if args.sleep_cycles else []
        self.optimizer = ScheduledAdam(self.parameters, args)
        self.generator = torch.Generator().manual_seed(args.seed)
        self.demos = DemoTerm(args.demos, seed=args.seed) if args.demos else None
        self.value_warmup = ValueWarmUp(self.policy.value_head, partial(gae, gamma=args.gamma, gae_lambda=1.0), args)

    @property
    def warm(self) -> bool:
        """Whether the warm-up of the value head is over."""
        return self.value_warmup.done

    def warm_up(self, rollout: Rollout, inputs: Tensor) -> dict[str, float]:
        """Fits the value head alone to the returns of all rollouts so far: the start policy plays them all."""
        latent, _ = in_parts(self.policy.net, inputs, rollout.first, rollout.memory)
        return self.value_warmup.fit(rollout, latent)

    def learn(self, rollout: Rollout, inputs: Tensor, progress: float) -> dict[str, float]:
        """Makes the passes over one rollout; ``progress`` is the share of the run that is over, in [0, 1]."""
        args, policy, head = self.args, self.policy, self.policy.value_head
        steps = rollout.reward, rollout.value, rollout.terminated, rollout.ended
        advantage, target = gae(*steps, gamma=args.gamma, gae_lambda=args.gae_lambda)
        played = rollout.weight > 0
        # over all envs, as in OpenAI's code of PPG: in a minibatch of a few envs, or of one, the mean would take away
        # how well these fared beside the others
        normalised = normalise(advantage, played)
        self.value_warmup.move_statistics(target[played])
        reference = None
        if self.start is not None:
            memory = self.start_memory or rollout.memory  # at first, this policy is the start policy
            latent, self.start_memory = in_parts(self.start.net, inputs, rollout.first, memory)
            reference = self.start.pi_head(latent)
        batch = Batch(
            inputs, rollout.first, rollout.codes, rollout.log_prob, normalised,
            head.normalise(target), rollout.weight, rollout.memory, reference,
        )  # fmt: skip
        kl_coefficient = args.kl_coefficient * 0.5 ** (progress / args.kl_half_life)
        self.optimizer.progress = progress
        losses: dict[str, list[float]] = {}
        for _ in range(args.epochs):
            distances = []
            for part in batch.minibatches(args.minibatches, self.generator):
                latent, _ = policy.net(part.inputs, part.first, part.memory)
                # PPG keeps the gradient of the value from the trunk while the policy learns
                value = head(latent.detach() if args.sleep_cycles else latent)
                loss, terms = ppo_loss(policy.pi_head(latent), value, part, args, kl_coefficient)
                if self.demos is not None:
                    terms["loss/bc"] = bc = self.demos.loss(policy)
                    loss = loss + args.bc_coefficient * 0.5 ** (progress / args.bc_half_life) * bc
                self.optimizer.step(loss)
                for name, term in terms.items():
                    losses.setdefault(name, []).append(term.item())
                distances.append(losses["loss/approx_kl"][-1])
            if args.target_kl is not None and sum(distances) / len(distances) > args.target_kl:
                break
        if args.sleep_cycles:
            self.sleep(batch, losses)
        variance = explained_variance(rollout.value[:, :-1], target, rollout.weight)
        metrics = {name: sum(values) / len(values) for name, values in losses.items()}
        metrics |= {} if variance is None else {"value/explained_variance": variance}
        return metrics | {"train/learning_rate": self.optimizer.lr}

    def sleep(self, batch: Batch, losses: dict[str, list[float]]) -> None:
        """Makes PPG's auxiliary passes: the value trains the trunk, and the policy is held where it is."""
        args = self.args
        losses |= auxiliary_phase(
            self.policy, self.auxiliary, batch, lambda held: held.minibatches(args.minibatches, self.generator),
            self.optimizer.step, cycles=args.sleep_cycles,
        )  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint holds of the learner."""
        parts = {name: getattr(self, name).state_dict() for name in ("policy", "auxiliary", "optimizer")}
        demos = None if self.demos is None else self.demos.state_dict()
        others = {"warm": self.warm, "demos": demos, "generator": self.generator.get_state()}
        return parts | others | {"start": self.start_digest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a ``state_dict``.

        Raises:
            ValueError: There is a KL term, but the start policy is not that of the state, or the demos are others.
        """
        # not in the state itself, which would double it: --model is read again, and may be another by now
        start = state.get("start")  # None in a state from before it was kept
        if self.start is not None:
            check_same_weights(
                self.start_digest, start, named=f"--model {self.args.model}",
                role="the KL term keeps the policy near",
                remedy="give it the --model, --weights and --seed that it began with, or leave the term out with "
                "--kl-coefficient 0",
            )  # fmt: skip
        self.start_digest = start or self.start_digest
        load_weights(self.policy, state["policy"])
        for name in ("auxiliary", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.generator.set_state(state["generator"])
        self.value_warmup.done |= state["warm"]  # it may have ended by the options: --warmup-iterations 0
        if self.demos is not None and state["demos"] is not None:  # None: --demos is new in this part of the run
            self.demos.load_state_dict(state["demos"])


def train(agent: VPTAgent, args: Args, run: Run, console: Console) -> dict[str, float]:
    """Improves the agent's policy in place, and returns the ticks that were played and the seconds that it took."""
    learner, monitor, checkpoint = PPO(agent, args), LatentMonitor(agent.policy), run.checkpoint()
    state: dict[str, Any] = {} if checkpoint is None else checkpoint.state
    if checkpoint is not None:
        learner.load_state_dict(state["learner"])
    counters, best = Counters.of(state), BestAgent(run.directory / "best", state.get("best", ()))
    playing = open_collector(
        agent.policy, partial(make_env, args), training_worlds("ppo", args.seed),
        num_envs=args.num_envs, seed=args.seed, kind=args.vector, ray=args.ray, state=state.get("collector"),
    )  # fmt: skip
    with playing as collector, progress_bar(console) as bar:
        task = bar.add_task("PPO", total=1.0, state="")
        while (progress := counters.progress(args)) < 1.0:
            begun = time.perf_counter()
            rollout = collector.collect(args.ticks)
            inputs = network_inputs(agent.policy, rollout)  # features if the image network is frozen
            warming_up = not learner.warm
            metrics = learner.warm_up(rollout, inputs) if warming_up else learner.learn(rollout, inputs, progress)
            metrics["value/warming_up"] = float(warming_up)
            if counters.iteration % 20 == 0:
                metrics |= monitor.measure(inputs, rollout.first, rollout.memory)
            metrics |= counters.add(ticks=rollout.first.numel(), seconds=time.perf_counter() - begun)
            metrics |= episode_metrics(collector.episodes)
            iteration, last, better = counters.iteration, counters.progress(args) >= 1.0, False
            if args.validate_every and (iteration % args.validate_every == 0 or last):
                validation = evaluate(agent, args.env.make, SEEDS["validation"][: args.validation_episodes])
                metrics |= {"validation/success": validation.rate, "validation/mean_ticks": validation.mean_ticks}
                better = best.offer(agent, *score_of(validation.rate, validation.mean_ticks))
            run.log(iteration, metrics)
            if iteration % args.checkpoint_every == 0 or last or better:  # better: best/ has changed, and its score
                parts = {"learner": learner.state_dict(), "collector": collector.state_dict()}
                run.save_checkpoint(iteration, {**vars(counters), **parts, "best": best.score})
            phase = "value warm-up, " if warming_up else ""
            success = f"success {metrics['rollout/success']:.0%}, " if "rollout/success" in metrics else ""
            bar.update(task, completed=progress, state=f"{phase}{success}{counters}")
    if not learner.optimizer.updates:
        console.print(
            f"[yellow]the policy is still the one that the run began with: all {counters.iteration} iterations only "
            "fitted the value head. Give more --iterations or --seconds, or lower --warmup-iterations[/yellow]"
        )
    agent.policy.set_precision("fp32")
    return {"ticks": counters.ticks, "train_seconds": round(counters.seconds, 1)}


def main(args: Args) -> None:
    """Evaluates, trains, evaluates again, and writes agent, metrics and results to the directory of the run."""
    torch.manual_seed(args.seed)
    console = Console()
    agent = load_agent(args.model, args.weights, seed=args.seed, device=args.device, precision=args.precision)
    with Run("ppo", args) as run:
        if args.demos:
            args = replace(args, demos=tuple(run.demos(find_paths(args.demos))))
            warn_if_elsewhere(args.demos, (args.env,), console)
        results = run.results()  # of a run that is resumed
        if args.eval_episodes and "start" not in results:
            start, results["start"] = final_figures(agent, args)
            console.print(f"start: {start}")
            run.write_results(results)
        results |= train(agent, args, run, console)
        agent.save_pretrained(run.directory / "agent")
        if args.eval_episodes:
            after, results["after PPO"] = final_figures(agent, args)
            console.print(f"after PPO, {results['ticks']:,} ticks: {after}")
        run.write_results(results)
        console.print(f"agent, metrics, results and checkpoints: {run.directory}")


if __name__ == "__main__":
    main(parse(Args, presets=PRESETS))
