"""PPO: a VPT policy learns from reward, and stays close to the policy that it starts from.

    python examples/ppo.py --model runs/bc/agent --env-kwargs '{"level": "default"}'
    python examples/ppo.py --resume runs/ppo/20261128-210000

As in Baker et al. 2022 (arXiv:2206.11795), appendix G: a KL term to the frozen start policy, whose weight decays, takes
the place of the entropy bonus, and the value head learns first. ``--preset vpt`` has the paper's settings.
A minibatch holds all ticks of some envs and starts from the memory that the policy had before the first of them, so
that its log-probabilities at the first update are those of the rollout.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from vpt_gym.agents.agent import ActingPrecision, VPTAgent
from vpt_gym.agents.policy.heads import ActionDistribution
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.dataset import DemoDataset
from vpt_gym.learning.collectors import open_collector
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.latent_health import LatentMonitor
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.losses import bc_loss, explained_variance, weighted_mean
from vpt_gym.learning.non_finite import check_finite
from vpt_gym.learning.rollout import Rollout, episode_metrics
from vpt_gym.learning.runs.args import RunArgs, parse
from vpt_gym.learning.runs.run import Run
from vpt_gym.learning.vector_env import VectorKind
from vpt_gym.wrappers import ItemRewardWrapper

PRESETS = {
    "small": {},
    # Baker et al. 2022, tables 6 and 7: a sample is used at most 6 times. KL: 0.2 at first, halved in 1,386 iterations
    "vpt": {
        "lr": 2e-5, "weight_decay": 0.04, "schedule": "constant", "gamma": 0.999, "gae_lambda": 0.95, "clip": 0.2,
        "max_grad_norm": 5.0, "num_envs": 40, "ticks": 128, "epochs": 4, "sleep_cycles": 2, "kl_coefficient": 0.2,
        "entropy_coefficient": 0.0, "value_coefficient": 0.5, "target_kl": None,
    },
}  # fmt: skip

COLUMNS = (TextColumn("PPO"), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn())


@dataclass
class Args:
    """Improves a policy by PPO. Options beside --preset and --resume replace theirs."""

    model: str
    """Agent to start from: folder of a saved agent, .model file, or size (nano, 1x, 2x, 3x)."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    preset: Literal["small", "vpt"] = "small"
    """Defaults of the other options: for a small policy on a few cores, or VPT's own."""
    env: EnvArgs = field(default_factory=EnvArgs)
    reward: Literal["env", "diamond-pickaxe"] = "env"
    """The environment's reward, or VPT's for the items on the way to a diamond pickaxe."""
    vector: VectorKind = "auto"
    """How envs are stepped; auto: threads for the embedded world, processes for envs that wait, such as MineDojo."""
    ray: RayArgs = field(default_factory=RayArgs)
    num_envs: int = 16
    """Envs that are played at the same time."""
    ticks: int = 128
    """Ticks of a rollout in each env."""
    episode_ticks: int | None = None
    """Ticks after which an episode of the training is truncated. Evaluations keep the environment's own limit."""
    iterations: int = 1_000_000
    """Maximum number of rollouts."""
    seconds: float = 1800.0
    """Maximum time of the training, evaluations excluded. Schedules end with whichever limit comes first."""
    epochs: int = 2
    """Passes over each rollout."""
    minibatches: int = 4
    """Minibatches in a pass; each holds all ticks of some envs."""
    lr: float = 1e-4
    """Learning rate at the start."""
    schedule: Literal["constant", "linear"] = "linear"
    """Course of the learning rate: constant, or falling to 0."""
    weight_decay: float = 0.0
    """L2 penalty inside Adam."""
    max_grad_norm: float = 5.0
    """Maximum norm of the gradient."""
    gamma: float = 0.999
    """Discount per tick."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation."""
    clip: float = 0.2
    """Range of the probability ratio: 1 - clip to 1 + clip."""
    target_kl: float | None = 0.05
    """Leave out the further passes over a rollout once the policy is this far from the one that played it, nats."""
    value_coefficient: float = 0.5
    """Weight of the value loss."""
    entropy_coefficient: float = 0.0
    """Weight of the entropy bonus (VPT, from scratch: 0.01, without the KL term)."""
    kl_coefficient: float = 0.2
    """Weight of KL(start || policy) at first; 0 leaves the term out."""
    kl_half_life: float = 0.5
    """Share of the run in which that weight halves."""
    demos: tuple[Path, ...] = ()
    """Directories of demos for an imitation term, so that the policy does not forget what it was shown."""
    bc_coefficient: float = 0.1
    """Weight of the imitation term at first."""
    bc_half_life: float = 0.2
    """Share of the run in which that weight halves."""
    value_head: Literal["auto", "zero", "keep"] = "auto"
    """Start of the value head; auto: zero if it has never been trained, as after cloning, else as it is."""
    popart: bool = True
    """Move the statistics of returns by 1 % a rollout and rescale the head with them. Otherwise by 0.001 %, as VPT."""
    warmup_variance: float = 0.5
    """First only the value head learns, until it explains this share of the variance of returns..."""
    warmup_iterations: int = 8
    """... or at most for this number of rollouts; 0 for none."""
    sleep_cycles: int = 0
    """Auxiliary passes of PPG over each rollout, in which values train the trunk (VPT: 2). 0 is plain PPO."""
    freeze: tuple[str, ...] = ()
    """Parameters to keep: names with * and ?. "net.img_process.*" makes training several times as fast."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    train_precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of the convolutions, in rollouts too; bf16 is faster where the processor has the instructions."""
    precision: ActingPrecision = "auto"
    """Precision in which the agent acts in evaluations. fp32: the same episodes on every machine."""
    seed: int = 0
    """Seed of the sampling, the minibatches and the worlds."""
    checkpoint_every: int = 10
    """Iterations between two checkpoints."""
    validate_every: int = 0
    """Iterations between two evaluations in validation worlds, of which the best agent is kept; 0 for none."""
    validation_episodes: int = 50
    """Episodes of such an evaluation."""
    eval_episodes: int = 50
    """Episodes in evaluation worlds before and after training, for the final figures; 0 for none."""
    run: RunArgs = field(default_factory=RunArgs)

    def __post_init__(self) -> None:
        if not 1 <= self.minibatches <= self.num_envs:
            raise ValueError(f"{self.minibatches} minibatches of {self.num_envs} envs: each needs at least one env")
        if self.episode_ticks is not None and self.episode_ticks < 1:
            raise ValueError(f"episode_ticks is {self.episode_ticks}; it must be at least 1, or None for no limit")
        if self.epochs < 1 or self.sleep_cycles < 0 or self.epochs + self.sleep_cycles > 6:
            raise ValueError(f"{self.epochs} epochs and {self.sleep_cycles} sleep cycles: together 1 to 6, VPT's most")


