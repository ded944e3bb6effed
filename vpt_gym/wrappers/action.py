"""Actions for a VPT policy, and for people, on any known environment."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from vpt_gym.actions.chain import through_wrappers
from vpt_gym.actions.codec import code_space, decode, encode
from vpt_gym.actions.human import CheckedAction, HumanAction, human_action_space
from vpt_gym.actions.translate import Translator, translator_for
from vpt_gym.system.flags import checks_flags
from vpt_gym.wrappers._own_translator import own_translator
from vpt_gym.wrappers._source_observation import source_observation
from vpt_gym.wrappers._wrapped_env import require_gymnasium


class _TranslatingWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """The base of the two action wrappers: a translator that is reset and shown observations with the environment."""

    def __init__(self, env: gym.Env[Any, Any], translator: Translator | Literal["auto"], strict: bool) -> None:
        name = type(self).__name__
        env = require_gymnasium(env, name)
        gym.utils.RecordConstructorArgs.__init__(self, translator=translator, strict=strict)
        super().__init__(env)
        if isinstance(translator, str) and translator == "auto":
            translator = translator_for(env)
        elif not isinstance(translator, Translator):
            raise TypeError(f"translator={translator!r}; it must be 'auto' or a vpt_gym.actions.Translator")
        else:
            translator = through_wrappers(own_translator(translator, env), env)
        translator.in_use = True
        self.translator = translator
        self._over = False

        coverage = translator.coverage()
        if not coverage.complete:
            if strict:
                raise ValueError(f"strict=True, but {coverage}")
            warnings.warn(f"{name}: {coverage}", stacklevel=4)
        ticks = _ticks_per_step(env)
        if ticks > 1:
            warnings.warn(
                f"{name}: each step of this environment takes {ticks} ticks, in which one action is held; VPT acts in "
                "each tick of a twentieth of a second. Make the environment with frame_skip=1, if it can",
                stacklevel=4,
            )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment and the translator."""
        observation, info = self.env.reset(seed=seed, options=options)
        self.translator.reset()
        self._over = False
        self._observe(observation)
        return observation, info

    def _step_human(self, human: HumanAction) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        env_action = self.translator.to_env(human)
        observation, reward, terminated, truncated, info = self.env.step(env_action)
        if self._over:  # an Autoreset inside has begun an episode instead, without the action
            self.translator.reset()
        self._over = bool(terminated or truncated)
        self._observe(observation)
        if self.translator.unexpressed:
            # not in place: some environments (CraftGround) return the observation itself as info
            info = {**info, "translation": _merged(self.translator.unexpressed, info.get("translation", {}))}
        return observation, reward, terminated, truncated, info

    def _observe(self, observation: Any) -> None:
        self.translator.observe(source_observation(self.env, observation))


def _ticks_per_step(env: gym.Env[Any, Any]) -> int:
    """Returns for how many ticks an environment holds an action, by the names that environments have for it."""
    for name in ("frame_skip", "frameskip"):
        if env.has_wrapper_attr(name):
            ticks = env.get_wrapper_attr(name)
            if isinstance(ticks, int | np.integer):
                return int(ticks)
    return 1


