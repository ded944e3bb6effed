"""Choosing a translator, coverage, and the dialects whose action is a dictionary of keys."""

from __future__ import annotations

import dataclasses

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym import VPTActionWrapper
from vpt_gym.actions import craftground, minedojo, minedojo_spaces, minerl
from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, canonical, code_space, decode, encode
from vpt_gym.actions.human import BUTTONS, human_action, human_action_space, no_op
from vpt_gym.actions.keyed import KeyedTranslator
from vpt_gym.actions.translate import Coverage, Translator, translator_for

MINERL = human_action_space()
CRAFTGROUND = spaces.Dict(
    {
        **{name: spaces.Discrete(2) for name in craftground.KEYS if name != "camera"},
        "camera": spaces.Box(-180, 180, (2,), np.float32),
    }
)
MINEDOJO = spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36])


def sim_space(entries: frozenset[str]) -> spaces.Dict:
    """MineDojo's simulator space in Gymnasium's types."""
    slot = spaces.Discrete(42)
    others = {"camera": spaces.Box(-180, 180, (2,), np.float64)}
    others["swap_slot"] = spaces.Dict(source_slot=slot, target_slot=slot)
    for name in ("craft", "craft_with_table", "smelt", "equip", "place"):
        others[name] = spaces.Text(40)
    return spaces.Dict({name: others.get(name, spaces.Discrete(2)) for name in entries})


EVENT = sim_space(minedojo_spaces.EVENT_LEVEL)
KEYBOARD = sim_space(minedojo_spaces.KEYBOARD_LEVEL)
INVENTORY = {"inventory": {"name": np.array(["log", "air", "crafting table", *["air"] * 33])}}


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (MINERL, minerl.MineRLTranslator),
        (CRAFTGROUND, craftground.CraftGroundTranslator),
        (EVENT, minedojo.MineDojoSimTranslator),
        (KEYBOARD, minedojo.MineDojoSimTranslator),
        (MINEDOJO, minedojo.MineDojoTranslator),
    ],
)
def test_space_is_recognised_by_its_shape(space: spaces.Space, expected: type) -> None:
    translator = translator_for(space)
    assert type(translator) is expected
    assert translator.action_space is space


def test_reference_sizes_of_the_dictionaries() -> None:
    assert (len(minerl.KEYS), len(craftground.KEYS)) == (24, 21)
    assert (len(minedojo_spaces.EVENT_LEVEL), len(minedojo_spaces.KEYBOARD_LEVEL)) == (16, 25)


def test_spaces_of_the_same_shape_are_distinguished_by_the_module_of_the_class() -> None:
    def env(module: str) -> gym.Env:
        made = type("AnyEnv", (gym.Env,), {"__module__": module})()
        made.action_space, made.observation_space = MINEDOJO, spaces.Discrete(1)
        return made

    hotbar = human_action("hotbar.2")
    fork = translator_for(env("minedojo_fork.sim"))
    assert fork.to_env(hotbar)[5] == 5
    # CraftGround's mod ignores `equip`
    v1 = translator_for(env("craftground.environment.environment"))
    assert v1.to_env(hotbar).tolist() == [0, 0, 0, 12, 12, 0, 0, 0]
    assert v1.unexpressed == {"dropped": ("hotbar.2",)}
    wrapped = translator_for(gym.wrappers.TimeLimit(env("craftground.environment.environment"), 5))
    assert "V2_MINERL_HUMAN" in wrapped.coverage().remedy


def test_cam_interval_is_read_from_the_environment() -> None:
    class Env(gym.Env):
        action_space, observation_space = spaces.MultiDiscrete([3, 3, 4, 53, 53, 8, 244, 36]), spaces.Discrete(1)
        cam_interval = 7

    # 53 bins could be 360/52 degrees each, and fine; the environment says otherwise
    with pytest.raises(ValueError, match=r"no-op turns the camera by \+2°"):
        translator_for(Env())
    assert translator_for(Env(), cam_interval=360 / 52).coverage().camera_error == pytest.approx(180 / 52)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(5),
        spaces.MultiDiscrete([3, 3, 4, 25, 25, 7, 244, 36]),
        spaces.Dict(forward=spaces.Discrete(2), camera=spaces.Box(-180, 180, (2,))),
        code_space(),
    ],
)
def test_the_error_for_an_unknown_space_lists_the_known_ones_and_the_remedy(space: spaces.Space) -> None:
    with pytest.raises(ValueError, match=r"(?s)MineRL.*CraftGround.*MineDojo.*translator="):
        translator_for(space)