@dataclass(frozen=True)
class Batch:
    """What the losses need of N sequences of T ticks. ``inputs`` are frames, or features if the image net is frozen."""

    inputs: Tensor
    first: Tensor
    codes: Tensor
    log_prob: Tensor
    advantage: Tensor
    value_target: Tensor
    weight: Tensor
    memory: Memory
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


def ppo_loss(
    pi: ActionDistribution, value: Tensor, batch: Batch, args: Args, kl_coefficient: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Returns the loss to differentiate, and its parts; ``value`` and ``batch.value_target`` are normalised."""
    weight, log_ratio = batch.weight, pi.log_prob(batch.codes) - batch.log_prob
    ratio = log_ratio.exp()
    surrogate = torch.minimum(ratio * batch.advantage, ratio.clamp(1 - args.clip, 1 + args.clip) * batch.advantage)
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
        parts["loss/clip_fraction"] = weighted_mean(((ratio - 1).abs() > args.clip).float(), weight)
    return loss, parts


@torch.no_grad()
def in_parts(net: nn.Module, inputs: Tensor, first: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
    """Returns the latent of N sequences and the memory after them, a few sequences at a time to save memory."""
    parts = [net(inputs[r], first[r], memory.index(r)) for r in torch.arange(len(first)).split(4)]
    after = (torch.cat([getattr(part, f.name) for _, part in parts]) for f in fields(Memory))
    return torch.cat([latent for latent, _ in parts]), Memory(*after)


class PPO:
    """The learner: the policy, the start policy and the optimizer."""

    def __init__(self, agent: VPTAgent, args: Args) -> None:
        self.args, self.policy = args, agent.policy
        self.start = copy.deepcopy(agent.policy).requires_grad_(False)
        self.start_memory: Memory | None = None
        if args.freeze:
            freeze(self.policy, args.freeze)
        for policy in (self.policy, self.start):
            policy.set_precision(args.train_precision)
        head = self.policy.value_head
        if args.value_head == "zero" or (args.value_head == "auto" and head.normalizer.empty):
            nn.init.zeros_(head.linear.weight)
            nn.init.zeros_(head.linear.bias)
        self.auxiliary = nn.Linear(self.policy.config.hidsize, 1).to(args.device)  # PPG's second value, on the trunk
        self.parameters = [p for p in self.policy.parameters() if p.requires_grad]
        self.parameters += list(self.auxiliary.parameters()) if args.sleep_cycles else []
        # a large eps: the gradients of actions that are hardly ever sampled are noise, which Adam would scale up
        self.optimizer = torch.optim.Adam(self.parameters, args.lr, eps=1e-5, weight_decay=args.weight_decay)
        self.generator = torch.Generator().manual_seed(args.seed)
        self.dataset = DemoDataset(args.demos, seq_len=16, batch_size=8, seed=args.seed) if args.demos else None
        self.warm, self.warm_data, self.updates = args.warmup_iterations == 0, [], 0

    def features(self, rollout: Rollout) -> Tensor:
        """Returns the frames, or the features of an image network that is frozen, so that no pass repeats it."""
        if any(p.requires_grad for p in self.policy.net.img_process.parameters()):
            return rollout.frames
        with torch.no_grad():
            return torch.stack([self.policy.encode(row) for row in rollout.frames])

    def move_statistics(self, returns: Tensor, decay: float) -> None:
        """Updates the statistics of the returns in the value head."""
        head = self.policy.value_head
        head.adapt(returns, decay=decay) if self.args.popart else head.update(returns)

    def warm_up(self, rollout: Rollout, inputs: Tensor) -> dict[str, float]:
        """Fits the value head alone to the returns of all rollouts so far: the start policy plays them all."""
        head, args = self.policy.value_head, self.args
        with torch.no_grad():
            latent, _ = in_parts(self.policy.net, inputs, rollout.first, rollout.memory)
        self.warm_data.append(replace(rollout, frames=latent))
        names = ("frames", "weight", "reward", "terminated", "ended")
        latent, weight, *steps = (torch.cat([getattr(r, name) for r in self.warm_data], 1) for name in names)
        optimizer = torch.optim.Adam(head.linear.parameters(), 1e-3)
        for step in range(200):
            if step % 20 == 0:  # lambda is 1: the rewards themselves, and values only where they are cut off
                with torch.no_grad():
                    value = torch.cat([head.denormalise(head(latent)), rollout.value[:, -1:]], 1)
                _, target = gae(steps[0], value, *steps[1:], gamma=args.gamma, gae_lambda=1.0)
                if step == 0:
                    new = slice(-args.ticks, None)
                    variance = explained_variance(rollout.value[:, :-1], target[:, new], weight[:, new])
                    self.move_statistics(target[weight > 0], decay=0.0)
            loss = weighted_mean((head(latent) - head.normalise(target)).square(), weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.warm = (variance or 0.0) >= args.warmup_variance or len(self.warm_data) == args.warmup_iterations
        if self.warm:
            self.warm_data.clear()
        return {"loss/value": loss.item()} | ({} if variance is None else {"value/explained_variance": variance})

    def learn(self, rollout: Rollout, inputs: Tensor, progress: float) -> dict[str, float]:
        """Makes the passes over one rollout; ``progress`` is the share of the run that is over, in [0, 1]."""
        args, policy, head = self.args, self.policy, self.policy.value_head
        steps = rollout.reward, rollout.value, rollout.terminated, rollout.ended
        advantage, target = gae(*steps, gamma=args.gamma, gae_lambda=args.gae_lambda)
        played = rollout.weight > 0
        self.move_statistics(target[played], decay=0.99)
        reference = None
        if args.kl_coefficient > 0:
            memory = self.start_memory or rollout.memory  # at first, this policy is the start policy
            latent, self.start_memory = in_parts(self.start.net, inputs, rollout.first, memory)
            reference = self.start.pi_head(latent)
        batch = Batch(
            inputs, rollout.first, rollout.codes, rollout.log_prob,
            (advantage - advantage[played].mean()) / (advantage[played].std() + 1e-8),
            head.normalise(target), rollout.weight, rollout.memory, reference,
        )  # fmt: skip
        kl_coefficient = args.kl_coefficient * 0.5 ** (progress / args.kl_half_life)
        for group in self.optimizer.param_groups:
            group["lr"] = args.lr * (1.0 if args.schedule == "constant" else 1.0 - progress)
        losses: dict[str, list[float]] = {}
        for _ in range(args.epochs):
            distances = []
            for part in batch.minibatches(args.minibatches, self.generator):
                latent, _ = policy.net(part.inputs, part.first, part.memory)
                # PPG keeps the gradient of the value from the trunk while the policy learns
                value = head(latent.detach() if args.sleep_cycles else latent)
                loss, terms = ppo_loss(policy.pi_head(latent), value, part, args, kl_coefficient)
                if self.dataset is not None:
                    frames, codes, first, weight = (x.to(args.device) for x in self.dataset.next_batch())
                    terms["loss/bc"] = bc = bc_loss(policy(frames, first).pi, codes, weight)
                    loss = loss + args.bc_coefficient * 0.5 ** (progress / args.bc_half_life) * bc
                self.step(loss)
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
        return metrics | {"train/lr": self.optimizer.param_groups[0]["lr"]}

    def sleep(self, batch: Batch, losses: dict[str, list[float]]) -> None:
        """Makes PPG's auxiliary passes (Cobbe et al. 2020, arXiv:2009.04416), with VPT's weights 0.5, 0.5 and 1.0.

        The value trains the trunk, and the policy is held where it is.
        """
        policy = self.policy
        latent, _ = in_parts(policy.net, batch.inputs, batch.first, batch.memory)
        with torch.no_grad():
            batch = replace(batch, reference=policy.pi_head(latent))
        for _ in range(self.args.sleep_cycles):
            for part in batch.minibatches(self.args.minibatches, self.generator):
                latent, _ = policy.net(part.inputs, part.first, part.memory)
                values = policy.value_head(latent), self.auxiliary(latent).squeeze(-1)
                value, auxiliary = (weighted_mean((v - part.value_target).square(), part.weight) for v in values)
                kl = weighted_mean(part.reference.kl(policy.pi_head(latent)), part.weight)
                self.step(0.5 * value + 0.5 * auxiliary + 1.0 * kl)
                losses.setdefault("loss/sleep_value", []).append(value.item())
                losses.setdefault("loss/sleep_kl", []).append(kl.item())

    def step(self, loss: Tensor) -> None:
        """Makes a step of the optimizer."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.updates += 1
        check_finite(self.updates, loss, nn.utils.clip_grad_norm_(self.parameters, self.args.max_grad_norm))
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint holds of the learner."""
        parts = {name: getattr(self, name).state_dict() for name in ("policy", "auxiliary", "optimizer")}
        demos = None if self.dataset is None else self.dataset.state_dict()
        counters = {"warm": self.warm, "updates": self.updates}
        return parts | counters | {"demos": demos, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a ``state_dict``."""
        for name in ("policy", "auxiliary", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.generator.set_state(state["generator"])
        self.warm, self.updates = state["warm"], state["updates"]
        if self.dataset is not None:
            self.dataset.load_state_dict(state["demos"])


def make_env(args: Args) -> gym.Env[Any, Any]:
    """Makes an environment for training."""
    env = args.env if args.episode_ticks is None else args.env.with_kwargs(max_episode_steps=args.episode_ticks)
    made = env.make()
    return ItemRewardWrapper(made) if args.reward == "diamond-pickaxe" else made


def train(agent: VPTAgent, args: Args, run: Run, console: Console) -> dict[str, float]:
    """Improves the agent's policy in place, and returns the ticks that were played and the seconds that it took."""
    learner, checkpoint = PPO(agent, args), run.checkpoint()
    state = {"iteration": 0, "ticks": 0, "seconds": 0.0, "best": -1.0} if checkpoint is None else checkpoint.state
    if checkpoint is not None:
        learner.load_state_dict(state["learner"])
    monitor, best = LatentMonitor(agent.policy), state["best"]
    iteration, ticks, seconds = state["iteration"], state["ticks"], state["seconds"]
    playing = open_collector(
        agent.policy, partial(make_env, args), SEEDS["ppo"][args.seed % 50 * 10_000 :],
        num_envs=args.num_envs, seed=args.seed, kind=args.vector, ray=args.ray, state=state.get("collector"),
    )  # fmt: skip
    with playing as collector, Progress(*COLUMNS, console=console) as bar:
        task = bar.add_task("PPO", total=1.0, state="")
        while (progress := max(iteration / args.iterations, seconds / args.seconds)) < 1.0:
            begun = time.perf_counter()
            rollout = collector.collect(args.ticks)
            inputs = learner.features(rollout)
            metrics = learner.learn(rollout, inputs, progress) if learner.warm else learner.warm_up(rollout, inputs)
            if iteration % 20 == 0:
                metrics |= monitor.measure(inputs, rollout.first, rollout.memory)
            elapsed = time.perf_counter() - begun
            iteration, ticks, seconds = iteration + 1, ticks + rollout.first.numel(), seconds + elapsed
            metrics |= episode_metrics(collector.episodes)
            metrics |= {"time/ticks": ticks, "time/ticks_per_second": rollout.first.numel() / elapsed}
            if args.validate_every and iteration % args.validate_every == 0:
                validation = evaluate(agent, args.env.make, SEEDS["validation"][: args.validation_episodes])
                metrics["validation/success"] = validation.rate
                if validation.rate > best:
                    best = validation.rate
                    agent.save_pretrained(run.directory / "best")
            run.log(iteration, metrics)
            counters = {"iteration": iteration, "ticks": ticks, "seconds": seconds, "best": best}
            if iteration % args.checkpoint_every == 0 or max(iteration / args.iterations, seconds / args.seconds) >= 1:
                parts = {"learner": learner.state_dict(), "collector": collector.state_dict()}
                run.save_checkpoint(iteration, counters | parts)
            success = f"success {metrics['rollout/success']:.0%}, " if "rollout/success" in metrics else ""
            bar.update(task, completed=progress, state=f"{success}{ticks:,} ticks, {ticks / seconds:.0f}/s")
    agent.policy.set_precision("fp32")
    return {"ticks": ticks, "train_seconds": round(seconds, 1)}


def main(args: Args) -> None:
    """Evaluates, trains, evaluates again, and writes agent, metrics and results to the directory of the run."""
    torch.manual_seed(args.seed)
    console = Console()
    agent = load_agent(args.model, args.weights, seed=args.seed, device=args.device, precision=args.precision)
    seeds = SEEDS["evaluation"][: args.eval_episodes]
    with Run("ppo", args) as run:
        path = run.directory / "results.json"
        results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}  # of a run that is resumed
        if seeds and "start" not in results:
            start = evaluate(agent, args.env.make, seeds)
            console.print(f"start: {start}")
            results["start"] = {**start.summary(), "per_episode": start.per_episode()}
            run.write_results(results)
        results |= train(agent, args, run, console)
        agent.save_pretrained(run.directory / "agent")
        if seeds:
            after = evaluate(agent, args.env.make, seeds)
            console.print(f"after PPO, {results['ticks']:,} ticks: {after}")
            results["after PPO"] = {**after.summary(), "per_episode": after.per_episode()}
        run.write_results(results)
        console.print(f"agent, metrics, results and checkpoints: {run.directory}")


if __name__ == "__main__":
    main(parse(Args, presets=PRESETS))
