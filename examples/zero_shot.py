"""Zero-shot: a VPT agent plays in an env it was not trained in; its success is counted and a video is left.

python examples/zero_shot.py --model foundation-model-1x.model --weights foundation-model-1x.weights
python examples/zero_shot.py --model runs/bc/agent --env-kwargs '{"level": "default"}' --episodes 100
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import tyro
from bc import load_agent
from rich.console import Console
from rich.progress import Progress

from vpt_gym import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.files.video import VideoWriter
from vpt_gym.learning.evaluate import evaluate


@dataclass
class Args:
    """Zero-shot play."""

    model: str
    """A folder of a saved agent, a .model file, or a size ("nano", "1x", ...) for fresh weights."""
    weights: Path | None = None
    """The .weights file that goes with a .model file."""
    out: Path = Path("runs/zero_shot")
    """Where the figures and the video go."""
    episodes: int = 50
    """Episodes, each in a world of its own."""
    num_envs: int = 16
    video_episodes: int = 3
    """Episodes in the video; 0 leaves it out."""
    temperature: float = 1.0
    """Sampling temperature."""
    device: str = "cpu"
    """Where the policy runs, for example "cuda"."""
    seed: int = 0
    env: EnvArgs = field(default_factory=EnvArgs)


def film(agent: VPTAgent, env_args: EnvArgs, seeds: range, path: Path) -> None:
    """Plays one episode for each seed into one 20 fps video, and the first of them into a GIF beside it."""
    env = env_args.make(render=True)
    agent.reset(seed=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    video, first_episode = None, []
    for seed in seeds:
        obs, _ = env.reset(seed=seed)
        agent.reset()
        ended = False
        while not ended:
            frame = np.asarray(env.render())
            video = video or VideoWriter(path, frame.shape[:2])
            video.append(frame)
            if seed == seeds[0]:
                first_episode.append(frame)
            obs, _, terminated, truncated, _ = env.step(agent.act(obs))
            ended = terminated or truncated
        for _ in range(10):
            video.append(np.asarray(env.render()))
    env.close()
    if video is not None:
        video.close()
    iio.imwrite(path.with_suffix(".gif"), np.stack(first_episode[::2]), duration=100, loop=0)


def main(args: Args) -> None:
    """Evaluates and films."""
    console = Console()
    agent = load_agent(args.model, args.weights, args.seed, temperature=args.temperature, device=args.device)
    with Progress(console=console) as progress:
        bar = progress.add_task("playing", total=args.episodes)
        seeds = SEEDS["evaluation"][: args.episodes]
        evaluation = evaluate(
            agent, args.env.make, seeds, num_envs=args.num_envs, on_episode=lambda _: progress.advance(bar)
        )
    console.print(f"{args.env.id} {args.env.arguments}, temperature {args.temperature:g}: {evaluation}")
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "evaluation.json").write_text(json.dumps(evaluation.summary(), indent=2), encoding="utf-8")
    if args.video_episodes:
        film(agent, args.env, seeds[: args.video_episodes], args.out / "agent.mp4")
    console.print(f"figures and video: {args.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
