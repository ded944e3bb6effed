"""Distillation: a small student learns to play like a large teacher, from the states that the student visits.

    python examples/distill.py --teacher runs/dagger/log/agent
    python examples/distill.py --teacher foundation-model-1x.model --teacher-weights foundation-model-1x.weights
    python examples/distill.py --teacher runs/bc/log/agent --student.hidsize 128 --student.attention-heads 2

The student plays; the teacher follows its frames with a memory of its own. The loss is KL(teacher || student) over all
8,641 buttons and 121 camera movements: this is DAgger (Ross et al. 2011, arXiv:1011.0686) with an expert whose labels
are distributions. In the first iterations the teacher acts in a share of the ticks that falls to 0 (``--beta``).

The best student on the validation worlds is kept (``agent``). At the end, teacher and student play the same evaluation
worlds, and the time that each needs for an action is measured.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from rich.console import Console

from vpt_gym.agents.agent import ActingPrecision, VPTAgent
from vpt_gym.agents.policy.config import NAMED, VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.trainable import count_parameters
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.goals import GoalArgs
from vpt_gym.collect.identity import weights_digest
from vpt_gym.collect.rollouts import check_success_reported
from vpt_gym.collect.seeds import SEEDS, training_worlds
from vpt_gym.demos.dataset.dataset import DemoDataset
from vpt_gym.demos.dataset.loading import find_paths
from vpt_gym.learning.acting_time import acting_seconds
from vpt_gym.learning.best import BestAgent, score_of
from vpt_gym.learning.collectors import episodes_begun
from vpt_gym.learning.dagger import ConstantBeta, ExponentialBeta, LinearBeta
from vpt_gym.learning.distillation import Chunks, DemoReader, DistillationCollector, minibatches
from vpt_gym.learning.elsewhere import warn_if_elsewhere
from vpt_gym.learning.evaluate import Evaluation, evaluate
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.latent_health import LatentMonitor
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.losses import distillation_loss
from vpt_gym.learning.non_finite import check_finite
from vpt_gym.learning.optimizer import load_moments, load_weights
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges, parse
from vpt_gym.learning.runs.run import Run
from vpt_gym.learning.runs.same_weights import check_same_weights
from vpt_gym.learning.schedule import warmup_cosine
from vpt_gym.learning.vector_env import VectorKind, make_vector_env
from vpt_gym.system.command_line import optional


@dataclass
class Args:
    """Distils a teacher into a student, and compares the two."""

    teacher: str
    """Agent to learn from: folder of a saved agent, .model file, or a name such as foundation-1x."""
    teacher_weights: Path | None = None
    """The .weights file that belongs to the teacher's .model file."""
    goal: GoalArgs = field(default_factory=GoalArgs)
    student: VPTConfig = field(default_factory=lambda: NAMED["nano"])
    """Architecture of the student; the default is nano, 4.6 million parameters."""
    start: str | None = None
    """Folder of a saved agent to start from, instead of fresh weights of the student's architecture."""
    demos: Annotated[tuple[Path, ...], optional("DIR ...", "none")] = ()
    """Directories of demos whose frames are states to learn from too; their actions are not used."""
    demo_share: float = 0.25
    """Chunks from the demos in each iteration, as a share of those that the student plays; 0 without --demos."""
    iterations: int = 40
    """Times that the student plays and learns."""
    num_envs: int = 16
    """Envs that are played at the same time."""
    vector: VectorKind = "auto"
    """How they are stepped: threads suit the embedded world, processes suit games that wait, such as Minecraft."""
    chunks: int = 8
    """Chunks that are played in each env in an iteration."""
    chunk: int = 16
    """Ticks in a chunk; each starts from the memory that the student had there."""
    beta: ConstantBeta | LinearBeta | ExponentialBeta = field(default_factory=lambda: LinearBeta(4))
    """Share of ticks in which the teacher acts, by iteration, counted from 0."""
    replay: int = 6
    """Iterations whose chunks are learned from, the current one included."""
    epochs: int = 1
    """Passes over these chunks in an iteration."""
    batch_size: int = 8
    """Chunks in an update."""
    lr: float = 5e-4
    """Peak learning rate; it falls to 2 % of it along half a cosine."""
    warmup: int = 150
    """Updates over which the learning rate rises to its peak."""
    weight_decay: float = 0.01
    """Weight decay of AdamW."""
    max_grad_norm: float = 1.0
    """Maximum norm of the gradient."""
    train_precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of the convolutions in training; bf16 is faster where the processor has the instructions."""
    precision: ActingPrecision = "auto"
    """Number type in which teacher and student act. auto: the fastest on this processor."""
    device: str = "cpu"
    """Device of both policies, for example cuda."""
    seed: int = 0
    """Seed of fresh weights, the worlds, the sampling and the order of the chunks."""
    env: EnvArgs = field(default_factory=EnvArgs)
    validate_every: int = 5
    """Iterations between two evaluations in validation worlds."""
    validation_episodes: int = 20
    """Episodes of each of them."""
    eval_episodes: int = 50
    """Episodes of the final evaluation of teacher and student; 0 skips it."""
    checkpoint_every: int = 1
    """Iterations between two checkpoints. There is one too when a validation finds a better student."""
    run: RunArgs = field(default_factory=RunArgs)

    def __post_init__(self) -> None:
        counts = ("iterations", "num_envs", "chunks", "chunk", "replay", "epochs", "batch_size", "validate_every")
        check_counts(self, *counts, "validation_episodes", "checkpoint_every")
        not_negative = ("warmup", "weight_decay", "eval_episodes", "seed")
        check_ranges(self, positive=("lr", "max_grad_norm"), not_negative=not_negative)
        if not 0.0 <= self.demo_share <= 100.0:
            raise ValueError(f"demo_share is {self.demo_share}; it must be from 0 to 100")
        if self.demos and self.demo_share > 0 and not self.demo_chunks:
            raise ValueError(
                f"demo_share is {self.demo_share}, which of {self.chunks} chunks is less than one: no demo would be "
                f"read. Raise it to {1 / self.chunks:g}, or give more --chunks"
            )

    @property
    def demo_chunks(self) -> int:
        """Chunks of demos in an iteration, for each env."""
        return round(self.demo_share * self.chunks) if self.demos else 0


def main(args: Args) -> None:
    """Trains the student, saves the best one, and compares it with the teacher."""
    console = Console()
    torch.manual_seed(args.seed)
    acting = {"device": args.device, "precision": args.precision}
    teacher = load_agent(args.teacher, args.teacher_weights, goal=args.goal.chosen(), **acting)
    teacher.policy.requires_grad_(False)
    student = (
        VPTAgent.from_config(args.student, seed=args.seed, **acting)
        if args.start is None
        else load_agent(args.start, **acting)
    )
    for name, agent in (("teacher", teacher), ("student", student)):
        console.print(f"{name}: {count_parameters(agent.policy).total:,} parameters, acting in {agent.precision}")
    if args.eval_episodes:
        check_success_reported(args.env.make)
    warn_if_elsewhere(args.demos, (args.env,), console)
    with Run("distill", args) as run:
        train(student, teacher, args, run, console)
        report(teacher, args, run, console)


class Distillation:
    """The learner: the student's policy, its optimizer, and the chunks of the last iterations."""

    def __init__(self, policy: VPTPolicy, args: Args) -> None:
        self.args, self.policy, self.updates = args, policy, 0
        policy.set_precision(args.train_precision)
        self.optimizer = torch.optim.AdamW(policy.parameters(), lr=args.lr, weight_decay=args.weight_decay, fused=True)
        self.generator = torch.Generator().manual_seed(args.seed)
        self.monitor = LatentMonitor(policy)
        self.replay: deque[list[Chunks]] = deque(maxlen=args.replay)

    def learn(self, seen: list[Chunks], iteration: int) -> dict[str, float]:
        """Makes the passes over the chunks of the last iterations, with ``seen`` as the newest; returns metrics."""
        args, policy, began = self.args, self.policy, time.perf_counter()
        self.replay.append(seen)
        chunks = [part for parts in self.replay for part in parts]
        losses, norms = [], []
        for _ in range(args.epochs):
            for batch in minibatches(chunks, args.batch_size, self.generator):
                self.updates += 1
                rate = args.lr * warmup_cosine(self.updates, iteration / args.iterations, warmup=args.warmup)
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                batch = batch.to(policy.device)
                output = policy(batch.frames, batch.first, batch.memory)
                loss = distillation_loss(batch.pi, output.pi, batch.weight)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(policy.parameters(), args.max_grad_norm)
                check_finite(self.updates, loss, norm, lambda: [f"chunks played up to iteration {iteration + 1}"])
                self.optimizer.step()
                losses.append(loss.detach())
                norms.append(norm)
        frames = len(losses) * args.batch_size * args.chunk
        return {
            "train/kl": torch.stack(losses).mean().item(),
            "train/grad_norm": torch.stack(norms).mean().item(),
            "train/learning_rate": rate,
            "train/updates": self.updates,
            "time/frames_per_second": frames / (time.perf_counter() - began),
            **self.monitor.measure(batch.frames, batch.first, batch.memory),
        }

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint holds of the learner; not the replay, which begins empty after a resume."""
        parts = {"policy": self.policy.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {**parts, "updates": self.updates, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a ``state_dict``."""
        load_weights(self.policy, state["policy"])
        load_moments(self.optimizer, state["optimizer"])
        self.updates = state["updates"]
        self.generator.set_state(state["generator"])


