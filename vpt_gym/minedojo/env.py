"""The real MineDojo as a Gymnasium environment: exact actions, reported failures, seeds that are kept or refused."""

from __future__ import annotations

import importlib
import json
import warnings
import weakref
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from vpt_gym.actions.human import HOTBAR, checked
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.actions.minedojo_spaces import (
    AT_REST,
    EXTRA_TICKS,
    KEYS,
    PLAYER_KEYS,
    SLOW_FUNCTIONS,
    Entry,
    player_action_space,
)
from vpt_gym.legacy_gym import LegacyGymEnv, fitting
from vpt_gym.minedojo.bridge import Bridge
from vpt_gym.minedojo.game import ANSWER_TIMEOUT, GameError
from vpt_gym.minedojo.lean import replacements
from vpt_gym.minedojo.lean.info import InfoParser
from vpt_gym.minedojo.lean.replacements import copy_observation
from vpt_gym.minedojo.parts import find_parts
from vpt_gym.spaces import Strings, TextArray
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.number import checked_seconds

Actions = Literal["human", "minedojo"]

STEP_TIMEOUT = 60.0
"""Seconds that a tick may take; MineDojo waits 240."""
RESET_TIMEOUT = ANSWER_TIMEOUT
"""Seconds that each answer of the game may take while it starts an episode."""

_RESETS = ("full", "fast")
# Minecraft takes the seed 0 for "any". It hashes a text that is not an integer; the embedded world reads the number
_SEED_ZERO = "0.0"
_DAMAGE = {
    "damage_amount": "damage_amout",  # as Minecraft's side of MineDojo spells it
    **{name: name for name in ("hunger_damage", "damage_distance", "damage_pitch", "damage_yaw")},
    **{f"is_{name}": f"is_{name}" for name in ("fire_damage", "magic_damage", "explosion", "projectile")},
    "is_unblockable": "is_unblockable",
}
_WIDER = {
    ("location_stats", "temperature"): (-0.5, 2.0),
    ("life_stats", "life"): (0.0, np.inf),
    ("life_stats", "oxygen"): (-20.0, 300.0),
    ("life_stats", "xp"): (0.0, np.inf),
    ("damage_source", "damage_amount"): (0.0, np.inf),
}
"""Bounds of Minecraft's values where MineDojo declares narrower ones; the oxygen of a drowning player is negative."""


_STATISTICS = ("stat", "achievement")
"""Entries of ``info`` with the game's counts, such as how often each item was used."""


