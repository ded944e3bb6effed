"""Films an agent: a video of some episodes, and a GIF of the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import imageio.v3 as iio
import numpy as np

from vpt_gym.demos.files.video import VideoWriter
from vpt_gym.frames import Frame, find_frame, packed_copy

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent

_PAUSE = 10  # ticks for which the last frame of an episode stays in the video


def film(agent: VPTAgent, make_env: Callable[[], gym.Env[Any, Any]], seeds: Sequence[int], path: Path) -> None:
    """Plays one episode for each seed into one video, 20 frames per second, and the first into a GIF next to it.

    Args:
        agent: The agent. It samples as in an evaluation with ``sampling_seed=0``.
        make_env: Makes an env in VPT's format. The video shows what its ``render`` returns or, where it does not
            render, the frame of its observation.
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
    # every second frame: 10 per second, half the size; and its end, which shows whether it succeeded, for a second
    shown = [*first_episode[:-_PAUSE:2], first_episode[-1]]
    durations = [100] * (len(shown) - 1) + [1000]
    iio.imwrite(path.with_suffix(".gif"), np.stack(shown), duration=durations, loop=0)


def _episode(agent: VPTAgent, env: gym.Env[Any, Any], seed: int) -> Iterator[Frame]:
    """Plays an episode and yields the picture before each action, and the end of it for a while."""
    from vpt_gym.agents.episode_generators import mixed_seed  # not above: it imports torch, as the agent has done

    obs, _ = env.reset(seed=seed)
    agent.reset(seed=mixed_seed(0, seed))
    ended = False
    while not ended:
        yield picture_of(env, obs)
        obs, _, terminated, truncated, _ = env.step(agent.act(obs))
        ended = terminated or truncated
    for _ in range(_PAUSE):
        yield picture_of(env, obs)


def picture_of(env: gym.Env[Any, Any], obs: Any) -> Frame:
    """Returns what ``render`` returns or, where the env does not render, the frame that the env itself returned."""
    rendered = None
    if env.render_mode == "rgb_array":
        with suppress(NotImplementedError):
            rendered = env.render()
    if rendered is not None:
        return np.asarray(rendered, np.uint8)
    source = env.get_wrapper_attr("source_observation") if env.has_wrapper_attr("source_observation") else obs
    try:
        return packed_copy(find_frame(source))
    except (TypeError, ValueError):  # VPTObsWrapper was given the key of the frame
        return packed_copy(find_frame(obs))
