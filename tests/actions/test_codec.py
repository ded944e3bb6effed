"""The codec against the outputs of the published code, over every code."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import DATA
from vpt_gym.actions import camera, codec
from vpt_gym.actions.human import (
    BUTTONS,
    HOTBAR,
    CheckedAction,
    checked,
    human_action,
    human_action_space,
    no_op,
    selected_slot,
)

GOLDENS = DATA / "actions"
ALL_BUTTONS = np.arange(codec.N_BUTTONS)
ALL_CAMERAS = np.arange(codec.N_CAMERA)


@pytest.fixture(scope="module")
def spec() -> dict:
    return json.loads((GOLDENS / "action_spec.json").read_text())


@pytest.fixture(scope="module")
def to_factored() -> dict:
    return dict(np.load(GOLDENS / "to_factored_golden.npz"))


@pytest.fixture(scope="module")
def from_factored() -> dict:
    return dict(np.load(GOLDENS / "from_factored_golden.npz"))


@pytest.fixture(scope="module")
def camera_golden() -> dict:
    return dict(np.load(GOLDENS / "camera_golden.npz"))


def pairs(buttons, cameras) -> np.ndarray:
    return np.stack(np.broadcast_arrays(buttons, cameras), axis=-1).astype(np.int64)


def assert_same_degrees(actual, golden) -> None:
    """Equal as float32, which actions carry; the last bit of a float64 power differs between libraries."""
    np.testing.assert_allclose(actual, golden, rtol=1e-15)
    np.testing.assert_array_equal(np.float32(actual), np.float32(golden))


class TestSpec:
    def test_the_constants_are_the_published_ones(self, spec):
        assert list(codec.VPT_BUTTONS) == spec["buttons_all"]
        assert spec["n"] == codec.N_BUTTONS
        assert spec["inventory_index"] == codec.INVENTORY_CODE
        assert spec["camera_n"] == codec.N_CAMERA
        assert spec["camera_null_idx"] == codec.NULL_CAMERA
        assert spec["camera_null_bin"] == camera.NULL_BIN
        assert_same_degrees(camera.BIN_DEGREES, spec["camera_bin_centres_deg"])
        assert sorted([*BUTTONS, "camera"]) == spec["env_keys"] == list(human_action_space())

    def test_the_sampled_combinations_are_the_published_ones(self, spec):
        for code, combination in spec["sample"].items():
            action = codec.decode((int(code), 0))
            held = {name for name in codec.VPT_BUTTONS if action[name]}
            wanted = [combination] if isinstance(combination, str) else combination
            assert held == {name for name in wanted if name not in ("none", "camera")}
            if not isinstance(combination, str):
                assert action["camera"].any() == ("camera" in combination)

    def test_the_spaces_contain_the_results_of_the_codec(self):
        space = human_action_space()
        assert space.contains(no_op())
        for code in (codec.NULL_CODE, (8640, 3), (8639, 120), (100, 61)):
            assert space.contains(codec.decode(code))
            assert codec.code_space().contains(codec.encode(codec.decode(code)))


class TestGoldens:
    def test_decode_equals_the_published_decoding_of_every_button_code(self, to_factored):
        for k in to_factored["cams"]:
            action = codec.decode(pairs(ALL_BUTTONS, k))
            pressed = np.stack([action[name] for name in codec.VPT_BUTTONS], axis=-1)
            np.testing.assert_array_equal(pressed, to_factored["buttons"])
            bins = camera.to_bin(action["camera"])
            np.testing.assert_array_equal(bins, to_factored[f"cam{k}_camera"])

    def test_the_round_trip_equals_the_published_one(self, to_factored):
        for k in to_factored["cams"]:
            back = codec.encode(codec.decode(pairs(ALL_BUTTONS, k)))
            np.testing.assert_array_equal(back[:, 0], to_factored[f"rt{k}_buttons"])
            np.testing.assert_array_equal(back[:, 1], to_factored[f"rt{k}_camera"])

    def test_encode_equals_the_published_encoding_of_raw_actions(self, from_factored):
        action = {str(name): from_factored["raw"][:, i] for i, name in enumerate(from_factored["keys"])}
        action["camera"] = from_factored["camera"]
        code = codec.encode(action)
        np.testing.assert_array_equal(code[:, 0], from_factored["buttons_idx"])
        np.testing.assert_array_equal(code[:, 1], from_factored["camera_idx"])
        # The null rule as intended (the published check compares a method with a number and never fires). Keys that
        # cancel each other leave a null code too.
        cancelled = (from_factored["buttons_idx"] == 0) & (from_factored["camera_idx"] == codec.NULL_CAMERA)
        np.testing.assert_array_equal(codec.is_null(code), from_factored["true_null"] | cancelled)

    def test_camera_bins_equal_the_published_ones(self, camera_golden):
        np.testing.assert_array_equal(camera.to_bin(camera_golden["grid_deg"]), camera_golden["grid_bin"])
        np.testing.assert_array_equal(camera.to_bin(camera_golden["fine_deg"]), camera_golden["fine_bin"])
        assert_same_degrees(camera.to_degrees(camera_golden["bins"]), camera_golden["centres"])
        assert_same_degrees(camera.to_degrees(camera.to_bin(camera_golden["grid_deg"])), camera_golden["grid_undisc"])
        np.testing.assert_array_equal(
            camera.to_bin(camera_golden["mouse_counts"] * 0.15), camera_golden["mouse_bin_float"]
        )

    def test_the_camera_index_is_pitch_major(self, camera_golden):
        bins = camera.to_bin(codec.decode(pairs(1, ALL_CAMERAS))["camera"])
        np.testing.assert_array_equal(bins, camera_golden["camera_idx_to_factored"])


class TestEveryCode:
    def test_canonical_is_encode_of_decode_for_all_8641_by_121_codes(self):
        for k in ALL_CAMERAS:
            codes = pairs(ALL_BUTTONS, k)
            np.testing.assert_array_equal(codec.canonical(codes), codec.encode(codec.decode(codes)))

    def test_canonical_codes_survive_the_round_trip_and_canonical_is_idempotent(self):
        codes = codec.canonical(pairs(ALL_BUTTONS[:, None], ALL_CAMERAS))
        np.testing.assert_array_equal(codec.canonical(codes), codes)
        distinct = np.unique(codes.reshape(-1, 2), axis=0)
        # 4,320 button combinations, each with a resting camera or one of 120 movements, and the inventory
        assert len(distinct) == 4320 * 121 + 1

    def test_there_is_exactly_one_null_code_among_the_canonical_ones(self):
        assert codec.is_null(codec.NULL_CODE)
        null = codec.is_null(pairs(ALL_BUTTONS[:, None], ALL_CAMERAS))
        assert null.sum() == 121 + 1  # code 0 with any camera, and code 1 with the resting one


class TestShapes:
    def test_one_code_gives_plain_numbers_and_a_fresh_camera(self):
        action = codec.decode(np.array([1, 0]))
        assert isinstance(action["forward"], int)
        action["camera"][:] = 7
        assert codec.decode(np.array([1, 0]))["camera"].tolist() == [-10, -10]

    @given(st.lists(st.integers(1, 3), max_size=3), st.randoms(use_true_random=False))
    def test_leading_axes_are_kept(self, shape, random):
        rng = np.random.default_rng(random.getrandbits(32))
        codes = rng.integers([codec.N_BUTTONS, codec.N_CAMERA], size=(*shape, 2))
        action = codec.decode(codes)
        assert action["camera"].shape == (*shape, 2)
        assert codec.encode(action).shape == codes.shape
        np.testing.assert_array_equal(codec.encode(action), codec.canonical(codes))

    @given(
        st.sets(st.sampled_from(codec.VPT_BUTTONS)),
        st.tuples(*[st.floats(-180, 180, width=32)] * 2),
    )
    def test_encode_is_idempotent_on_any_human_action(self, pressed, degrees):
        code = codec.encode(human_action(*pressed, camera=degrees))
        np.testing.assert_array_equal(codec.encode(codec.decode(code)), code)


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ((8641, 0), r"buttons id 8641.*\[0, 8641\)"),
            ((0, 121), r"camera id 121.*\[0, 121\)"),
            ((-1, 0), "buttons id -1"),
            ((0.0, 1.0), "integers, got dtype float64"),
            ((0, 0, 0), r"got shape \(3,\)"),
            (5, r"got shape \(\)"),
        ],
    )
    def test_what_is_no_code_is_refused(self, code, message):
        for function in (codec.decode, codec.canonical):
            with pytest.raises(ValueError, match=message):
                function(code)

    def test_what_is_no_human_action_is_refused(self):
        with pytest.raises(ValueError, match=r"lacks \['attack'.*no_op"):
            codec.encode({"camera": np.zeros(2)})
        with pytest.raises(ValueError, match="'jump' is 2"):
            codec.encode({**no_op(), "jump": 2})
        with pytest.raises(ValueError, match="NaN"):
            codec.encode({**no_op(), "camera": [0.0, float("nan")]})
        with pytest.raises(ValueError, match=r"\(pitch, yaw\), got shape \(3,\)"):
            codec.encode({**no_op(), "camera": np.zeros(3)})
        with pytest.raises(ValueError, match="leading axes differ"):
            codec.encode({**no_op(), "camera": np.zeros((4, 2))})

    def test_camera_values_are_checked(self):
        with pytest.raises(ValueError, match="NaN"):
            camera.to_bin(float("nan"))
        for bins in ([11], [-1]):
            with pytest.raises(ValueError, match="integers in"):
                camera.to_degrees(bins)
        assert not camera.BIN_DEGREES.flags.writeable
        with pytest.raises(ValueError, match="integers in"):
            camera.to_degrees([1.0])


class TestHumanAction:
    def test_named_buttons_are_pressed(self):
        action = human_action("forward", "hotbar.3", camera=(1.0, -2.0))
        assert [name for name in BUTTONS if action[name]] == ["forward", "hotbar.3"]
        assert action["camera"].tolist() == [1.0, -2.0]
        assert human_action_space().contains(action)
        assert checked({"camera": (180, -180)})["camera"].tolist() == [180, -180]

    def test_checked_adds_absent_buttons_and_does_not_change_its_argument(self):
        given_action = {"jump": np.array([True]), "camera": [0, 3]}
        action = checked(given_action)
        assert action["jump"] == 1
        assert action["sneak"] == 0
        assert set(given_action) == {"jump", "camera"}
        assert human_action_space().contains(action)

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ({"forwards": 1, "camera": (0, 0)}, "unknown keys.*'forwards'"),
            ({"jump": 2, "camera": (0, 0)}, "'jump' is 2"),
            ({"jump": (0, 1), "camera": (0, 0)}, "'jump' is"),
            ({"jump": 1}, "camera is None"),
            ({"camera": (0, float("inf"))}, "finite"),
            ({"camera": (0, 181)}, "within"),
        ],
    )
    def test_what_is_no_human_action_is_refused(self, bad, message):
        with pytest.raises(ValueError, match=message):
            checked(bad)

    def test_of_several_hotbar_keys_the_one_that_vpt_codes_keep_is_selected(self):
        for held in range(512):
            action = human_action(*(key for n, key in enumerate(HOTBAR) if held >> n & 1))
            kept = codec.decode(codec.encode(action))
            assert (
                selected_slot(action) == selected_slot(kept) == max((n for n in range(9) if held >> n & 1), default=-1)
            )

    @pytest.mark.parametrize(
        "change",
        [
            lambda action: action.__setitem__("jump", 2),
            lambda action: action.update(jump=2),
            lambda action: action.__ior__({"jump": 2}),
            lambda action: action.pop("camera"),
            lambda action: action.popitem(),
            lambda action: action.__delitem__("camera"),
            lambda action: action.clear(),
            lambda action: action.setdefault("run", 1),
        ],
    )
    def test_a_checked_action_that_was_changed_is_checked_again(self, change):
        action = CheckedAction(no_op())
        assert checked(action) is action
        change(action)
        with pytest.raises(ValueError, match=r"is 2|camera is|unknown keys"):
            checked(action)

    @pytest.mark.parametrize("axis", [0, 1])
    @pytest.mark.parametrize("degrees", [np.nan, np.inf, 180.5, -181.0])
    def test_a_checked_action_whose_camera_was_changed_in_place_is_checked_again(self, degrees, axis):
        action = CheckedAction(no_op())
        action["camera"][axis] = 180.0
        assert checked(action) is action
        action["camera"][axis] = degrees
        with pytest.raises(ValueError, match="camera is"):
            checked(action)

    @pytest.mark.parametrize("copy_of", [dict.copy, copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
    def test_a_copy_of_a_checked_action_is_an_ordinary_dict(self, copy_of):
        action = copy_of(CheckedAction(human_action("jump")))
        assert type(action) is dict
        assert action["jump"] == 1

    def test_an_unknown_button_is_refused(self):
        with pytest.raises(ValueError, match="unknown button 'atack'"):
            human_action("atack")
