"""Converts environments of the old ``gym`` (0.21 to 0.26) to Gymnasium environments, without importing ``gym``.

Old spaces are recognised by the names of their classes, so that forks of gym, and MineDojo's own spaces, convert too.
The bare ``reset`` that some environments of Gymnasium still have, such as MineStudio's, is extended.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from vpt_gym.spaces import Choice, TextArray

TEXT_LENGTH = 40
"""Longest string of a converted array of strings, characters; Minecraft's longest item name has 29."""


def is_vector(env: Any) -> bool:
    """Returns whether ``env`` is a vector of environments: of Gymnasium, the old gym or Stable-Baselines3.

    The latter two have ``reset``, ``step`` and spaces, as one environment does, and in addition ``num_envs``.
    """
    return isinstance(env, gym.vector.VectorEnv) or (
        not isinstance(env, gym.Env) and hasattr(env, "num_envs") and hasattr(env, "step_wait")
    )


def env_name(env: gym.Env[Any, Any]) -> str:
    """Returns the id of an environment, or the name of its class if it was not made by its id.

    That of a converted environment is the old one's, not ``LegacyGymEnv``: ``"MineRLTreechop-v0 (gym)"``, which is no
    id of Gymnasium.
    """
    if env.spec is not None:
        return env.spec.id
    inner: Any = env.unwrapped
    if getattr(inner, "stands_for_wrappers", False):  # a ResilientEnv
        return str(inner.env_name)
    if type(inner) is not LegacyGymEnv:
        return type(inner).__qualname__
    inner = getattr(inner.env, "unwrapped", inner.env)
    spec = getattr(inner, "spec", None)
    return type(inner).__qualname__ if spec is None else f"{spec.id} (gym)"


def is_legacy_env(env: Any) -> bool:
    """Returns whether ``env`` has the interface of the old gym and is not a Gymnasium environment."""
    parts = ("reset", "step", "action_space", "observation_space")
    if isinstance(env, gym.Env) or is_vector(env):
        return False
    return all(hasattr(env, part) for part in parts)


def convert_space(space: Any) -> spaces.Space[Any]:
    """Returns the Gymnasium space for the values of a space of the old gym.

    ``Box``, ``Discrete``, ``MultiDiscrete``, ``MultiBinary``, ``Text``, ``Dict`` and ``Tuple`` keep their kind. Of
    MineDojo's own spaces, ``Text`` becomes ``TextArray``, ``Enum`` ``Choice``, and ``DiscreteRange`` a ``Discrete``
    with a start.

    Args:
        space: A space of the old gym, or one of Gymnasium's, which is returned unchanged.

    Raises:
        ValueError: The class of the space is unknown.
    """
    if isinstance(space, spaces.Space):
        return space
    kinds = [kind.__name__ for kind in type(space).__mro__]
    if "Dict" in kinds:
        return spaces.Dict({name: convert_space(part) for name, part in space.spaces.items()})
    if "Tuple" in kinds:
        return spaces.Tuple([convert_space(part) for part in space.spaces])
    characters = getattr(space, "character_set", getattr(space, "charset", None))  # in gym 0.26, and in 0.25
    if "Text" in kinds and characters is not None:
        return spaces.Text(int(space.max_length), min_length=int(space.min_length), charset="".join(sorted(characters)))
    if "Text" in kinds and getattr(space, "shape", None) is not None:
        return TextArray(space.shape, TEXT_LENGTH)
    if "Enum" in kinds:
        values = [str(value) for value in space.values]
        default = str(space.default)
        return Choice((default, *(value for value in values if value != default)))
    if "DiscreteRange" in kinds:
        return spaces.Discrete(int(space.end - space.begin), start=int(space.begin))
    if "Discrete" in kinds:
        return spaces.Discrete(int(space.n), start=int(getattr(space, "start", 0)))  # gym 0.21 has no start
    if "MultiDiscrete" in kinds:
        return spaces.MultiDiscrete(np.array(space.nvec, np.int64))
    if "MultiBinary" in kinds:
        return spaces.MultiBinary(space.n)
    if "Box" in kinds:
        return _box(space)
    raise ValueError(
        f"{space!r} of {type(space).__module__}.{type(space).__qualname__} is not a space of the old gym with a "
        "counterpart in Gymnasium. Write a gymnasium.Env around this environment, with spaces of Gymnasium"
    )


