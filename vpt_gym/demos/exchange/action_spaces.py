"""The action spaces of exported datasets, and converting a dataset's actions to human actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from gymnasium import spaces

from vpt_gym.actions import camera, codec, factored
from vpt_gym.actions.human import BUTTONS, HumanAction, human_action_space
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.actions.minedojo_spaces import Entry, Function
from vpt_gym.actions.translate import Translator, translator_for

ActionKind: TypeAlias = Literal["human", "factored", "codes"]
"""Form of the actions in an export: human actions (exact), VPT's buttons and camera bins, or canonical VPT codes."""


def factored_space() -> spaces.Dict:
    """Returns the space of factored actions: ``buttons`` ``MultiBinary(20)``, ``camera`` ``MultiDiscrete([11, 11])``.

    The buttons are in the order of ``vpt_gym.actions.codec.VPT_BUTTONS``, the camera bins are (pitch, yaw).
    """
    return spaces.Dict(
        {
            "buttons": spaces.MultiBinary(len(codec.VPT_BUTTONS)),
            "camera": spaces.MultiDiscrete([camera.N_BINS, camera.N_BINS]),
        }
    )


def space_of(kind: ActionKind) -> spaces.Space[Any]:
    """Returns the action space of a dataset with this kind of actions.

    Raises:
        ValueError: The kind is unknown.
    """
    if kind == "human":
        return human_action_space()
    if kind == "factored":
        return factored_space()
    if kind == "codes":
        return codec.code_space()
    raise ValueError(f"actions={kind!r}; it must be 'human', 'factored' or 'codes'")


def encode(actions: HumanAction, kind: ActionKind) -> Any:
    """Converts T human actions to actions of ``space_of(kind)``: an array (T, ...), or a dict of such arrays.

    Args:
        actions: Each of the 23 buttons (T,), and ``camera`` (T, 2), as in ``Demo.actions``.
        kind: The kind of the result.
    """
    if kind == "human":
        encoded: dict[str, Any] = {name: np.asarray(actions[name], np.int64) for name in BUTTONS}
        encoded["camera"] = np.asarray(actions["camera"], np.float32)
        return encoded
    if kind == "factored":
        buttons, bins = factored.from_human(actions)
        return {"buttons": buttons.astype(np.int8), "camera": bins}
    return codec.encode(actions)


class ActionReader:
    """Converts the actions of one dataset, tick by tick, to human actions.

    Args:
        space: The dataset's action space: one of ``space_of``, or one that ``translator_for`` knows.
        translator: Converts the actions of any other space.
        cam_interval: Degrees per camera bin of MineDojo's ``MultiDiscrete``; default: inferred from the number of bins.
        drop_unsupported: Leave out the part of an action that no key does (MineDojo's craft, place, destroy, and equip
            from outside the hotbar), and keep the rest. By default such an action is an error.

    Both options are for MineDojo's ``MultiDiscrete`` alone.

    Attributes:
        dropped: Number of ticks of which a part was left out.

    Raises:
        ValueError: The space is unknown, its camera bins cannot be used, or an option has no meaning for its actions.
    """

    def __init__(
        self,
        space: spaces.Space[Any],
        *,
        translator: Translator | None = None,
        cam_interval: float | None = None,
        drop_unsupported: bool = False,
    ) -> None:
        self._kind = next((kind for kind in ("factored", "codes") if space == space_of(kind)), None)
        self._translator = translator
        if self._kind is None and translator is None:
            self._translator = translator_for(space, cam_interval=cam_interval)
        given = {
            "--cam-interval (cam_interval)": cam_interval is not None
            and (translator is not None or not isinstance(self._translator, MineDojoTranslator)),
            "--drop-unsupported (drop_unsupported)": drop_unsupported
            and not isinstance(self._translator, MineDojoTranslator),
        }
        if meaningless := [option for option, is_so in given.items() if is_so]:
            raise ValueError(
                f"these actions take no {' and no '.join(meaningless)}, which is for MineDojo's MultiDiscrete alone; "
                "leave it out"
            )
        self._drop_unsupported = drop_unsupported
        self.dropped = 0

    def read(self, action: Any) -> HumanAction:
        """Returns the human action of one tick.

        Raises:
            ValueError: It is not in the space, or no key does it.
        """
        if self._translator is None:
            return codec.decode(action) if self._kind == "codes" else factored.to_human(**action)
        try:
            return self._translator.to_human(action)
        except ValueError:
            if not (self._drop_unsupported and isinstance(self._translator, MineDojoTranslator)):
                raise
        rest = np.array(action)
        rest[Entry.FUNCTION] = Function.NONE
        human = self._translator.to_human(rest)
        self.dropped += 1
        return human


def action_at(actions: Any, tick: int) -> Any:
    """Returns one tick of stacked actions: a row of an array, or a mapping with a row of each entry."""
    if isinstance(actions, Mapping):
        return {name: action_at(entry, tick) for name, entry in actions.items()}
    return actions[tick]