def _merged(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what two translators, one above the other, could not express in a tick."""
    dropped = (*above.get("dropped", ()), *below.get("dropped", ()))
    return {**below, **above, **({"dropped": dropped} if dropped else {})}


class VPTActionWrapper(_TranslatingWrapper):
    """Takes VPT codes, int64 ``(buttons, camera)``, on any known environment.

    Each code is decoded to a human action, which is translated to an action of the wrapped environment.
    ``info["translation"]`` holds what a tick could not express (``Translator.unexpressed``); it is absent when the
    tick was exact. Where the environment spends more than one tick on a step, ``info["ticks"]`` holds the number.

    Example:
        >>> import gymnasium as gym
        >>> from vpt_gym import VPTActionWrapper
        >>> env = VPTActionWrapper(gym.make("vpt_gym/Harvest1Log-v0"))
        >>> env.action_space
        MultiDiscrete([8641  121])

    Args:
        env: The environment to wrap; one of the old gym is converted by ``as_gymnasium``.
        translator: ``"auto"`` (``vpt_gym.actions.translate.translator_for``), or your own. It holds the state of an
            episode; one that another wrapper has is copied.
        strict: Raise, rather than warn, if the translator cannot keep every VPT code.

    Attributes:
        translator: The translator in use. Where wrappers below translate too, its ``coverage`` is that of all of them.

    Raises:
        TypeError: ``env`` is not an environment, or ``translator`` is not a translator.
        ValueError: The action space is unknown and ``translator`` is ``"auto"``; the translator is for another
            space; or ``strict`` and its coverage is not complete.

    Warns:
        UserWarning: Once, if the environment cannot express every VPT code: what is kept, and the remedy. Once, if its
            attribute ``frame_skip`` or ``frameskip`` is above 1.

    Change log: v0.1.0 - added.
    """

    @checks_flags
    def __init__(
        self, env: gym.Env[Any, Any], translator: Translator | Literal["auto"] = "auto", strict: bool = False
    ) -> None:
        super().__init__(env, translator, strict)
        self.action_space = code_space()

    def step(self, action: npt.ArrayLike) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps the environment with a VPT code.

        Args:
            action: (2,) integers, (buttons, camera).

        Raises:
            ValueError: ``action`` is not one VPT code.
        """
        human = decode(action)
        if human["camera"].ndim != 1:
            raise ValueError(f"one environment takes one VPT code of shape (2,), got shape {np.shape(action)}")
        return self._step_human(CheckedAction(human))

    def reverse_action(self, env_action: Any) -> npt.NDArray[np.int64]:
        """Returns the canonical VPT code, (2,) int64, that is nearest to an action of the wrapped environment.

        Raises:
            ValueError: ``env_action`` is not an env action, or no key does the same (e.g. MineDojo's ``craft``).
        """
        return encode(self.translator.to_human(env_action))


class HumanActionWrapper(_TranslatingWrapper):
    """Takes human actions (23 buttons and camera) on any known environment: for people and scripted experts.

    Each action is translated to an action of the wrapped environment. ``info["translation"]`` holds what a tick could
    not express (``Translator.unexpressed``); it is absent when the tick was exact. Where the environment spends more
    than one tick on a step, ``info["ticks"]`` holds the number.

    Example:
        >>> import gymnasium as gym
        >>> from vpt_gym import HumanActionWrapper
        >>> env = HumanActionWrapper(gym.make("vpt_gym/Harvest1Log-v0", actions="native"))
        >>> len(env.action_space)
        24

    Args:
        env: The environment to wrap; one of the old gym is converted by ``as_gymnasium``.
        translator: ``"auto"`` (``vpt_gym.actions.translate.translator_for``), or your own. It holds the state of an
            episode; one that another wrapper has is copied.
        strict: Raise, rather than warn, if the translator cannot keep every VPT code.

    Attributes:
        translator: The translator in use. Where wrappers below translate too, its ``coverage`` is that of all of them.

    Raises:
        TypeError: ``env`` is not an environment, or ``translator`` is not a translator.
        ValueError: The action space is unknown and ``translator`` is ``"auto"``; the translator is for another
            space; or ``strict`` and its coverage is not complete.

    Warns:
        UserWarning: Once, if the environment cannot express every VPT code: what is kept, and the remedy. Once, if its
            attribute ``frame_skip`` or ``frameskip`` is above 1.

    Change log: v0.1.0 - added.
    """

    @checks_flags
    def __init__(
        self, env: gym.Env[Any, Any], translator: Translator | Literal["auto"] = "auto", strict: bool = False
    ) -> None:
        super().__init__(env, translator, strict)
        self.action_space = human_action_space()

    def step(self, action: HumanAction) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps the environment with a human action.

        Args:
            action: 23 buttons 0/1 and ``camera`` (2,) degrees per tick, (pitch, yaw); + is down, right. Absent
                buttons are not pressed.

        Raises:
            ValueError: ``action`` is not a human action.
        """
        return self._step_human(action)

    def reverse_action(self, env_action: Any) -> HumanAction:
        """Returns the human action that is nearest to an action of the wrapped environment.

        Raises:
            ValueError: ``env_action`` is not an env action, or no key does the same (e.g. MineDojo's ``craft``).
        """
        return self.translator.to_human(env_action)