def test_neither_env_nor_space() -> None:
    with pytest.raises(TypeError, match=r"gymnasium\.Env or a Gymnasium space"):
        translator_for("minedojo")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("translator", "numbers"),
    [
        (translator_for(MINERL), (8641, 0, 0, 121)),
        (translator_for(CRAFTGROUND), (8641, 0, 0, 121)),
        (translator_for(EVENT), (864, 7776, 1, 121)),
        (translator_for(KEYBOARD), (8640, 0, 1, 121)),
    ],
    ids=["minerl", "craftground", "sim_event", "sim_keyboard"],
)
def test_coverage_of_dictionaries_equals_a_count_by_force(
    translator: Translator, numbers: tuple[int, int, int, int]
) -> None:
    told = translator.coverage()
    assert (told.buttons_kept, told.buttons_changed, told.buttons_lost, told.camera_kept) == numbers
    full = {"inventory": {"name": np.array([f"item {slot}" for slot in range(36)])}}
    silent = translator.to_env(no_op())
    kept = changed = lost = 0
    for buttons in range(N_BUTTONS):
        code = np.array([buttons, 60])
        translator.reset()
        translator.observe(full)
        action = translator.to_env(decode(code))
        by_other_means = action.get("equip", "none") != "none"
        comes_back = (encode(translator.to_human(action)) == canonical(code)).all()
        if comes_back and not by_other_means:
            assert translator.unexpressed == {}
            kept += 1
        elif all(np.array_equal(action[name], silent[name]) for name in action):
            assert translator.unexpressed["dropped"]
            lost += 1
        else:
            changed += 1
    cameras = 0
    for camera in range(N_CAMERA):
        human = decode((1, camera))
        cameras += np.array_equal(translator.to_human(translator.to_env(human))["camera"], human["camera"])
    assert (kept, changed, lost, cameras) == numbers


def test_coverage_as_text_has_its_counts() -> None:
    text = str(translator_for(EVENT).coverage())
    assert "keeps 864 of VPT's 8,641 button codes (7,776 changed, 1 lost" in text
    assert "121 of its 121 camera codes" in text
    assert "ESC" in text
    assert "equip" in text


def test_coverage_is_checked_and_frozen() -> None:
    told = translator_for(MINERL).coverage()
    assert told.complete
    with pytest.raises(dataclasses.FrozenInstanceError):
        told.buttons_kept = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="add up to 8641"):
        dataclasses.replace(told, buttons_kept=3)
    with pytest.raises(ValueError, match="add up to 121"):
        Coverage("any", 8641, 0, 0, 0, camera_kept=3, camera_changed=3)


humans = st.builds(
    lambda pressed, pitch, yaw: human_action(*pressed, camera=(pitch, yaw)),
    st.sets(st.sampled_from(BUTTONS)),
    st.floats(-180, 180, width=32),
    st.floats(-180, 180, width=32),
)


@given(humans)
def test_minerl_is_the_identity(human: dict) -> None:
    translator = translator_for(MINERL)
    action = translator.to_env(human)
    assert translator.action_space.contains(action)
    back = translator.to_human(action)
    assert {**back, "camera": back["camera"].tolist()} == {**human, "camera": human["camera"].tolist()}
    assert translator.unexpressed == {}


@given(humans)
@pytest.mark.parametrize("space", [CRAFTGROUND, KEYBOARD], ids=["craftground", "sim_keyboard"])
def test_known_keys_pass_and_the_others_are_reported(space: spaces.Dict, human: dict) -> None:
    translator = translator_for(space)
    action = translator.to_env(human)
    assert set(action) == set(space.spaces)
    assert action["camera"].dtype == space["camera"].dtype
    assert np.array_equal(action["camera"], human["camera"])
    assert all(action[name] == human[name] for name in BUTTONS if name in space.spaces)
    missing = tuple(name for name in BUTTONS if human[name] and name not in space.spaces)
    assert translator.unexpressed == ({"dropped": missing} if missing else {})


def test_sim_equips_the_item_of_the_slot() -> None:
    translator = translator_for(EVENT)
    translator.observe(INVENTORY)
    action = translator.to_env(human_action("hotbar.1", "hotbar.3", "attack"))
    assert (action["equip"], action["attack"]) == ("crafting_table", 1)
    assert translator.unexpressed == {"dropped": ("hotbar.1",)}  # of several hotbar keys, VPT's codes mean the highest
    back = translator.to_human(action)
    assert [name for name in BUTTONS if back[name]] == ["attack", "hotbar.3"]


