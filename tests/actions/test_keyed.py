"""KeyedTranslator with keys of other names, places and units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from vpt_gym.actions import Camera, Key, KeyedTranslator, human_action, translator_for
from vpt_gym.actions.codec import N_CAMERA, decode
from vpt_gym.actions.human import human_action_space

SWITCH = spaces.Discrete(2)
GAME = spaces.Dict(
    walk=spaces.Discrete(3),  # 0: no, 1: ahead, 2: back
    buttons=spaces.MultiBinary(3),  # jump, fire, a key that nobody presses
    look=spaces.Box(-40, 40, (2,), np.int32),  # right and up, half degrees
    say=spaces.Text(8, min_length=0),
)
KEYS = {"forward": Key("walk", 1), "back": Key("walk", 2), "jump": ("buttons", 0), "attack": ("buttons", 1)}


def game(**changes: Any) -> KeyedTranslator:
    camera = Camera(pitch=("look", 1), yaw=("look", 0), degrees=(-0.5, 0.5))
    return KeyedTranslator(GAME, "game", {"say": ""}, **{"keys": KEYS, "camera": camera, **changes})


def test_keys_and_camera_reach_their_places_and_come_back() -> None:
    translator = game()
    human = human_action("back", "attack", camera=(3.0, -10.0))
    action = translator.to_env(human)
    assert GAME.contains({**action, "walk": np.int64(action["walk"])})
    assert action["walk"] == 2
    assert action["buttons"].tolist() == [0, 1, 0]
    assert action["look"].tolist() == [-20, -6]  # 10 degrees to the left; 3 degrees down are 6 units of up less
    assert action["say"] == ""
    assert translator.unexpressed == {}
    again = translator.to_human(action)
    assert {name for name, held in again.items() if name != "camera" and held} == {"back", "attack"}
    assert again["camera"].tolist() == [3.0, -10.0]


def test_actions_share_nothing_with_each_other() -> None:
    translator = game()
    first = translator.to_env(human_action("jump", camera=(0, 5)))
    second = translator.to_env(human_action())
    assert first["buttons"].tolist() == [1, 0, 0]
    assert second["buttons"].tolist() == [0, 0, 0]
    assert second["look"].tolist() == [0, 0]


def test_of_keys_in_one_entry_opposites_cancel_and_else_the_last_is_passed_on() -> None:
    translator = game()
    assert translator.to_env(human_action("forward", "back"))["walk"] == 0
    assert translator.unexpressed == {}
    pad = KeyedTranslator(spaces.Discrete(3), keys={"forward": Key((), 1), "attack": Key((), 2)}, camera=None)
    assert pad.to_env(human_action("forward", "attack", "jump")) == 2
    assert set(pad.unexpressed["dropped"]) == {"forward", "jump"}
    assert pad.to_human(1)["forward"] == 1
    coverage = pad.coverage()
    assert (coverage.buttons_kept, coverage.camera_kept) == (6, 1)
    assert "It has no camera" in str(coverage)


def test_a_key_that_a_turn_replaces_in_its_entry_is_dropped() -> None:
    camera = Camera(pitch=None, yaw=(), values=(0, 0, -10, 10))
    pad = KeyedTranslator(spaces.Discrete(4), keys={"forward": Key((), 1)}, camera=camera)
    assert pad.to_env(human_action("forward", camera=(0, 10))) == 3
    assert pad.unexpressed == {"dropped": ("forward",)}
    assert pad.to_env(human_action("forward", camera=(0, 4))) == 1  # too little to turn
    assert "dropped" not in pad.unexpressed


@pytest.mark.parametrize(
    ("space", "at"),
    [
        (spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3))), 1),
        (spaces.Dict(a=spaces.Tuple((spaces.Discrete(2),))), ("a", 0)),
        (spaces.Tuple((spaces.Tuple((spaces.Discrete(2), spaces.MultiBinary(2))),)), (0, 1, 1)),
        (spaces.Dict(a=spaces.Box(0, 1, ())), "a"),
        (spaces.Box(0, 1, (), np.int8), ()),
    ],
)
def test_keys_are_found_in_tuples_and_in_arrays_without_axes(space: spaces.Space, at: Any) -> None:
    translator = KeyedTranslator(space, keys={"forward": at}, camera=None)
    held = translator.to_env(human_action("forward"))
    assert space.contains(held)
    assert translator.to_human(held)["forward"] == 1
    assert translator.to_human(translator.to_env(human_action()))["forward"] == 0
    assert translator.coverage().buttons_kept == 4


def test_what_integers_round_off_is_carried_to_the_next_tick() -> None:
    translator = game()
    moved = 0.0
    for _ in range(100):
        moved += translator.to_human(translator.to_env(human_action(camera=(0.0, 0.615))))["camera"][1]
        assert abs(translator.unexpressed.get("camera_residual", (0.0, 0.0))[1]) <= 0.25 + 1e-6
    assert moved == pytest.approx(61.5, abs=0.25)
    translator.reset()
    assert translator.to_env(human_action())["look"].tolist() == [0, 0]


def test_what_the_bounds_cut_off_is_lost() -> None:
    translator = game()
    action = translator.to_env(human_action(camera=(0.0, 90.0)))
    assert action["look"].tolist() == [40, 0]
    assert translator.unexpressed == {"camera_lost": (0.0, 70.0)}
    assert translator.to_env(human_action())["look"].tolist() == [0, 0]


def test_a_small_loss_is_reported_too_and_a_plain_camera_owes_nothing() -> None:
    space = spaces.Dict(jump=SWITCH, camera=spaces.Box(-10, 10, (2,), np.float32))
    translator = KeyedTranslator(space)
    action = translator.to_env(human_action("jump", camera=(10.5, -10.25)))
    assert translator.unexpressed == {"camera_lost": (0.5, -0.25)}
    human = translator.to_human(action)
    assert (human["jump"], human["camera"].tolist()) == (1, [10.0, -10.0])
    assert translator.to_env(human_action())["camera"].tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"'jump' is 2|has no key in the human action"):
        translator.to_human({**action, "jump": 2})


def test_a_camera_of_choices() -> None:
    space = spaces.MultiDiscrete([2, 5, 5])
    camera = Camera(pitch=2, yaw=1, values=(0, -6, 6, -18, 18))
    translator = KeyedTranslator(space, "choices", keys={"jump": 0}, camera=camera)
    action = translator.to_env(human_action("jump", camera=(-5.0, 10.0)))
    assert action.tolist() == [1, 2, 1]
    assert translator.unexpressed == {"camera_residual": (1.0, 4.0)}
    # 4 degrees are owed: 14 are nearest to 18
    assert translator.to_env(human_action(camera=(0.0, 10.0))).tolist() == [0, 4, 0]
    assert translator.to_human(np.array([0, 3, 2]))["camera"].tolist() == [6.0, -18.0]
    coverage = translator.coverage()
    assert (coverage.camera_kept, coverage.camera_error) == (9, 6.0)


CRAFTIUM = Camera(pitch=(), yaw=(), values=[(0, 0)] * 4 + [(0, 5), (0, -5), (-5, 0), (5, 0)])
"""Of Craftium's ``ChopTree-v0``: nothing, three keys, the mouse to the right, to the left, up, down."""


