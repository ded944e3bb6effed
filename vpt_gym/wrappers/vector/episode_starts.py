"""Tracks which observations of a vector environment are the first of their episodes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorWrapper


class EpisodeStarts(VectorWrapper):
    """Reports to an agent where episodes begin, in each of Gymnasium's three autoreset modes.

    * ``NEXT_STEP``: the step after an episode's end ignores its action and returns the next episode's first
      observation.
    * ``SAME_STEP``: the step that ends an episode returns the next episode's first observation.
    * ``DISABLED``: environments are reset by ``reset(options={"reset_mask": mask})``.

    Nothing else is changed::

        def make():
            return VPTActionWrapper(VPTObsWrapper(gym.make("vpt_gym/Harvest1Log-v0")))

        envs = EpisodeStarts(ThreadVectorEnv([make] * 8))  # or any other vector env
        obs, info = envs.reset(seed=0)
        agent.reset(seed=0)
        while True:
            obs, reward, terminated, truncated, info = envs.step(agent.act(obs, first=envs.first))

    Args:
        env: The vector environment.

    Attributes:
        first: (N,) bool, True where the last returned observation is the first of its episode. All False before the
            first ``reset``.
        played: (N,) bool, False where the last step only reset its environment (``NEXT_STEP``): its action was
            ignored and its reward has no meaning. Learners leave such steps out.

    Raises:
        TypeError: ``env`` is not a vector environment.
        ValueError: Its ``metadata["autoreset_mode"]`` is missing.
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
        if not isinstance(env, gym.vector.VectorEnv):
            raise TypeError(
                f"EpisodeStarts needs a gymnasium.vector.VectorEnv, got {type(env).__name__}. One environment "
                "needs no EpisodeStarts: call agent.reset() at each episode"
            )
        mode = env.metadata.get("autoreset_mode")
        if not isinstance(mode, AutoresetMode):
            raise ValueError(
                f"metadata['autoreset_mode'] is {mode!r}; it must be a gymnasium.vector.AutoresetMode, which "
                "determines when the environment resets"
            )
        super().__init__(env)
        self._mode = mode
        self._ended = np.zeros(env.num_envs, np.bool_)
        self.first: npt.NDArray[np.bool_] = np.zeros(env.num_envs, np.bool_)
        self.played: npt.NDArray[np.bool_] = np.ones(env.num_envs, np.bool_)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets all environments, or those where ``options["reset_mask"]``, (N,) bool, is True."""
        mask = (options or {}).get("reset_mask")
        reset = np.ones(self.num_envs, np.bool_) if mask is None else np.array(mask, np.bool_)
        result = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type] # lists are allowed too
        self.first = self.first | reset  # a first observation of another environment may still wait for its action
        self.played = np.ones(self.num_envs, np.bool_)
        self._ended = self._ended & ~reset
        return result

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Steps all environments."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        before, self._ended = self._ended, np.asarray(terminated | truncated, np.bool_)
        none = np.zeros(self.num_envs, np.bool_)
        self.first = {
            AutoresetMode.NEXT_STEP: before,
            AutoresetMode.SAME_STEP: self._ended,
            AutoresetMode.DISABLED: none,
        }[self._mode].copy()
        self.played = ~before if self._mode is AutoresetMode.NEXT_STEP else ~none
        return observations, rewards, terminated, truncated, infos
