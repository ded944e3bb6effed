"""The worker process of ``ProcessVectorEnv``: makes a vector environment and answers the parent's requests."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from vpt_gym.resilient.child import serve
from vpt_gym.wrappers.vector.row_batches import write_rows
from vpt_gym.wrappers.vector.shared_batch import shared_batch


@dataclass(frozen=True)
class VectorDescription:
    """The attributes of the worker's vector environment that the parent copies."""

    num_envs: int
    single_observation_space: gym.Space[Any]
    single_action_space: gym.Space[Any]
    metadata: dict[str, Any]
    render_mode: str | None


class _VectorRequests:
    """The requests of a ``ProcessVectorEnv``."""

    def __init__(self) -> None:
        self.closed = False
        self._envs: Any = None
        self._shared: Any = None
        self._rows = slice(0, 0)

    def make(self, env_fn: bytes) -> VectorDescription:
        envs = pickle.loads(env_fn)()
        if not isinstance(envs, gym.vector.VectorEnv):
            raise TypeError(f"env_fn returned {envs!r} ({type(envs).__name__}); it must return a vector environment")
        self._envs = envs
        return VectorDescription(
            envs.num_envs, envs.single_observation_space, envs.single_action_space, envs.metadata, envs.render_mode
        )

    def share(self, descriptor: int, first: int, total: int) -> None:
        self._rows = slice(first, first + self._envs.num_envs)
        self._shared = shared_batch(self._envs.single_observation_space, total, descriptor)
        os.close(descriptor)

    def reset(self, seed: Any, options: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        observations, infos = self._envs.reset(seed=seed, options=options)
        return self._written(observations), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        observations, *others = self._envs.step(actions)
        return self._written(observations), *others

    def _written(self, observations: Any) -> Any:
        """Writes the observations to the shared memory; returns those that cannot be there."""
        if self._shared is None:
            return observations
        write_rows(self._shared, self._rows, observations)
        return None

    def render(self) -> Any:
        return self._envs.render()

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._envs.call(name, *args, **kwargs)

    def get_attr(self, name: str) -> Any:
        return self._envs.get_attr(name)

    def set_attr(self, name: str, values: list[Any]) -> None:
        self._envs.set_attr(name, values)

    def close(self) -> None:
        self.closed = True
        if self._envs is not None:
            self._envs.close()


def main() -> None:
    """Runs the worker."""
    serve(_VectorRequests())
