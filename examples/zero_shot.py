"""Zero-shot: a VPT agent plays in an env it was not trained in; its success is counted and a video is left.

python examples/zero_shot.py --model foundation-model-1x.model --weights foundation-model-1x.weights
python examples/zero_shot.py --model runs/bc/agent --env.kwargs '{"level": "default"}' --episodes 100
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

from vpt_gym import Sampling, VPTAgent
from vpt_gym.learning.envs import EnvArgs
from vpt_gym.learning.evaluate import SEEDS, evaluate


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
    seed: int = 0
    env: EnvArgs = field(default_factory=EnvArgs)


def film(agent: VPTAgent, env_args: EnvArgs, seeds: range, path: Path, *, sampling_seed: int = 0) -> int:
    """Plays one episode for each seed, writes them into one 20 fps video, and returns how many succeeded."""
    env = env_args.make(render=True)
    agent.reset(seed=sampling_seed)
    frames, successes = [], 0
    for seed in seeds:
        obs, info = env.reset(seed=seed)
        agent.reset()
        ended = False
        while not ended:
            frames.append(np.asarray(env.render()))
            obs, _, terminated, truncated, info = env.step(agent.act(obs))
            ended = terminated or truncated
        successes += bool(info["success"])
        frames += [np.asarray(env.render())] * 10
    env.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, np.stack(frames), plugin="pyav", codec="libx264", fps=20, in_pixel_format="rgb24")
    return successes


def main(args: Args) -> None:
    """Evaluates and films."""
    console = Console()
    agent = load_agent(args.model, args.weights, args.seed)
    agent.sampling = Sampling(temperature=args.temperature)
    with Progress(console=console) as progress:
        bar = progress.add_task("playing", total=args.episodes)
        seeds = SEEDS["evaluation"][: args.episodes]
        evaluation = evaluate(
            agent, args.env.make, seeds, num_envs=args.num_envs, on_episode=lambda _: progress.advance(bar)
        )
    console.print(f"{args.env.id} {args.env.kwargs}: {evaluation}")
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "evaluation.json").write_text(json.dumps(evaluation.summary(), indent=2), encoding="utf-8")
    if args.video_episodes:
        film(agent, args.env, seeds[: args.video_episodes], args.out / "agent.mp4")
    console.print(f"figures and video: {args.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