def test_one_entry_for_both_axes_turns_the_one_that_is_further_behind_first() -> None:
    keys = {"forward": Key((), 1), "jump": Key((), 2), "attack": Key((), 3)}
    translator = KeyedTranslator(spaces.Discrete(8), "choices", keys=keys, camera=CRAFTIUM)
    assert translator.to_env(human_action("attack")) == 3
    action = translator.to_env(human_action("jump", camera=(-3.0, 4.0)))
    assert action == 4
    assert translator.unexpressed == {"camera_residual": (-3.0, -1.0), "dropped": ("jump",)}
    assert translator.to_human(action)["camera"].tolist() == [0.0, 5.0]
    assert translator.to_env(human_action("jump")) == 6  # what is owed comes before the key
    assert translator.unexpressed == {"camera_residual": (2.0, -1.0), "dropped": ("jump",)}
    assert translator.to_env(human_action("jump")) == 2
    rng, behind = np.random.default_rng(0), np.zeros(2)
    for _ in range(200):
        degrees = rng.uniform(-2, 2, 2)
        turned = translator.to_human(translator.to_env(human_action(camera=degrees)))["camera"]
        behind = np.array(translator.unexpressed.get("camera_residual", (0, 0)))
        assert (np.abs(behind) <= 5.0).all()
        assert np.abs(turned).tolist() in ([0, 0], [5, 0], [0, 5])
    coverage = translator.coverage()
    assert (coverage.buttons_kept, coverage.camera_kept, coverage.camera_error) == (8, 5, 5.0)


def test_a_key_of_a_dict_may_be_renamed_without_more() -> None:
    space = spaces.Dict(W=SWITCH, fire=SWITCH, camera=spaces.Box(-180, 180, (2,), np.float32))
    translator = KeyedTranslator(space, keys={"forward": "W", "attack": "fire"})
    assert translator.to_env(human_action("forward"))["W"] == 1
    assert translator.coverage().buttons_kept == 8
    assert translator.coverage().camera_kept == N_CAMERA