def _box(space: Any) -> spaces.Box:
    dtype = np.dtype(space.dtype)
    low, high = np.asarray(space.low), np.asarray(space.high)
    if dtype.kind in "iu":
        # an infinite bound becomes the smallest integer when it is cast
        smallest = np.iinfo(dtype).min
        high = np.where((high < low) | ((high == smallest) & (smallest < 0)), np.iinfo(dtype).max, high)
    return spaces.Box(low.astype(dtype), high.astype(dtype), space.shape, dtype.type)


def fitting(space: spaces.Space[Any], value: Any) -> Any:
    """Returns ``value`` in the type that ``space`` declares, which the old gym did not check.

    Entries of a ``Dict`` that the space lacks are left out. Values are not clipped.
    """
    if isinstance(space, spaces.Dict):
        return {name: fitting(part, value[name]) for name, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(fitting(part, item) for part, item in zip(space.spaces, value, strict=True))
    if isinstance(space, spaces.Discrete):
        return np.int64(np.asarray(value).item())
    if isinstance(space, spaces.Box):
        array = np.asarray(value, space.dtype)
        return np.ascontiguousarray(array) if array.ndim else array  # MineDojo's frames have negative strides
    if isinstance(space, spaces.MultiDiscrete | spaces.MultiBinary):
        return np.asarray(value, space.dtype)
    if isinstance(space, TextArray) and not isinstance(value, np.ndarray):
        return np.asarray(value, str)
    return value


_PASSED = ("seed", "options")


def _takes(env: Any, method: str, name: str) -> Literal["by name", "as any other"] | None:
    """Returns how a method of an old environment takes an argument; None if it does not.

    Wrappers of gym that take any argument pass it on, so the environment below decides.
    """
    while True:
        try:
            parameters = inspect.signature(getattr(env, method)).parameters
        except (TypeError, ValueError):  # of compiled code, which says nothing
            return None
        if name in parameters:
            return "by name"
        if all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
            return None
        if not callable(getattr(getattr(env, "env", None), method, None)):
            return "as any other"
        env = env.env


def _seed(env: Any, seed: int) -> bool:
    """Passes a seed to the method ``seed`` of an old environment; returns whether it has one.

    It need not return anything. The one that gym 0.21 gives to all environments returns None and does nothing.
    """
    method = getattr(env, "seed", None)
    if not callable(method):
        return False
    returned = method(seed)
    inner = getattr(env, "unwrapped", env)
    owner = next((kind for kind in type(inner).__mro__ if "seed" in vars(kind)), type(inner))
    return returned is not None or owner.__module__.partition(".")[0] != "gym"


class LegacyGymEnv(gym.Env[Any, Any]):
    """An environment of the old gym as a Gymnasium environment.

    ``reset`` returns ``(observation, info)`` and takes a seed; ``step`` returns five values. The spaces are converted
    (``convert_space``), and observations to the types that the spaces declare. An episode that the old ``TimeLimit``
    ended (``info["TimeLimit.truncated"]``) is ``truncated``, any other that is ``done`` is ``terminated``.

    ``info["reset"]``, from ``reset``, has ``"seed"``: ``None`` without a seed, ``"passed"`` if the environment takes
    seeds, in ``reset`` or by a method ``seed``, ``"ignored"`` if it does not, with a warning.

    Args:
        env: The environment of the old gym.

    Raises:
        ValueError: A space cannot be converted.
        TypeError: ``env`` is not an environment of the old gym.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's declared type)

    def __init__(self, env: Any) -> None:
        if not is_legacy_env(env):
            raise TypeError(f"not an environment of the old gym: {env!r}")
        self.env = env
        self.observation_space = convert_space(env.observation_space)
        self.action_space = convert_space(env.action_space)
        # since gym 0.26 the mode is chosen when the environment is made
        self._renders_in_any_mode = not hasattr(env, "render") or _takes(env, "render", "mode") is not None
        self.render_mode = "rgb_array" if self._renders_in_any_mode else getattr(env, "render_mode", None)
        metadata = getattr(env, "metadata", None) or {}
        rates = (metadata.get(name) for name in ("render_fps", "video.frames_per_second"))  # the latter until gym 0.21
        self.metadata = {
            "render_modes": [self.render_mode or "rgb_array"],
            "render_fps": next((rate for rate in rates if rate is not None), 20),
        }

    def __getattr__(self, name: str) -> Any:
        """Returns a public attribute of the old environment."""
        if name.startswith("_") or name == "env":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: Passed to the environment's ``reset`` if it takes one, as since gym 0.22; else to its ``seed``.
            options: Passed to the environment's ``reset`` if it takes them; ignored otherwise.

        Returns:
            The observation, and ``info`` with ``"reset"``.
        """
        super().reset(seed=seed)
        takes = {name: _takes(self.env, "reset", name) for name in _PASSED}
        seeded: str | None = None
        if seed is not None:
            passed = takes["seed"] == "by name" or _seed(self.env, seed) or takes["seed"] == "as any other"
            seeded = "passed" if passed else "ignored"
            if not passed:
                warnings.warn(f"{self.env} did not accept the seed {seed}; episodes cannot be repeated", stacklevel=2)
        given = {"seed": seed, "options": options}
        result = self.env.reset(**{name: given[name] for name in _PASSED if takes[name] and given[name] is not None})
        # an observation may be a tuple of two, too
        paired = isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)
        observation, info = result if paired else (result, {})
        return fitting(self.observation_space, observation), {**info, "reset": {"seed": seeded}}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Steps the old environment with one of its actions."""
        result = self.env.step(action)
        if len(result) == 5:
            observation, reward, terminated, truncated, info = result
        else:
            observation, reward, done, info = result
            truncated = bool(done and isinstance(info, Mapping) and info.get("TimeLimit.truncated", False))
            terminated = bool(done and not truncated)
        return fitting(self.observation_space, observation), float(reward), bool(terminated), bool(truncated), info

    def render(self) -> Any:
        """Returns the latest frame, (H, W, 3) uint8. Of gym 0.26, what the environment was made to return."""
        return self.env.render(mode="rgb_array") if self._renders_in_any_mode else self.env.render()

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()


class _Reset:
    """The ``reset`` of an environment, with all the arguments that Gymnasium's wrappers pass.

    Args:
        reset: The environment's own.
        taken: Those of the arguments that it takes.
    """

    def __init__(self, reset: Callable[..., Any], taken: tuple[str, ...]) -> None:
        self._reset, self._taken = reset, taken

    def __call__(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        if seed is not None and "seed" not in self._taken:
            warnings.warn(
                f"the reset of this environment takes no seed, so that {seed} changes nothing: episodes cannot be "
                "repeated",
                stacklevel=2,
            )
        given = {"seed": seed, "options": options}
        return self._reset(**{name: given[name] for name in self._taken})


def accept_reset_arguments(env: gym.Env[Any, Any]) -> None:
    """Makes ``reset`` of the innermost environment take ``seed`` and ``options``, if it does not.

    Only this instance is changed. What it does not take is left out; a seed with a warning.
    """
    inner = env.unwrapped
    try:
        parameters = inspect.signature(inner.reset).parameters
    except (TypeError, ValueError):  # of compiled code, which says nothing
        return
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    taken = tuple(name for name in _PASSED if name in parameters)
    if taken != _PASSED:
        inner.reset = _Reset(inner.reset, taken)  # type: ignore[method-assign]
