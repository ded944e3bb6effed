"""Chooses the translator for an environment by the shape of its action space, without importing the environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from vpt_gym.actions import craftground, mcio, minecraft_gym, minedojo, minedojo_spaces, minerl, minestudio
from vpt_gym.actions.chain import through_wrappers
from vpt_gym.actions.codec import code_space
from vpt_gym.actions.coverage import Coverage
from vpt_gym.actions.human import BUTTONS
from vpt_gym.actions.protocol import Translator
from vpt_gym.actions.suggestion import suggestion

__all__ = ["Coverage", "Translator", "translator_for"]

_KNOWN = """\
 - a Dict of the human action, 23 buttons and camera (MineRL 1.0, also with chat, MCio, the embedded world)
 - a Dict of MineRL 0.4's eight keys and camera in degrees (±180), with any of the other keys; MCioEnv's keys and pixels
 - a Dict of VPT codes or 19 keys and camera (MineStudio); minecraft-gym's MultiDiscrete of 15
 - a Dict of CraftGround's V2_MINERL_HUMAN
 - a Dict of 20 of these keys and the camera (vpt_gym.minedojo.make, as_gymnasium of a MineDojo env)
 - a Dict of MineDojo's simulator, event level (16 entries) or keyboard level (25)
 - MultiDiscrete([3, 3, 4, P, Y, 8, C, S]) with P pitch bins and Y yaw bins, which span ±180 degrees, C items to craft
   and S inventory slots (minedojo.make, its forks, CraftGround's V1_MINEDOJO)"""

_FAMILIES: tuple[Callable[[spaces.Space[Any]], Translator | None], ...] = (
    minerl.recognise,
    craftground.recognise,
    mcio.recognise,
    minestudio.recognise,
    minecraft_gym.recognise,
)

_PLAIN = 'vpt_gym.actions.KeyedTranslator(env.action_space, "my game"'

_DICTS = {
    "the human action of MineRL 1.0": minerl.KEYS,
    "CraftGround's V2_MINERL_HUMAN": craftground.KEYS,
    "vpt_gym.minedojo": minedojo_spaces.PLAYER,
    "MineDojo's simulator, event level": minedojo_spaces.EVENT_LEVEL,
    "MineDojo's simulator, keyboard level": minedojo_spaces.KEYBOARD_LEVEL,
}
"""The known ``Dict`` spaces, by their names in messages."""


def translator_for(
    env_or_space: gym.Env[Any, Any] | spaces.Space[Any], *, cam_interval: float | None = None
) -> Translator:
    """Returns a new translator for an environment or an action space.

    Where wrappers of the environment translate its actions again (``HumanActionWrapper``), the coverage is that of all
    of them together. Spaces are recognised by their shape, or, where two environments share a shape, by the module of
    the environment's class.

    Args:
        env_or_space: An environment, or its action space.
        cam_interval: Degrees per camera bin of a MineDojo ``MultiDiscrete``; default: the environment's attribute
            ``cam_interval``, or else 360 degrees over the number of bins less one.

    Raises:
        TypeError: Neither an environment nor a space.
        ValueError: The space is unknown, or its camera or its camera bins cannot be used. For an unknown ``Dict`` the
            message compares its keys with the most similar known one. Or MineStudio's camera has bins other than VPT's.
    """
    given: object = env_or_space
    if isinstance(given, gym.vector.VectorEnv):
        raise TypeError(
            f"translator_for takes one environment, got a vector of {given.num_envs}. Those of its environments "
            "that are wrapped by a VPTActionWrapper or a HumanActionWrapper: envs.get_attr('translator'); of another: "
            "translator_for(make_env())"
        )
    if isinstance(env_or_space, gym.Env):
        return through_wrappers(_choose(env_or_space.action_space, env_or_space, cam_interval), env_or_space)
    if isinstance(env_or_space, spaces.Space):
        return _choose(env_or_space, None, cam_interval)
    raise TypeError(f"translator_for takes a gymnasium.Env or a Gymnasium space, got {env_or_space!r}")


def _choose(space: spaces.Space[Any], env: gym.Env[Any, Any] | None, cam_interval: float | None) -> Translator:
    for recognise in _FAMILIES:
        translator = recognise(space)
        if translator is not None:
            if env is not None and isinstance(translator, minestudio.MineStudioTranslator):
                minestudio.require_vpt_camera(env)
            return translator
    if isinstance(space, spaces.Dict):
        keys = frozenset(space.spaces)
        if keys == minedojo_spaces.PLAYER:
            return minedojo.MineDojoPlayerTranslator(space)
        if keys in (minedojo_spaces.EVENT_LEVEL, minedojo_spaces.KEYBOARD_LEVEL):
            return minedojo.MineDojoSimTranslator(space)
        translator = minerl.recognise_some_keys(space)
        if translator is not None:
            return translator
    elif isinstance(space, spaces.MultiDiscrete) and minedojo_spaces.is_minedojo_space(space):
        if env is not None and _package(env) == craftground.PACKAGE:
            return minedojo.MineDojoTranslator(space, craftground.V1_CAM_INTERVAL, equips=False)
        if cam_interval is None and env is not None and env.has_wrapper_attr("cam_interval"):
            cam_interval = float(env.get_wrapper_attr("cam_interval"))
        return minedojo.MineDojoTranslator(space, cam_interval)
    already = (
        "These are VPT codes, as behind a VPTActionWrapper: leave the (second) VPTActionWrapper out.\n"
        if space == code_space()
        else ""
    )
    compared = _compared(space)
    lines = "" if _PLAIN in compared else f", for example\n{suggestion(space)}"
    raise ValueError(
        f"no translator is known for the action space {space}. {already}Known are\n{_KNOWN}\n{compared}"
        f"For another, pass translator=, a vpt_gym.actions.KeyedTranslator or your own Translator{lines}"
    )


def _package(env: gym.Env[Any, Any]) -> str:
    """Returns the top-level module of the innermost environment, also of one that ``ResilientEnv`` runs."""
    inner: Any = env.unwrapped
    module = inner.env_module if getattr(inner, "stands_for_wrappers", False) else type(inner).__module__
    return str(module).partition(".")[0]


def _compared(space: spaces.Space[Any]) -> str:
    """Returns how an unknown ``Dict`` differs from the most similar known one, and the remedy; empty for others."""
    keys = frozenset(space.spaces) if isinstance(space, spaces.Dict) else frozenset()
    human = minerl.KEYS
    if not keys & human:
        return ""

    def difference(name: str) -> tuple[int, int]:
        known = _DICTS[name]
        return len(known - human - keys), len(known ^ keys)  # an entry that is no key weighs more than any key

    name = min(_DICTS, key=difference)
    parts = [
        f"{what} {', '.join(sorted(names))}"
        for what, names in (("it lacks", _DICTS[name] - keys), ("it also has", keys - _DICTS[name]))
        if names
    ]
    text = f"This one is most similar to {name}, but {' and '.join(parts)}.\n"
    if "camera" not in keys:
        return text + "vpt_gym.actions.KeyedTranslator takes any subset of the keys, but it needs camera=.\n"
    others = sorted(keys - {*BUTTONS, "camera"})
    at_rest = f", at_rest={{{', '.join(f'{entry!r}: ...' for entry in others)}}}" if others else ""
    return f"{text}If camera is (pitch, yaw) in degrees per tick, pass\n    translator={_PLAIN}{at_rest})\n" + (
        "with the value of each of these entries that does nothing.\n" if others else ""
    )