def reader_of_demos(student: VPTAgent, teacher: VPTAgent, args: Args, run: Run, seed: int) -> DemoReader | None:
    """Returns what lets both agents see the demos; None without --demos."""
    if not args.demos:
        return None
    demos = run.demos(find_paths(args.demos)) or args.demos
    every_tick: dict[str, Any] = {"drop_null": False, "unlabelled": True}  # the teacher labels them
    dataset = DemoDataset(demos, seq_len=args.chunk, batch_size=args.num_envs, **every_tick, seed=seed)
    return DemoReader(student, teacher, dataset)


def train(student: VPTAgent, teacher: VPTAgent, args: Args, run: Run, console: Console) -> None:
    """Lets the student play and learn; the best one on the validation worlds becomes ``agent`` in the run."""
    learner, best, checkpoint = Distillation(student.policy, args), BestAgent(run.directory / "agent"), run.checkpoint()
    player = VPTAgent(student.policy, device=args.device, precision=args.precision)  # evaluations overwrite its memory
    begin, started = 0, episodes_begun(None if checkpoint is None else checkpoint.state, args.num_envs)
    teacher_digest = weights_digest(teacher.policy)
    if checkpoint is not None:
        check_same_weights(
            teacher_digest, checkpoint.state.get("teacher"), named=f"--teacher {args.teacher}",
            role="the student learns from",
            remedy=f"give it that --teacher, or begin a new run with --start {args.run.resume}/agent",
        )  # fmt: skip
        learner.load_state_dict(checkpoint.state)
        begin, best.score = checkpoint.step, tuple(checkpoint.state["best"])
    # each env has its own share of the worlds; a run that is resumed plays none again
    worlds = training_worlds("dagger", args.seed)
    seeds = [worlds[i + args.num_envs * started[i] :: args.num_envs] for i in range(args.num_envs)]
    envs = make_vector_env(args.env.make, seeds, args.vector)
    seed = args.seed + 1000 * begin
    collector = DistillationCollector(student, teacher, envs, chunk=args.chunk, seed=seed)
    reader = reader_of_demos(student, teacher, args, run, seed)
    for iteration in range(begin, args.iterations):
        began, step, beta = time.perf_counter(), iteration + 1, args.beta(iteration)
        played, agreement = collector.collect(args.chunks, beta=beta)
        seen = [played, *([] if reader is None else reader.read(args.demo_chunks))]
        speed = played.first.numel() / (time.perf_counter() - began)
        if iteration == 0 and args.start is None:  # the frequencies of the teacher's actions
            init_action_heads(student.policy, played.labels(learner.generator).numpy())
        metrics = learner.learn(seen, iteration)
        metrics |= {
            "rollout/beta": beta,
            "rollout/kl": agreement.kl,
            "rollout/overlap": agreement.overlap,
            "rollout/agreement_buttons": agreement.mode[0],
            "rollout/agreement_camera": agreement.mode[1],
            "time/ticks_per_second": speed,
        }
        if collector.successes:
            recent = collector.successes = collector.successes[-100:]
            metrics["rollout/success"] = sum(recent) / len(recent)
        better, text = False, f"iteration {step}: KL {agreement.kl:.3f} nats, overlap {agreement.overlap:.0%}"
        if step % args.validate_every == 0 or step == args.iterations:
            validation = evaluate(player, args.env.make, SEEDS["validation"][: args.validation_episodes])
            metrics |= {"validation/success": validation.rate, "validation/mean_ticks": validation.mean_ticks}
            text += f"; validation worlds: {validation}"
            better = best.offer(player, *score_of(validation.rate, validation.mean_ticks))
        run.log(step, metrics)
        console.print(text)
        if step % args.checkpoint_every == 0 or step == args.iterations or better:  # better: agent/ has changed
            now = [before + new for before, new in zip(started, collector.started, strict=True)]
            others = {"best": best.score, "started": now, "teacher": teacher_digest}
            run.save_checkpoint(step, {**learner.state_dict(), **others})
    envs.close()


