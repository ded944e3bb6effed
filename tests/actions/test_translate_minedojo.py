"""The translator for MineDojo's MultiDiscrete: what it keeps, how it rounds the camera, what it drops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, canonical, decode, encode
from vpt_gym.actions.human import BUTTONS, human_action, no_op
from vpt_gym.actions.minedojo import MineDojoTranslator

INTERVALS = [15.0, 5.0, 1.0, 0.15]
FULL = {"inventory": {"name": np.array(["log"] * 36)}}


def space(cam_interval: float) -> spaces.MultiDiscrete:
    bins = round(360 / cam_interval) + 1
    return spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, 244, 36])


def translator(cam_interval: float = 15.0, **options: Any) -> MineDojoTranslator:
    return MineDojoTranslator(space(cam_interval), **options)


def held(human: dict[str, Any]) -> list[str]:
    return [name for name in BUTTONS if human[name]]


class Game:
    """The view of a player: what MineDojo does with the camera entries, and what its observation tells."""

    def __init__(self, cam_interval: float, pitch: float) -> None:
        self.cam_interval, self.pitch, self.yaw = cam_interval, pitch, 0.0

    def step(self, action: np.ndarray) -> dict[str, Any]:
        self.pitch = min(max(self.pitch + action[3] * self.cam_interval - 180, -90.0), 90.0)
        self.yaw += action[4] * self.cam_interval - 180
        return self.observation()

    def observation(self) -> dict[str, Any]:
        return {"location_stats": {"pitch": np.array([self.pitch], np.float32)}}


# -- coverage


@pytest.mark.parametrize(
    ("equips", "cam_interval", "kept", "lost", "slow", "cameras"),
    [
        (True, 15.0, 288, 1, 7884, 9),
        (True, 5.0, 288, 1, 7884, 25),
        (True, 1.0, 288, 1, 7884, 121),
        (True, 0.15, 288, 1, 7884, 121),
        (False, 15.0, 288, 19, 0, 9),
    ],
)
def test_coverage_equals_a_count_by_force(
    equips: bool, cam_interval: float, kept: int, lost: int, slow: int, cameras: int
) -> None:
    nn = translator(cam_interval, equips=equips)
    told = nn.coverage()
    counted = {"kept": 0, "changed": 0, "lost": 0, "slow": 0}
    silent = nn.to_env(no_op()).tolist()
    for buttons in range(N_BUTTONS):
        nn.reset()
        nn.observe(FULL)
        action = nn.to_env(decode((buttons, 60)))
        comes_back = (encode(nn.to_human(action)) == canonical((buttons, 60))).all()
        if comes_back and action[5] != 5:
            assert nn.unexpressed == {}
            counted["kept"] += 1
        elif action.tolist() == silent:
            assert nn.unexpressed["dropped"]
            counted["lost"] += 1
        else:
            assert nn.unexpressed.get("dropped") or action[5] == 5
            counted["changed"] += 1
        counted["slow"] += equips and action[5] in (2, 5)  # MineDojo: one tick, and two more in which nothing is done
    cameras_kept = 0
    for camera in range(N_CAMERA):
        nn.reset()
        code = canonical((1, camera))
        cameras_kept += int((encode(nn.to_human(nn.to_env(decode(code)))) == code).all())

    assert counted == {
        "kept": told.buttons_kept,
        "changed": told.buttons_changed,
        "lost": told.buttons_lost,
        "slow": told.buttons_slow,
    }
    assert cameras_kept == told.camera_kept
    assert (told.buttons_kept, told.buttons_lost, told.buttons_slow, told.camera_kept) == (kept, lost, slow, cameras)
    assert told.camera_error == cam_interval / 2
    assert not told.complete


def test_stock_space_keeps_288_of_the_864_combinations_without_hotbar() -> None:
    nn = translator()
    combinations = [code for code in range(864) if code != N_BUTTONS - 1]  # the hotbar is the slowest digit
    assert not any(name.startswith("hotbar") for code in combinations for name in held(decode((code, 60))))
    kept = 0
    for code in combinations:
        nn.reset()
        kept += "dropped" not in (nn.to_env(decode((code, 60))), nn.unexpressed)[1]
    assert (kept, len(combinations)) == (288, 864)


def test_15_degree_bins_turn_9_of_11_camera_values_into_0() -> None:
    told = str(translator().coverage())
    assert "9 (pitch) and 9 (yaw) of the 11 camera values become 0°" in told
    assert "cam_interval=0.15" in told
    assert "cam_interval" not in str(translator(0.15).coverage())


# -- round trips


@settings(max_examples=300)
@given(st.integers(0, N_BUTTONS - 1), st.integers(0, N_CAMERA - 1), st.sampled_from(INTERVALS))
def test_what_is_covered_comes_back_from_a_fresh_reset(buttons: int, camera: int, cam_interval: float) -> None:
    nn = translator(cam_interval)
    human = decode(canonical((buttons, camera)))
    action = nn.to_env(human)
    assert nn.action_space.contains(action)
    assert action.dtype == np.int64
    back = nn.to_human(action)
    dropped = nn.unexpressed.get("dropped", ())
    assert held(back) == [name for name in held(human) if name not in dropped]
    assert np.abs(back["camera"] - human["camera"]).max() <= cam_interval / 2 + 1e-5
    assert np.allclose(human["camera"] - back["camera"], nn.unexpressed.get("camera_residual", (0, 0)), atol=1e-5)


@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=5))
def test_env_actions_that_a_keyboard_can_say_come_back(seeds: list[int]) -> None:
    nn = translator(5.0)
    for seed in seeds:
        nn.action_space.seed(seed)
        action = nn.action_space.sample()
        action[5] %= 4
        action[6] = action[7] = 0
        nn.reset()
        assert nn.to_env(nn.to_human(action)).tolist() == action.tolist()
        assert nn.unexpressed == {}


# -- camera


@settings(max_examples=150)
@given(
    st.sampled_from(INTERVALS),
    st.floats(-90, 90, width=32),
    st.lists(st.tuples(st.floats(-180, 180, width=32), st.floats(-180, 180, width=32)), min_size=1, max_size=60),
    st.sampled_from([1.0, 0.05]),
)
def test_view_is_never_off_by_more_than_half_a_bin(
    cam_interval: float, pitch: float, turns: list[tuple[float, float]], scale: float
) -> None:
    nn, game = translator(cam_interval), Game(cam_interval, pitch)
    nn.observe(game.observation())
    wanted = [pitch, 0.0]
    for turn in turns:
        camera = (turn[0] * scale, turn[1] * scale)
        # what the same mouse would do in the game itself, which stops at straight up and down
        wanted = [min(max(wanted[0] + np.float32(camera[0]), -90.0), 90.0), wanted[1] + np.float32(camera[1])]
        nn.observe(game.step(nn.to_env(human_action(camera=camera))))
        off = (wanted[0] - game.pitch, wanted[1] - game.yaw)
        assert np.abs(off).max() <= cam_interval / 2 + 1e-3
        # 1e-3: the observation is float32, and its rounding adds up
        assert np.allclose(nn.unexpressed.get("camera_residual", (0, 0)), off, atol=1e-3)


@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=100))
def test_unobserved_view_is_kept_away_from_the_poles(turns: list[float]) -> None:
    """Without a word on the pitch nothing is clamped: the game does it, and only there the view can be off."""
    nn, wanted, had = translator(15.0), 0.0, 0.0
    for turn in turns:
        action = nn.to_env(human_action(camera=(turn, -turn)))
        wanted, had = wanted + turn, had + action[3] * 15.0 - 180
        assert abs(wanted - had) <= 7.5 + 1e-6
        assert action[3] - 12 == 12 - action[4]


def test_small_movements_add_up() -> None:
    nn = translator(15.0)
    yaw = [int(nn.to_env(human_action(camera=(0, 2.0)))[4]) - 12 for _ in range(15)]
    assert sum(yaw) * 15 == 30
    assert set(yaw) == {0, 1}


def test_looking_further_down_than_down_leaves_no_residual() -> None:
    nn, game = translator(15.0), Game(15.0, 80.0)
    nn.observe(game.observation())
    for _ in range(20):
        nn.observe(game.step(nn.to_env(human_action(camera=(10, 0)))))
    assert game.pitch == 90
    nn.observe(game.step(nn.to_env(human_action(camera=(-10, 0)))))
    assert game.pitch == 75  # 80 was asked for: within half a bin at once


def test_view_is_taken_over_from_the_observation_after_a_teleport() -> None:
    nn, game = translator(15.0), Game(15.0, -90.0)
    nn.observe(game.observation())
    nn.to_env(human_action(camera=(-5, 0)))
    game.pitch = 60.0
    nn.observe(game.observation())
    nn.observe(game.step(nn.to_env(human_action(camera=(30, 0)))))
    assert game.pitch == 90


def test_reset_forgets_the_residual_and_the_sprint() -> None:
    nn = translator()
    nn.to_env(human_action("forward", "sprint", camera=(7, -7)))
    nn.reset()
    assert nn.to_env(human_action("forward", "sprint", "jump", camera=(1, -1))).tolist() == [1, 0, 3, 12, 12, 0, 0, 0]
    assert nn.unexpressed == {"dropped": ("jump",), "camera_residual": (1.0, -1.0)}


# -- keys that exclude each other


def postures(nn: MineDojoTranslator, *ticks: tuple[str, ...]) -> list[tuple[int, tuple[str, ...]]]:
    return [(int(nn.to_env(human_action(*keys))[2]), nn.unexpressed.get("dropped", ())) for keys in ticks]


RUN, RUN_JUMP = ("forward", "sprint"), ("forward", "jump", "sprint")
JUMP, SPRINT = (1, ()), (3, ())
LATE = (3, ("jump",))


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ([RUN, RUN_JUMP, RUN_JUMP, RUN_JUMP], [SPRINT, JUMP, JUMP, JUMP]),
        ([RUN_JUMP, RUN_JUMP], [LATE, JUMP]),
        # the sprint lasts without its key, as in the game
        ([RUN, ("forward",), RUN_JUMP], [SPRINT, (0, ()), JUMP]),
        # what ends a sprint: no forward, backward, sneaking, the extra ticks of drop and equip
        ([RUN, (), RUN_JUMP], [SPRINT, (0, ()), LATE]),
        ([RUN, ("forward", "back"), RUN_JUMP], [SPRINT, (0, ()), LATE]),
        ([RUN, ("forward", "sneak"), RUN_JUMP], [SPRINT, (2, ()), LATE]),
        ([RUN, ("forward", "drop"), RUN_JUMP], [SPRINT, (0, ()), LATE]),
        ([RUN, ("forward", "hotbar.4"), RUN_JUMP], [SPRINT, (0, ()), LATE]),
        # no sprint without forward: the jump goes first
        ([("jump", "sprint")], [(1, ("sprint",))]),
        ([("back", "jump", "sprint")], [(1, ("sprint",))]),
        # otherwise jump before sneak before sprint
        ([("jump", "sneak")], [(1, ("sneak",))]),
        ([("sneak", "sprint")], [(2, ("sprint",))]),
        ([("forward", "jump", "sneak", "sprint")], [(1, ("sneak", "sprint"))]),
    ],
)
def test_jump_sneak_and_sprint(ticks: list[tuple[str, ...]], expected: list[tuple[int, tuple[str, ...]]]) -> None:
    assert postures(translator(), *ticks) == expected


@pytest.mark.parametrize(
    ("keys", "function", "dropped"),
    [
        (("use",), 1, ()),
        (("drop",), 2, ()),
        (("attack",), 3, ()),
        (("attack", "drop", "use"), 3, ("drop", "use")),
        (("drop", "use"), 1, ("drop",)),
        (("attack", "hotbar.5"), 5, ("attack",)),
        (("hotbar.2", "hotbar.9"), 5, ("hotbar.2",)),
    ],
)
def test_attack_use_drop_and_hotbar(keys: tuple[str, ...], function: int, dropped: tuple[str, ...]) -> None:
    nn = translator()
    assert nn.to_env(human_action(*keys))[5] == function
    assert nn.unexpressed.get("dropped", ()) == dropped


def test_hotbar_key_equips_its_slot_if_there_is_something() -> None:
    nn = translator()
    nn.observe({"inventory": {"name": np.array(["log", "air", "planks", *["air"] * 33])}})
    assert nn.to_env(human_action("hotbar.3")).tolist() == [0, 0, 0, 12, 12, 5, 0, 2]
    # MineDojo raises when it is told to equip air
    assert nn.to_env(human_action("attack", "hotbar.2")).tolist() == [0, 0, 0, 12, 12, 3, 0, 0]
    assert nn.unexpressed == {"dropped": ("hotbar.2",)}


def test_a_hotbar_is_nine_slots() -> None:
    nn = translator()
    for slots, function in ((8, 5), (9, 0)):  # of fewer slots nothing is known
        nn.observe({"inventory": {"name": ["air"] * slots}})
        assert nn.to_env(human_action("hotbar.9"))[5] == function
        nn.observe({"inventory": {}})


def test_what_has_no_entry_is_dropped() -> None:
    nn = translator()
    action = nn.to_env(human_action("ESC", "inventory", "pickItem", "swapHands", "forward", "back", "left"))
    assert action.tolist() == [0, 1, 0, 12, 12, 0, 0, 0]
    assert nn.unexpressed == {"dropped": ("ESC", "inventory", "pickItem", "swapHands")}


# -- bad input


@pytest.mark.parametrize(("function", "slot"), [(4, 0), (6, 0), (7, 0), (5, 9), (5, 35)])
def test_functions_without_a_key_have_no_human_action(function: int, slot: int) -> None:
    with pytest.raises(ValueError, match="no key of a keyboard"):
        translator().to_human([0, 0, 0, 12, 12, function, 0, slot])


@pytest.mark.parametrize(
    "action",
    [[0, 0, 0, 12, 12, 0, 0], [3, 0, 0, 12, 12, 0, 0, 0], [0.0] * 8, [0, 0, 0, -1, 12, 0, 0, 0], np.zeros((2, 8), int)],
)
def test_actions_outside_the_space_are_refused(action: Any) -> None:
    with pytest.raises(ValueError, match="not in the action space"):
        translator().to_human(action)


@pytest.mark.parametrize(
    ("bins", "cam_interval", "message"),
    [
        (24, None, "the no-op turns the camera"),
        (53, 7, r"no-op turns the camera by \+2° per tick.*divides 180"),
        (46, 8, r"no-op turns the camera by -4°"),
        (25, 10, r"25 camera bins, but cam_interval=10 needs 37.*25 bins are 15° apart"),
        (1, 15, "1 camera bins, but cam_interval=15 needs 25"),
        (25, -15, "must be in"),
        (25, 0, "must be in"),
        (2, 180.5, "must be in"),
        (2, None, "must be in"),
    ],
)
def test_bins_whose_no_op_turns_are_refused(bins: int, cam_interval: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MineDojoTranslator(spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, 244, 36]), cam_interval)


@pytest.mark.parametrize(
    ("cam_interval", "bins"), [(180, 3), (15, 25), (10, 37), (9, 41), (7.5, 49), (5, 73), (3, 121), (1, 361)]
)
def test_bins_are_those_of_minedojo(cam_interval: float, bins: int) -> None:
    nn = MineDojoTranslator(spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, 244, 36]), cam_interval)
    assert nn.to_human([0, 0, 0, (bins - 1) // 2 + 1, (bins - 1) // 2 - 1, 0, 0, 0])["camera"].tolist() == [
        cam_interval,
        -cam_interval,
    ]


def test_pitch_and_yaw_can_differ_in_bins() -> None:
    nn = MineDojoTranslator(spaces.MultiDiscrete([3, 3, 4, 25, 361, 8, 10, 36]))
    assert nn.to_env(human_action(camera=(10, 10))).tolist() == [0, 0, 0, 13, 190, 0, 0, 0]
    assert nn.coverage().camera_kept == 3 * 11


def test_other_spaces_are_refused() -> None:
    with pytest.raises(ValueError, match="not a MultiDiscrete"):
        MineDojoTranslator(spaces.MultiDiscrete([3, 3]))
