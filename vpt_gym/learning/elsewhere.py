"""Whether an agent that learns from demos plays where they were recorded."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator
from rich.console import Console

from vpt_gym.collect.envs import EnvArgs
from vpt_gym.demos.dataset.loading import find_paths
from vpt_gym.demos.files.names import DemoError, read_metadata
from vpt_gym.system.json_text import as_read

INTERFACE = frozenset(
    {
        *("actions", "cam_interval", "dense_reward", "image_size", "max_episode_steps", "observations", "render_mode"),
        *("lean", "reset_timeout", "resilient", "statistics", "step_timeout"),
    }
)
"""Arguments that do not change what is to be done and in which world: actions and observations, rewards, limits."""
_NAMED = 3
"""Environments of demos that a warning names."""


class _Place(NamedTuple):
    """An environment: its id, and its arguments as JSON values."""

    env_id: str
    kwargs: Mapping[str, Any]

    def differs_from(self, other: _Place) -> list[str]:
        """Returns the arguments that both state and that differ, except those of the interface."""
        shared = (self.kwargs.keys() & other.kwargs.keys()) - INTERFACE
        return sorted(key for key in shared if self.kwargs[key] != other.kwargs[key])

    def text(self, keys: Sequence[str]) -> str:
        """Returns the id with some of the arguments."""
        said = ", ".join(f"{key} {json.dumps(self.kwargs[key])}" for key in keys)
        return f"{self.env_id} with {said}" if said else self.env_id


def warn_if_elsewhere(demos: Sequence[Path], envs: Sequence[EnvArgs], console: Console) -> None:
    """Prints a warning for each environment in which an agent is to play, and in which no demo was recorded.

    Demos whose environment is unknown do not count. Nothing is printed if all are.

    Args:
        demos: Directories of demos, or single demos.
        envs: The environments in which the agent plays, in the training or after it.
        console: Where it is printed.
    """
    recorded = [place for path in find_paths(list(demos)) if (place := _place_of(path)) is not None]
    for env in envs:
        if text := _elsewhere(recorded, env):
            console.print(text, style="yellow", markup=False, highlight=False)


def _elsewhere(recorded: Sequence[_Place], env: EnvArgs) -> str:
    """Returns the warning about one environment; empty if it is that of a demo, or that of all demos is unknown."""
    defaults = _defaults_of(env.name)
    here = _Place(env.name, defaults | as_read(dict(env.arguments), repr))
    same = [_Place(place.env_id, {**defaults, **place.kwargs}) for place in recorded if place.env_id == here.env_id]
    differing = [here.differs_from(place) for place in same]
    if not recorded or not all(differing):
        return ""
    named = {place.text(keys) for place, keys in zip(same, differing, strict=True)}
    nearest = sorted(named or {place.env_id for place in recorded})
    more = f" and {len(nearest) - _NAMED} more" if len(nearest) > _NAMED else ""
    return (
        f"the demos are of {', '.join(nearest[:_NAMED])}{more}, but the agent plays in "
        f"{here.text(sorted(set().union(*differing)))}: --env and --env-kwargs choose where it plays"
    )


def _place_of(demo: Path) -> _Place | None:
    """Returns where a demo was recorded, None if it is unknown."""
    try:
        metadata = read_metadata(demo) if demo.suffix == ".json" else {}
    except DemoError:  # the data set reports damaged demos and skips them
        return None
    env_id, kwargs = metadata.get("env_id"), metadata.get("env_kwargs")
    return _Place(env_id, kwargs if isinstance(kwargs, dict) else {}) if isinstance(env_id, str) else None


def _defaults_of(name: str) -> dict[str, Any]:
    """Returns the arguments that a registered environment has by default; empty if it is not registered yet."""
    spec = gym.registry.get(name)
    if spec is None or spec.entry_point is None:
        return {}
    creator = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    parameters = inspect.signature(creator).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    values: dict[str, Any] = as_read({**defaults, **spec.kwargs}, repr)  # as the metadata of demos hold them
    return values