def report(teacher: VPTAgent, args: Args, run: Run, console: Console) -> None:
    """Compares the best student with its teacher: success in the evaluation worlds, and time for an action."""
    student = load_agent(str(run.directory / "agent"), device=args.device, precision=args.precision)
    agents = {"teacher": teacher, "student": student}
    env = args.env.make()
    frame, _ = env.reset(seed=SEEDS["validation"][0])
    env.close()
    seconds = acting_seconds(agents, frame)
    speedup = seconds["teacher"] / seconds["student"]
    results = {"acting_seconds": seconds, "speedup": speedup}
    for name, agent in agents.items():
        results[f"{name}_parameters"] = count_parameters(agent.policy).total
    times = ", ".join(f"{name} {1e3 * value:.1f} ms" for name, value in seconds.items())
    console.print(f"time for an action: {times}; the student is {speedup:.1f} times as fast")
    if args.eval_episodes:
        seeds = SEEDS["evaluation"][: args.eval_episodes]
        played: dict[str, Evaluation] = {}
        for name, agent in agents.items():
            played[name] = evaluate(agent, args.env.make, seeds)
            results[name] = played[name].summary()
            console.print(f"{name} in the evaluation worlds: {played[name]}")
        if played["teacher"].successes:
            results["share_of_teacher"] = played["student"].rate / played["teacher"].rate
            console.print(f"the student has {results['share_of_teacher']:.0%} of the teacher's success")
    run.write_results(results)
    console.print(f"agent, metrics and results: {run.directory}")


if __name__ == "__main__":
    main(parse(Args))
