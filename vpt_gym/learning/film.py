"""Films an agent: a video of some episodes, and a GIF of the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import imageio.v3 as iio
import numpy as np

from vpt_gym.demos.files.video import VideoWriter
from vpt_gym.frames import Frame

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent

_PAUSE = 10  # ticks for which the last frame of an episode stays in the video


def film(agent: VPTAgent, make_env: Callable[[], gym.Env[Any, Any]], seeds: Sequence[int], path: Path) -> None:
    """Plays one episode for each seed into one video, 20 frames per second, and the first into a GIF next to it.

    Args:
        agent: The agent. It samples as in an evaluation with ``sampling_seed=0``.
        make_env: Makes an env in VPT's format whose ``render`` returns frames.
        seeds: Seeds of the worlds.
        path: The ``.mp4`` file; its folder is made. The GIF has the same name with the suffix ``.gif``.

    Raises:
        ValueError: There are no seeds.
    """
    if not seeds:
        raise ValueError("no seeds to film; pass for example SEEDS['validation'][:3]")
    path.parent.mkdir(parents=True, exist_ok=True)
    env = make_env()
    video: VideoWriter | None = None
    first_episode: list[Frame] = []
    try:
        for seed in seeds:
            for frame in _episode(agent, env, seed):
                video = video or VideoWriter(path, (frame.shape[0], frame.shape[1]))
                video.append(frame)
                if seed == seeds[0]:
                    first_episode.append(frame)
    finally:
        env.close()
        if video is not None:
            video.close()
    # every second frame: 10 per second, half the size
    iio.imwrite(path.with_suffix(".gif"), np.stack(first_episode[:-_PAUSE:2]), duration=100, loop=0)


def _episode(agent: VPTAgent, env: gym.Env[Any, Any], seed: int) -> Iterator[Frame]:
    """Plays an episode and yields what ``render`` shows before each action, and the end of it for a while."""
    from vpt_gym.agents.episode_generators import mixed_seed  # not above: it imports torch, as the agent has done

    obs, _ = env.reset(seed=seed)
    agent.reset(seed=mixed_seed(0, seed))
    ended = False
    while not ended:
        yield np.asarray(env.render(), np.uint8)
        obs, _, terminated, truncated, _ = env.step(agent.act(obs))
        ended = terminated or truncated
    for _ in range(_PAUSE):
        yield np.asarray(env.render(), np.uint8)
