"""Choices for an environment that takes its own actions: for policies with heads for its action space."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from vpt_gym.actions.choices import action_sizes, from_choices
from vpt_gym.wrappers._wrapped_env import require_gymnasium


class ChoicesActionWrapper(gym.ActionWrapper[Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Takes what an agent returns whose policy has a head for the environment's action space, int64 (k,).

    Such an agent (``VPTPolicy.with_action_space``) returns one integer for each entry of an action. This wrapper turns
    them into an action of the environment: an integer for ``Discrete``, an array of its type for ``MultiDiscrete`` and
    ``MultiBinary``. Nothing is translated.

    Example:
        >>> import gymnasium as gym
        >>> from vpt_gym.wrappers import ChoicesActionWrapper
        >>> env = ChoicesActionWrapper(gym.make("vpt_gym/Harvest1Log-v0", actions="minedojo", cam_interval=15))
        >>> env.action_space
        MultiDiscrete([  3   3   4  25  25   8 244  36])

    Args:
        env: The environment to wrap; one of the old gym is converted by ``as_gymnasium``.

    Raises:
        TypeError: ``env`` is not an environment.
        ValueError: Its action space is not ``Discrete``, ``MultiDiscrete`` or ``MultiBinary``.

    Change log: v0.1.0 - added.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        env = require_gymnasium(env, type(self).__name__)
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.action_space = gym.spaces.MultiDiscrete(list(action_sizes(env.action_space)))

    def action(self, action: npt.ArrayLike) -> Any:
        """Returns the action of the environment that has these choices, (k,) integers.

        Raises:
            ValueError: They are not choices of its action space.
        """
        return from_choices(self.env.action_space, np.asarray(action))