@pytest.mark.parametrize("observation", [INVENTORY, {}, None, np.zeros(3)])
def test_sim_drops_the_key_of_an_empty_or_unknown_slot(observation: object) -> None:
    translator = translator_for(EVENT)
    translator.observe(observation)
    assert translator.to_env(human_action("hotbar.2"))["equip"] == "none"
    assert translator.unexpressed == {"dropped": ("hotbar.2",)}


def test_sim_entries_at_rest_are_fresh() -> None:
    translator = translator_for(KEYBOARD)
    first = translator.to_env(no_op())
    first["swap_slot"]["source_slot"] = 7
    assert translator.to_env(no_op())["swap_slot"] == {"source_slot": 0, "target_slot": 0}


@pytest.mark.parametrize(
    ("change", "message"),
    [({"craft": "stick"}, "craft='stick' has no key"), ({"equip": "log"}, "equip='log' has no key")],
)
def test_sim_actions_without_a_key_have_no_human_action(change: dict, message: str) -> None:
    translator = translator_for(EVENT)
    with pytest.raises(ValueError, match=message):
        translator.to_human({**translator.to_env(no_op()), **change})


def test_wrong_entries_are_named() -> None:
    translator = translator_for(CRAFTGROUND)
    action = translator.to_env(no_op())
    with pytest.raises(ValueError, match="'ESC'"):
        translator.to_human({**action, "ESC": 1})
    del action["jump"]
    with pytest.raises(ValueError, match="'jump'"):
        translator.to_human(action)


