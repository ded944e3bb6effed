from __future__ import annotations

import numpy as np
import pytest

from tests.support.paths import DATA
from vpt_gym.actions import codec, factored
from vpt_gym.actions.human import BUTTONS, human_action

GOLDENS = DATA / "actions"


@pytest.fixture(scope="module")
def golden() -> dict:
    return dict(np.load(GOLDENS / "from_factored_golden.npz"))


def actions_of(golden: dict) -> dict:
    keys = golden["keys"].tolist()
    return {**{name: golden["raw"][:, keys.index(name)] for name in BUTTONS}, "camera": golden["camera"]}


def test_factored_actions_are_the_published_ones(golden: dict) -> None:
    buttons, camera = factored.from_human(actions_of(golden))
    assert np.array_equal(buttons, golden["env2policy_buttons"])
    assert np.array_equal(camera, golden["env2policy_camera"])


def test_and_back_gives_the_same_factors_and_the_same_vpt_code(golden: dict) -> None:
    buttons, camera = factored.from_human(actions_of(golden))
    action = factored.to_human(buttons, camera)
    assert set(action) == {*BUTTONS, "camera"}
    assert not any(action[name].any() for name in ("ESC", "pickItem", "swapHands"))
    again = factored.from_human(action)
    assert np.array_equal(again[0], buttons)
    assert np.array_equal(again[1], camera)
    expected = np.stack([golden["buttons_idx"], golden["camera_idx"]], -1)
    assert np.array_equal(codec.encode(action), expected)


def test_one_action_needs_no_leading_axis() -> None:
    buttons, camera = factored.from_human(human_action("jump", "left", camera=(0.0, 5.8)))
    assert buttons.shape == (20,)
    assert [codec.VPT_BUTTONS[k] for k in np.flatnonzero(buttons)] == ["jump", "left"]
    assert camera.tolist() == [5, 9]
    action = factored.to_human(buttons, camera)
    assert action["jump"] == action["left"] == 1
    assert action["camera"].dtype == np.float32
    np.testing.assert_allclose(action["camera"], (0.0, 5.8094831), rtol=1e-6)


def test_the_mirror_swaps_left_and_right_and_is_its_own_inverse(golden: dict) -> None:
    buttons, camera = factored.from_human(actions_of(golden))
    flipped = factored.mirrored(buttons, camera)
    there, here = factored.to_human(*flipped), factored.to_human(buttons, camera)
    assert np.array_equal(there["left"], here["right"])
    assert np.array_equal(there["forward"], here["forward"])
    np.testing.assert_allclose(there["camera"], here["camera"] * (1, -1))
    back = factored.mirrored(*flipped)
    assert np.array_equal(back[0], buttons)
    assert np.array_equal(back[1], camera)


def test_what_is_no_action_is_refused() -> None:
    action = human_action("jump")
    for changed, message in (
        ({**action, "jump": 2}, "must be 0 or 1"),
        ({**action, "jump": np.zeros(3)}, "leading axes differ"),
        ({**action, "camera": np.zeros(3)}, r"camera must be"),
        ({name: value for name, value in action.items() if name != "use"}, "lacks"),
    ):
        with pytest.raises(ValueError, match=message):
            factored.from_human(changed)
    for buttons, camera, message in (
        (np.zeros((4, 19), int), np.zeros((4, 2), int), r"must be \(\.\.\., 20\)"),
        (np.zeros((4, 20), int), np.zeros((3, 2), int), r"must be \(\.\.\., 20\)"),
        (np.full(20, 2), np.zeros(2, int), "0 or 1"),
        (np.zeros(20, int), np.array([11, 0]), "camera bins"),
    ):
        with pytest.raises(ValueError, match=message):
            factored.to_human(buttons, camera)