class MineDojoEnv(LegacyGymEnv):
    """An environment of ``minedojo.make`` as a Gymnasium environment.

    **Actions.** With ``actions="human"`` an action is the keys held in one tick, and the camera: a ``Dict``
    of 20 of the 23 buttons of MineRL 1.0 (MineDojo cannot press ``ESC``, ``inventory`` and ``swapHands``) and
    ``camera`` (2,) float32, degrees per tick, (pitch, yaw); + is down, right. They reach the game unchanged: exact
    degrees, independent keys, hotbar keys as keys, one tick per step. With ``actions="minedojo"`` it is MineDojo's own
    ``MultiDiscrete``; the rewards of the extra ticks that some of its actions take are added up, and equip, place
    and destroy of an empty slot do nothing (MineDojo raises an error).

    **Observations** are MineDojo's, with these faults fixed: frames are contiguous; every entry has the type that the
    space declares, so that ``observation_space.contains`` is True; ``yaw`` is in [-180, 180); ``damage_source`` and
    the main hand of ``equipment`` have the game's values.

    **Ends.** ``terminated`` means that MineDojo ended the episode for another reason than its own time limit: the task
    is done. If the game crashes, hangs, closes its connection or ends the mission, the step is ``truncated`` and
    ``info["env_error"]`` has the cause; if the game sent no observation, that of the last step is returned, with
    reward 0. The next ``reset`` then starts a new game.

    **info** is MineDojo's, with ``success`` and ``is_success`` (bool, the same, if there is a task), ``ticks`` (game
    ticks of the step) and, from ``reset``, ``reset``: ``kind`` ("full": a new mission; "fast": MineDojo's chat
    commands, after which felled trees stay felled), ``restarted`` (whether the game process is new) and ``seed`` (None:
    none was passed; "world": the world was made from it, while Minecraft still places mobs and drops at random;
    "ignored").

    Args:
        env: An environment of ``minedojo.make``, or a ``MineDojoSim``.
        actions: ``"human"`` or ``"minedojo"``.
        lean: Rebind methods of this environment's instances so that a tick takes a third of MineDojo's time.
        statistics: Whether ``info`` has the game's counts, ``stat`` and ``achievement``.
        step_timeout: Seconds that a tick may take before the game counts as hung.
        reset_timeout: Seconds that each answer of the game may take while it starts an episode.
        command: Function of a seed that returns the command of a game to start instead of Minecraft.

    Raises:
        TypeError: ``env`` is not MineDojo's.
        ValueError: ``actions`` is unknown or not possible with this environment, a time limit is no positive number, or
            the ``cam_interval`` of MineDojo's own actions does not divide 180.
    """

    @checks_flags
    def __init__(
        self,
        env: Any,
        *,
        actions: Actions = "human",
        lean: bool = True,
        statistics: bool = True,
        step_timeout: float = STEP_TIMEOUT,
        reset_timeout: float = RESET_TIMEOUT,
        command: Callable[[int], list[str]] | None = None,
    ) -> None:
        parts = find_parts(env)
        if parts is None:
            raise TypeError(f"not an environment of MineDojo: {env!r}")
        if actions not in ("human", "minedojo"):
            raise ValueError(f"actions is {actions!r}; it must be 'human' or 'minedojo'")
        step_timeout = checked_seconds("step_timeout", step_timeout)
        reset_timeout = checked_seconds("reset_timeout", reset_timeout)
        if actions == "human" and parts.foreign_wrappers:
            names = ", ".join(type(part).__name__ for part in parts.foreign_wrappers)
            raise ValueError(
                f"{names} inside the MineDojo environment would see actions of another space. Apply it to the "
                'Gymnasium environment instead, or pass actions="minedojo"'
            )
        super().__init__(env)
        self._parts = parts
        self._bridge = Bridge(
            parts.bridge,
            int(np.prod(parts.sim.observation_space["rgb"].shape)),
            command,
            step_timeout=step_timeout,
            reset_timeout=reset_timeout,
            parse=InfoParser() if lean else json.loads,
        )
        if lean:
            replacements.install(parts)
        for (part, name), (low, high) in _WIDER.items():
            self._part(part).spaces[name] = spaces.Box(low, high, (1,), np.float32)
        self._texts = {
            part: [name for name, entry in space.items() if isinstance(entry, TextArray)]
            for part, space in self.observation_space.items()  # type: ignore[attr-defined]
            if isinstance(space, spaces.Dict)
        }
        self._native: dict[str, Any] = {}
        self._reward, self._ticks = 0.0, 1
        self._keyboard_level = "hotbar.1" in parts.sim.action_space.spaces
        self._human = actions == "human"
        self._left_out = () if statistics else _STATISTICS
        if self._human:
            self.action_space = player_action_space()
            if not self._keyboard_level:
                parts.sim._action_obj_to_xml = self._commands
        if parts.nn is not None:
            if not self._human:  # raises where the no-op of these camera bins would turn the camera
                MineDojoTranslator(self.action_space, float(env.cam_interval))  # type: ignore[arg-type]
            parts.nn.step = self._step_native if self._human else self._step_minedojo
            parts.nn._strict_check = False
        if parts.task is not None and hasattr(parts.task, "time_limit"):  # the version on PyPI reads another name
            vars(parts.task).setdefault("_max_episode_steps", parts.task.time_limit)
        # MineDojo's list of games would keep the game of a collected env alive; at exit the game ends by itself
        weakref.finalize(self, self._bridge.close).atexit = False
        self._world_seed = [getattr(maker, "world_seed", None) for maker in self._world_makers()]
        self._last: Any = None
        self._needs_reset = True

    # --- actions

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Plays one action.

        Args:
            action: An element of ``action_space``.

        Returns:
            Observation, reward, terminated, truncated, info.

        Raises:
            ValueError: The action is not in the space.
            gymnasium.error.ResetNeeded: Before the first ``reset``, and after the game failed.
        """
        if self._needs_reset:
            raise gym.error.ResetNeeded("call reset() before step()")
        sent = self._sent(action)
        if error := self._bridge.error:  # it failed in a command of the caller, such as set_time
            self._needs_reset = True
            info = self._reported({**self._parts.sim.prev_info, "ticks": 0, "env_error": error})
            return copy_observation(self._last), 0.0, False, True, info
        observation, reward, done, sent_info = self.env.step(sent)
        if self._parts.nn is not None:
            reward = self._reward
        error = self._bridge.error
        info = self._reported({**(sent_info or {}), "ticks": self._ticks})
        # the mission may end in the same tick that completes the task, which is no failure then
        failed = error is not None and (self._bridge.stale or not info.get("success", False))
        self._needs_reset = error is not None
        if failed:
            info["env_error"] = error
        if self._bridge.stale:
            return copy_observation(self._last), 0.0, False, True, info
        self._last = self._fixed(observation, sent_info)
        truncated = failed or (error is None and bool(sent_info.get("TimeLimit.truncated", False)))
        observation = copy_observation(self._last)  # the caller may change it, and it is returned again after a crash
        return observation, float(reward), bool(done and not truncated), bool(done and truncated), info

    def _sent(self, action: Any) -> Any:
        """Returns the action for MineDojo's outermost wrapper."""
        self._ticks = 1
        if not self._human:
            if self._parts.nn is not None and not isinstance(action, dict):
                action = np.asarray(action)
            if not self.action_space.contains(action):
                raise ValueError(f"the action is {action!r}; it must be in {self.action_space}")
            return action if self._parts.nn is None else action.astype(np.int64)
        self._native = self._to_sim(action)
        # wrappers above the translation of actions see MineDojo's no-op; they only read whether an action crafts
        return self._native if self._parts.nn is None else self._parts.nn.action_space.no_op()

    def _to_sim(self, action: Any) -> dict[str, Any]:
        unknown = sorted(set(action) - {*PLAYER_KEYS, "camera"}) if isinstance(action, dict) else [action]
        if unknown:
            raise ValueError(
                f"the action has {unknown}; the actions of this environment are {sorted((*PLAYER_KEYS, 'camera'))}. "
                "For human actions of all 23 buttons wrap it in vpt_gym.HumanActionWrapper, for VPT codes in "
                "vpt_gym.VPTActionWrapper"
            )
        human = checked(action)
        native = {name: human[name] for name in (*KEYS, *HOTBAR, "pickItem")}
        native["camera"] = human["camera"].astype(np.float64)
        at_rest = {name: AT_REST[name] for name in AT_REST if name in self._parts.sim.action_space.spaces}
        return {**native, **deepcopy(at_rest)}

    def _commands(self, action: dict[str, Any]) -> str:
        """Returns the game's commands for a tick, with the keys that the simulator's event level lacks.

        The mission allows them all (its ``HumanLevelCommands``). A key stays down until a 0 releases it.
        """
        sim = self._parts.sim
        lines = [type(sim)._action_obj_to_xml(sim, action)]
        return "\n".join(lines + [f"{name} {action.get(name, 0)}" for name in (*HOTBAR, "pickItem")])

    def _step_native(self, _: Any) -> tuple[Any, float, bool, Any]:
        """Replaces ``NNActionSpaceWrapper.step``: sends the action of ``step`` to the simulator unchanged."""
        nn = self._parts.nn
        assert nn is not None
        observation, self._reward, done, info = nn.env.step(self._native)
        nn._inventory_names = observation["inventory"]["name"].copy()
        return observation, self._reward, done, info

    def _step_minedojo(self, action: Any) -> tuple[Any, float, bool, Any]:
        """Replaces ``NNActionSpaceWrapper.step``: the same ticks, but no reward and no end of the episode is lost."""
        nn = self._parts.nn
        assert nn is not None
        native, (destroys, slot) = nn.action(action)
        if destroys:
            item = importlib.import_module(type(nn).__module__).InventoryItem
            air = item(name="air", slot=slot, quantity=1, variant=0)
            observation, reward, done, info = nn.env.set_inventory(inventory_list=[air], action=native)
        else:
            observation, reward, done, info = nn.env.step(native)
        if action[Entry.FUNCTION] in SLOW_FUNCTIONS:
            for _ in range(EXTRA_TICKS):
                if done:
                    break
                observation, more, done, info = nn.env.step(nn.env.action_space.no_op())
                reward += more
                self._ticks += 1
        nn._inventory_names = observation["inventory"]["name"].copy()
        self._reward = reward
        return observation, reward, done, info

    # --- observations

    def _fixed(self, observation: Any, info: Any) -> dict[str, Any]:
        fixed = {**observation, "rgb": np.ascontiguousarray(observation["rgb"])}
        place, life = fixed["location_stats"], fixed["life_stats"]
        yaw = float(info["yaw"])
        fixed["location_stats"] = {
            **place,
            "yaw": place["yaw"] if -180 <= yaw < 180 else np.array([(yaw + 180) % 360 - 180], np.float32),
            **{name: np.asarray(place[name], np.int64) for name in ("biome_id", "can_see_sky", "is_raining")},
        }
        fixed["life_stats"] = {**life, "is_sleeping": np.int64(life["is_sleeping"])}
        if isinstance(info.get("damage_source"), dict):
            fixed["damage_source"] = self._damage(info["damage_source"])
        slot = info.get("current_item_index", 0)
        if 0 < slot < len(HOTBAR):
            # MineDojo always reports slot 0, since its own actions never select another one
            fixed["equipment"] = {
                name: np.concatenate((fixed["inventory"][name][slot : slot + 1], rows[1:]))
                for name, rows in fixed["equipment"].items()
            }
        if "full_stats" in fixed:
            fixed["full_stats"] = fitting(self._part("full_stats"), fixed["full_stats"])
        for part, names in self._texts.items():
            fixed[part] = {**fixed[part], **{name: fixed[part][name].view(Strings) for name in names}}
        return fixed

    def _damage(self, source: dict[str, Any]) -> dict[str, Any]:
        space = self._part("damage_source")
        return {
            name: np.full(part.shape, source.get(_DAMAGE[name], 0), part.dtype) for name, part in space.spaces.items()
        }

    def _part(self, name: str) -> Any:
        return self.observation_space[name]  # type: ignore[index]

    def _reported(self, info: dict[str, Any]) -> dict[str, Any]:
        """Returns ``info`` as the caller gets it: with the success, and without what it was told to leave out."""
        info = {name: value for name, value in info.items() if name not in self._left_out}
        task = self._parts.task
        if task is None:
            return info
        success = bool(task.is_successful)
        return {**info, "success": success, "is_success": success}

    # --- episodes

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: Seed of the world, which needs a full reset. Without a seed, the kind of reset is the one that the
                environment was made for: MineDojo's default is fast.
            options: ``{"reset": "full"}`` or ``{"reset": "fast"}`` chooses the kind; a fast reset ignores the seed,
                with a warning.

        Returns:
            The observation and ``info``.

        Raises:
            ValueError: Unknown options.
            gymnasium.error.Error: The seed is negative, or no whole number.
            GameError: The game cannot be started, or failed twice to start an episode.
        """
        gym.Env.reset(self, seed=seed)
        kind = self._kind_of_reset(seed, options)
        restarted = False
        if self._bridge.broken:
            self._bridge.discard()
        for _ in range(2):
            fresh = not self._bridge.running
            restarted |= fresh
            kind = "full" if fresh else kind
            seeded = self._seed_world(seed, kind)
            try:
                observation = self._reset_game(kind)
                break
            except Exception as error:
                cause = self._bridge.cause(error)
                self._bridge.discard()
                if isinstance(error, GameError) and fresh:
                    raise
                if fresh:
                    raise GameError(f"no episode started: {cause}") from error
            except BaseException:
                self._bridge.discard()
                raise
        self._needs_reset = False
        self._ticks = 0
        info = dict(self._parts.sim.prev_info)
        observation = self._last = self._fixed(observation, info)
        reset = {"kind": kind, "restarted": restarted, "seed": seeded}
        if seeded == "ignored":
            why = "this world is not generated from a seed"
            if kind == "fast":
                why = "a fast reset keeps the world. Pass options={'reset': 'full'}"
            warnings.warn(f"the seed {seed} was ignored: {why}", stacklevel=2)
        return copy_observation(observation), self._reported({**info, "ticks": 0, "reset": reset})

    def _kind_of_reset(self, seed: int | None, options: dict[str, Any] | None) -> str:
        options = dict(options or {})
        default = "full" if self._parts.fast is None or seed is not None else "fast"
        kind = options.pop("reset", default)
        if options or kind not in _RESETS:
            raise ValueError(f"options are {options or {'reset': kind}}; known is 'reset', 'full' or 'fast'")
        if kind == "fast" and self._parts.fast is None:
            raise ValueError("a fast reset needs an environment that was made with fast_reset=True")
        return str(kind)

    def _reset_game(self, kind: str) -> Any:
        fast = self._parts.fast
        if kind == "full" and fast is not None:
            fast._server_start = False
            fast._info_prev_reset = None
        observation = self.env.reset()
        if self._bridge.error is not None:  # a tick of a fast reset failed, which MineDojo does not report
            raise GameError(self._bridge.error)
        return observation

    def _world_makers(self) -> list[Any]:
        return list(self._parts.sim._sim_spec._world_generator_handlers)

    def _seed_world(self, seed: int | None, kind: str) -> str | None:
        """Sets the seed of the mission, or restores the one it was made with; returns ``info["reset"]["seed"]``."""
        seeded = None if seed is None else "ignored"
        for maker, made_with in zip(self._world_makers(), self._world_seed, strict=True):
            if made_with is None:
                continue
            maker.world_seed = made_with
            if seed is not None and kind == "full":
                maker.world_seed = str(seed) if seed else _SEED_ZERO
                seeded = "world"
        if seed is not None:
            self._parts.sim.seed(seed)
        return seeded

    def render(self) -> Any:
        """Returns the latest frame, (H, W, 3) uint8, or None before the first ``reset``."""
        return None if self._last is None else np.ascontiguousarray(self._last["rgb"].transpose(1, 2, 0))

    def close(self) -> None:
        """Ends the game and cleans up after it; the environment can be reset again."""
        self._needs_reset = True
        self._bridge.close()