@pytest.mark.parametrize("space", [MINERL, CRAFTGROUND, EVENT, MINEDOJO])
@pytest.mark.parametrize(
    "change", [{"forward": 2}, {"camera": np.zeros(3)}, {"camera": np.array([np.nan, 0])}, {"run": 1}]
)
def test_what_is_no_human_action_is_refused(space: spaces.Space, change: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        translator_for(space).to_env({**no_op(), **change})


def test_spaces_without_a_usable_camera_or_with_unknown_entries_are_refused() -> None:
    with pytest.raises(ValueError, match="camera must be a Box"):
        minerl.MineRLTranslator(spaces.Dict(forward=spaces.Discrete(2)))
    with pytest.raises(ValueError, match="unknown entries"):
        minerl.MineRLTranslator(spaces.Dict({**MINERL.spaces, "chat": spaces.Text(9)}))


def with_camera(space: spaces.Dict, camera: spaces.Box) -> spaces.Dict:
    return spaces.Dict({**space.spaces, "camera": camera})


@pytest.mark.parametrize("space", [MINERL, CRAFTGROUND, EVENT, KEYBOARD, minedojo_spaces.player_action_space()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_camera_is_clipped_to_the_bounds_of_the_environment(space: spaces.Dict, dtype: type) -> None:
    bounded = with_camera(space, spaces.Box(-5, 5, (2,), dtype))
    translator = translator_for(bounded)
    action = translator.to_env(human_action(camera=(-10.0, 3.0)))
    assert bounded["camera"].contains(action["camera"])
    assert action["camera"].tolist() == [-5, 3]
    assert translator.unexpressed == {"camera_lost": (-5.0, 0.0)}
    assert translator.to_env(human_action())["camera"].tolist() == [0, 0]
    assert translator.unexpressed == {}
    coverage = translator.coverage()
    # of 11 values on each axis, 0 and the three smallest on either side are within 5 degrees
    assert (coverage.camera_kept, coverage.camera_changed) == (7 * 7, 121 - 49)
    assert not coverage.complete
    assert "clipped to -5° to 5° (pitch)" in str(coverage)
    assert coverage.remedy


def test_each_axis_has_its_own_bounds_and_a_clipped_key_is_reported_with_the_camera() -> None:
    camera = spaces.Box(np.array([-90, -1], np.float32), np.array([90, 1], np.float32))
    translator = translator_for(with_camera(EVENT, camera))
    translator.observe(INVENTORY)
    translator.to_env(human_action("hotbar.1", "ESC", camera=(90, 2)))
    assert translator.unexpressed == {"dropped": ("ESC",), "camera_lost": (0.0, 1.0)}
    translator.to_env(human_action("hotbar.1", camera=(90, 2)))
    assert translator.unexpressed == {"camera_lost": (0.0, 1.0)}
    assert translator.coverage().camera_kept == 11 * 3


def test_a_camera_of_integers_is_rounded_and_the_rest_reported() -> None:
    translator = translator_for(with_camera(MINERL, spaces.Box(-180, 180, (2,), np.int64)))
    action = translator.to_env(human_action(camera=(0.75, 2)))
    assert translator.action_space.contains({**action, **{name: np.int64(action[name]) for name in BUTTONS}})
    assert action["camera"].tolist() == [1, 2]
    assert translator.unexpressed == {"camera_lost": (-0.25, 0.0)}
    assert translator.coverage().camera_kept == 3 * 3


@pytest.mark.parametrize("limit", [10, 180, np.inf])
def test_a_camera_that_reaches_10_degrees_keeps_every_code(limit: float) -> None:
    translator = translator_for(with_camera(MINERL, spaces.Box(-limit, limit, (2,), np.float32)))
    assert translator.coverage().complete
    for camera in range(N_CAMERA):
        human = decode((1, camera))
        assert translator.to_env(human)["camera"].tolist() == human["camera"].tolist()
        assert translator.unexpressed == {}


def test_a_camera_that_cannot_rest_is_refused() -> None:
    with pytest.raises(ValueError, match="camera must be able to be 0"):
        translator_for(with_camera(MINERL, spaces.Box(1, 5, (2,), np.float32)))


def subset(*names: str, **others: spaces.Space) -> spaces.Dict:
    return spaces.Dict({name: MINERL[name] for name in names} | others)


@pytest.mark.parametrize(
    ("space", "messages"),
    [
        (
            subset("forward", "jump", "attack", "camera"),
            ["it lacks back, drop, hotbar.1", 'KeyedTranslator(env.action_space, "my game")\n'],
        ),
        (
            subset(*BUTTONS, "camera", craft=spaces.Discrete(9)),
            ["similar to the human action of MineRL 1.0, but it also has craft.\n", "at_rest={'craft': ...})"],
        ),
        (
            spaces.Dict({name: entry for name, entry in EVENT.spaces.items() if name != "use"}),
            ["similar to MineDojo's simulator, event level, but it lacks use.\n"],
        ),
        (subset(*BUTTONS, look=spaces.Box(-1, 1, (2,))), ["it lacks camera and it also has look.", "it needs camera"]),
    ],
)
def test_the_error_for_a_dict_names_what_differs_from_the_most_similar_one(
    space: spaces.Dict, messages: list[str]
) -> None:
    with pytest.raises(ValueError, match="no translator is known") as caught:
        translator_for(space)
    for message in messages:
        assert message in str(caught.value)


def test_keys_that_no_environment_has_are_not_compared() -> None:
    with pytest.raises(ValueError, match="no translator is known") as caught:
        translator_for(spaces.Dict(paddle=spaces.Discrete(3)))
    assert "similar" not in str(caught.value)


def test_a_subset_of_the_keys_is_translated_and_its_other_entries_rest() -> None:
    space = subset("forward", "jump", "attack", "camera", craft=spaces.Discrete(9))
    translator = KeyedTranslator(space, "my game", at_rest={"craft": 0})
    action = translator.to_env(human_action("forward", "use", camera=(0, 3)))
    assert {**action, "camera": action["camera"].tolist()} == {
        "forward": 1,
        "jump": 0,
        "attack": 0,
        "craft": 0,
        "camera": [0, 3],
    }
    assert translator.unexpressed == {"dropped": ("use",)}


def test_codes_that_take_extra_ticks_are_not_a_third_group_in_the_text() -> None:
    coverage = translator_for(MINEDOJO).coverage()
    text = str(coverage)
    assert (
        f"{coverage.buttons_lost} lost; of those kept or changed, {coverage.buttons_slow:,} take extra ticks)" in text
    )
    assert "extra ticks" not in str(translator_for(MINERL).coverage())


def test_an_env_that_takes_vpt_codes_needs_no_second_wrapper() -> None:
    env = VPTActionWrapper(gym.make("vpt_gym/Harvest1Log-v0", level="easy"))
    with pytest.raises(ValueError, match=r"VPT codes.*leave the \(second\) VPTActionWrapper out"):
        VPTActionWrapper(env)
