"""Action spaces of other environments, as their packages declare them; tests/integration runs the packages."""

from __future__ import annotations

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from vpt_gym import HumanActionWrapper
from vpt_gym.actions import human_action, translator_for
from vpt_gym.actions.human import human_action_space
from vpt_gym.actions.mcio import KEYS as MCIO_KEYS
from vpt_gym.legacy_gym import convert_space

SWITCH = spaces.Discrete(2)
TURN = spaces.Box(-180, 180, (2,), np.float32)
OLD = ("forward", "back", "left", "right", "jump", "sneak", "sprint", "attack")
MCIO = spaces.Dict(
    {**dict.fromkeys(MCIO_KEYS.values(), SWITCH), "cursor_delta": spaces.Box(-1200, 1200, (2,), np.int32)}
)
CODES = spaces.Dict(buttons=spaces.MultiDiscrete([8641]), camera=spaces.MultiDiscrete([121]))
STUDIO = spaces.Dict(
    {n: s for n, s in human_action_space().items() if n not in ("ESC", "drop", "pickItem", "swapHands")}
)
GYM_15 = spaces.MultiDiscrete([3, 3, 2, 2, 2, 2, 2, 2, 2, 5, 5, 10, 5, 5, 3])


class Enum:
    """The part of MineRL 0.4's space of items that is read."""

    def __init__(self, *values: str) -> None:
        self.values, self.default = sorted(values), values[0]


@pytest.mark.parametrize(
    ("space", "dialect", "kept", "camera_kept"),
    [
        (spaces.Dict({**human_action_space().spaces, "chat": spaces.Text(9)}), "MineRL 1.0 with chat", 8641, 121),
        (spaces.Dict({**dict.fromkeys(OLD, SWITCH), "camera": TURN}), "MineRL 0.4", 216, 121),
        (MCIO, "MCio", 8641, 121),
        (CODES, "MineStudio", 8641, 121),
        (spaces.Dict(buttons=spaces.Discrete(8641), camera=spaces.Discrete(121)), "MineStudio", 8641, 121),
        (STUDIO, "MineStudio", 4321, 121),
        (spaces.Dict({n: s for n, s in STUDIO.items() if n != "inventory"}), "some keys", 4320, 121),
        (GYM_15, "minecraft-gym", 8641, 9),
    ],
)
def test_the_space_is_recognised(space: spaces.Space, dialect: str, kept: int, camera_kept: int) -> None:
    translator = translator_for(space)
    coverage = translator.coverage()
    assert coverage.dialect.startswith(dialect)
    assert (coverage.buttons_kept, coverage.camera_kept) == (kept, camera_kept)
    human = human_action("forward", "attack")
    again = translator.to_human(translator.to_env(human))
    assert {name for name, held in again.items() if name != "camera" and held} == {"forward", "attack"}


def test_entries_of_items_stay_at_none() -> None:
    """MineRL 0.4's ObtainDiamond, after conversion from the old gym."""
    items = {name: convert_space(Enum("none", "dirt", "stone")) for name in ("place", "equip", "craft", "nearbyCraft")}
    translator = translator_for(spaces.Dict({**dict.fromkeys((*OLD, "use"), SWITCH), "camera": TURN, **items}))
    action = translator.to_env(human_action("use", camera=(1.0, 2.0)))
    assert [action[name] for name in items] == ["none"] * 4
    assert action["use"] == 1
    with pytest.raises(ValueError, match="place='dirt' has no key"):
        translator.to_human({**action, "place": "dirt"})


class Text:
    """MineRL's space of texts, as far as it is read; ``ChatAction`` makes ``Text([1])``, and takes a plain text."""

    def __init__(self, shape: list[int]) -> None:
        self.shape = shape


def test_the_chat_of_minerl_stays_a_plain_empty_text() -> None:
    chat = convert_space(Text([1]))
    translator = translator_for(spaces.Dict({**human_action_space().spaces, "chat": chat}))
    action = translator.to_env(human_action("jump"))
    assert action["chat"] == ""
    assert isinstance(action["chat"], str)
    assert translator.to_human(action)["jump"] == 1
    with pytest.raises(ValueError, match="has no key"):
        translator.to_human({**action, "chat": "/kill"})


def test_pixels_of_mcio() -> None:
    translator = translator_for(MCIO)
    action = translator.to_env(human_action("hotbar.4", camera=(3.0, -1.5)))
    assert action["cursor_delta"].tolist() == [-10, 20]
    assert action["cursor_delta"].dtype == np.int32
    assert action["4"] == 1


def test_a_code_of_minestudio_reports_what_is_no_code() -> None:
    translator = translator_for(CODES)
    action = translator.to_env(human_action("ESC", "jump", camera=(0.0, 9.0)))
    assert CODES.contains(action)
    assert translator.unexpressed["dropped"] == ("ESC",)
    assert translator.unexpressed["camera_lost"] == pytest.approx((0.0, -1.0))
    with pytest.raises(ValueError, match="not one VPT code"):
        translator.to_human({"buttons": np.array([0])})


class Studio(gym.Env):
    """MineStudio's simulator, as far as its camera goes: the bins are ``CameraConfig``'s."""

    action_space, observation_space = CODES, spaces.Box(0, 255, (36, 64, 3), np.uint8)

    def __init__(self, maxval: int, binsize: int, mu: float) -> None:
        share = np.linspace(-1, 1, 2 * maxval // binsize + 1)
        self.degrees = np.sign(share) * ((1 + mu) ** np.abs(share) - 1) / mu * maxval

    def agent_action_to_env_action(self, action: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        bins = np.unravel_index(action["camera"], (len(self.degrees), len(self.degrees)))
        return {"camera": np.stack([self.degrees[part] for part in bins], axis=-1)}


def test_a_minestudio_whose_camera_is_not_vpts_is_refused() -> None:
    assert translator_for(Studio(10, 2, 10.0)).coverage().camera_kept == 121
    for maxval, binsize, mu in ((10, 2, 5.0), (20, 4, 10.0), (10, 1, 10.0), (10, 4, 10.0)):
        with pytest.raises(ValueError, match="make it without a camera_config"):
            translator_for(gym.wrappers.TimeLimit(Studio(maxval, binsize, mu), 9))


class Skipping(gym.Env):
    """Holds each action for some ticks."""

    action_space, observation_space = human_action_space(), spaces.Box(0, 255, (36, 64, 3), np.uint8)

    def __init__(self, frame_skip: int) -> None:
        self.frame_skip = frame_skip


def test_an_action_that_is_held_for_several_ticks_is_noticed() -> None:
    with pytest.warns(UserWarning, match="each step of this environment takes 4 ticks"):
        HumanActionWrapper(gym.wrappers.TimeLimit(Skipping(4), 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HumanActionWrapper(Skipping(1))