def test_the_count_agrees_with_the_rule_for_plain_keys() -> None:
    space = human_action_space()
    plain = KeyedTranslator(space, "all")
    named = KeyedTranslator(space, "all", keys={name: name for name in space if name != "camera"})
    assert named.coverage() == plain.coverage()
    human = decode((4321, 77))
    for translator in (plain, named):
        again = translator.to_human(translator.to_env(human))
        assert again["camera"].tolist() == human["camera"].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keys": {"run": "walk"}}, "'run', which is no button"),
        ({"keys": {"jump": "hop"}}, "no entry 'hop'"),
        ({"keys": {"jump": ("buttons", 3)}}, r"no entry \('buttons', 3\)"),
        ({"keys": {**KEYS, "use": "buttons"}}, "one number is needed"),
        ({"keys": {**KEYS, "use": Key("walk", 3)}}, "use is to be 3 in 'walk', which is 0 to 2"),
        ({"keys": {**KEYS, "use": Key("walk", 0)}}, "use would be held at rest"),
        ({"camera": Camera(pitch="pitch", yaw=("look", 0))}, "no entry 'pitch'"),
        ({"camera": Camera(pitch=None, yaw=("look", 0), degrees=0)}, "degrees is 0"),
        ({"camera": Camera(pitch=None, yaw="walk", values=(0, 1))}, "values has 2 choices"),
        ({"camera": Camera(pitch=None, yaw="walk", values=(1, 2, 3))}, "one of values must be 0"),
        ({"camera": Camera(pitch="walk", yaw="walk", values=[(1, 0), (0, 1), (1, 1)])}, r"must be \(0, 0\)"),
        ({"camera": Camera(pitch="walk", yaw="walk", values=(0, 1, 2))}, "give values, the .pitch, yaw. of each"),
        (
            {"camera": Camera(pitch=None, yaw="walk", values=[(0, 0), (0, 1), (1, 0)])},
            "pairs are for one entry of both",
        ),
        ({"camera": Camera(pitch=None, yaw="walk", values=[(0, 0, 0)] * 3)}, "must have the degrees, or .pitch, yaw."),
        ({"camera": "camera"}, "camera must be a Box"),
        ({"camera": None}, "unknown entries .'look'."),
        ({"camera": Camera(pitch=("look", 0), yaw=("look", 0))}, "pitch and yaw are the same entry"),
    ],
)
def test_what_does_not_fit_the_space_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        game(**change)


@pytest.mark.parametrize(
    "action",
    [
        {"walk": 1, "buttons": np.array([0, 0, 1]), "look": np.zeros(2, int), "say": ""},
        {"walk": 1, "buttons": np.array([0, 0, 0]), "look": np.zeros(2, int), "say": "hello"},
        {"walk": 1, "buttons": np.array([0, 0, 0]), "look": np.zeros(2, int)},
    ],
)
def test_an_action_without_a_key_has_no_human_action(action: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no key in the human action|lacks or should not have"):
        game().to_human(action)


@pytest.mark.parametrize(
    ("space", "lines"),
    [
        (
            spaces.Dict(forward=SWITCH, backward=SWITCH, dig=SWITCH, zoom=SWITCH, mouse=spaces.Box(-1, 1, (2,))),
            [
                "import Camera, KeyedTranslator\n",
                '"back": "backward"',
                '"attack": "dig"',
                'pitch=("mouse", 1)',
                'at_rest={"zoom": 0}',
            ],
        ),
        (
            spaces.Dict(
                w=SWITCH,
                jump=spaces.Discrete(3),
                Slot_2=SWITCH,
                chat=spaces.Text(5),
                stick=spaces.Box(-1, 1, (3,), np.float32),
                odd=spaces.Box(1, 2, (3,)),
            ),
            [
                'keys={"forward": "w", "hotbar.2": "Slot_2"},',
                "camera=None,",
                "import KeyedTranslator\n",
                'at_rest={"jump": 0, "chat": "", "stick": np.zeros((3,), np.float32), "odd": ...},',
            ],
        ),
        (spaces.MultiBinary(4), ["keys={", "camera=None", "0), ...: Key(1"]),
        (spaces.Discrete(4), ["Key((), 1)", "import Key, KeyedTranslator\n"]),
    ],
)
def test_the_error_for_an_unknown_space_has_the_lines_to_write(space: spaces.Space, lines: list[str]) -> None:
    with pytest.raises(ValueError, match="no translator is known") as caught:
        translator_for(space)
    for line in [
        "translator = KeyedTranslator(",
        "VPTActionWrapper(VPTObsWrapper(env), translator=translator)",
        *lines,
    ]:
        assert line in str(caught.value)
