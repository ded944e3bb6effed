"""The env of a training run, named on a command line: any registered id, wrapped for a VPT policy."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from vpt_gym.wrappers import RecorderWrapper, VPTActionWrapper, VPTObsWrapper


@dataclass(frozen=True)
class EnvArgs:
    """Which env to play in, for example ``--env.id vpt_gym/Harvest1Log-v0 --env.kwargs '{"level": "default"}'``."""

    id: str = "vpt_gym/Harvest1Log-v0"
    """A Gymnasium id, also ``module:id``, of an env whose actions vpt-gym knows."""
    kwargs: str | None = None
    """Arguments of the env as a JSON object; ``max_episode_steps`` works too. Default: '{"level": "easy"}' for our own
    env, none for others."""

    def __post_init__(self) -> None:
        try:
            fits = isinstance(self.arguments, dict)
        except json.JSONDecodeError:
            fits = False
        if not fits:
            raise ValueError(f"env.kwargs is {self.kwargs!r}; it must be a JSON object such as " + '{"level": "easy"}')

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the env."""
        if self.kwargs is None:
            return {"level": "easy"} if self.id == EnvArgs.id else {}
        arguments: dict[str, Any] = json.loads(self.kwargs)
        return arguments

    def with_kwargs(self, **kwargs: Any) -> EnvArgs:
        """Returns the same env with more, or other, arguments."""
        return replace(self, kwargs=json.dumps({**self.arguments, **kwargs}))

    def base(self, *, render: bool = False) -> gym.Env[Any, Any]:
        """Makes the env as it is, unwrapped by us."""
        kwargs = self.arguments
        if render:
            kwargs["render_mode"] = "rgb_array"
        env: gym.Env[Any, Any] = gym.make(self.id, **kwargs)
        return env

    def make(self, *, record_to: Path | None = None, render: bool = False) -> gym.Env[Any, Any]:
        """Makes the env in VPT's format: 128×128 frames in, VPT codes out.

        Args:
            record_to: Directory for a demo of each episode that is played to its end.
            render: Whether ``render`` gives frames.
        """
        env = self.base(render=render)
        if record_to is not None:
            env = RecorderWrapper(env, record_to, keep=lambda episode: episode.ended in ("terminated", "truncated"))
        return VPTActionWrapper(VPTObsWrapper(env))
