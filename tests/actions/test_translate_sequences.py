"""Sequences through MineDojo's MultiDiscrete, compared in the embedded world with the same keys and mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym.actions import minedojo_spaces
from vpt_gym.actions.codec import canonical, encode
from vpt_gym.actions.human import BUTTONS, HumanAction, human_action, no_op
from vpt_gym.actions.minedojo import MineDojoSimTranslator, MineDojoTranslator
from vpt_gym.actions.translate import translator_for
from vpt_gym.spaces import Choice
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.experts import LogExpert

INTERVALS = [15.0, 5.0, 1.0, 0.15]
SEED = 5
MOUSE = 0.15  # degrees of view for each count of the mouse, as the contractors of VPT had it


def world(actions: str, cam_interval: float = 0.15) -> VoxelEnv:
    env = VoxelEnv(level="easy", actions=actions, cam_interval=cam_interval, image_size=(32, 32))
    env.reset(seed=SEED)
    return env


def view(env: VoxelEnv) -> np.ndarray:
    """(pitch, yaw) in degrees, exact."""
    return np.array([env.state.player["pitch"][0], env.state.player["yaw"][0]])


def off(wanted: np.ndarray, had: np.ndarray) -> np.ndarray:
    """Distance of two views on each axis, the shorter way round."""
    pitch, yaw = wanted - had
    return np.abs([pitch, (yaw + 180.0) % 360.0 - 180.0])


@pytest.fixture(scope="module")
def recorded() -> list[HumanAction]:
    """An expert chops a tree while a hand moves the mouse smoothly; then the hand looks about, also up and down."""
    rng, env, expert = np.random.default_rng(7), world("human"), LogExpert()
    velocity = np.zeros(2)
    sequence: list[HumanAction] = []
    for tick in range(500):
        aim = np.array([25.0 * np.sin(tick / 9.0), 6.0]) if tick >= 200 else np.zeros(2)
        velocity = 0.8 * velocity + 0.2 * aim + rng.normal(0.0, 0.8, 2)
        action = expert.act(env) if tick < 200 else human_action("forward", "sprint", *(("jump",) * (tick % 20 < 3)))
        counts = np.rint((action["camera"] + velocity) / MOUSE)
        sequence.append({**action, "camera": (counts * MOUSE).astype(np.float32)})
        env.step(sequence[-1])
    return sequence


def test_the_recording_is_human_like(recorded: list[HumanAction]) -> None:
    env, pitches = world("human"), []
    for action in recorded:
        env.step(action)
        pitches.append(view(env)[0])
    speed = np.abs([action["camera"] for action in recorded])
    assert {name for action in recorded for name in BUTTONS if action[name]} >= {"attack", "forward", "sprint", "jump"}
    assert 0.5 < np.median(speed) < 6  # most movements are far below a stock bin of 15 degrees
    assert speed.max() > 15
    assert min(pitches) == -90 and max(pitches) == 90  # noqa: PT018 (both ends are reached)
    assert 20 < sum(abs(pitch) == 90 for pitch in pitches) < 250


@pytest.mark.parametrize("cam_interval", INTERVALS)
@pytest.mark.parametrize("observed", [True, False], ids=["observed", "unobserved"])
def test_view_error_of_a_recorded_sequence(recorded: list[HumanAction], cam_interval: float, observed: bool) -> None:
    exact, binned = world("human"), world("minedojo", cam_interval)
    nn = translator_for(binned, cam_interval=cam_interval)
    half = cam_interval / 2 + 1e-3  # the observed pitch is float32
    clamped = False
    for tick, action in enumerate(recorded):
        if observed:
            nn.observe({"location_stats": {"pitch": binned.state.player["pitch"].astype(np.float32)}})
        exact.step(action)
        binned.step(nn.to_env(action))
        clamped |= bool(abs(view(exact)[0]) == 90)
        pitch_off, yaw_off = off(view(exact), view(binned))
        # who does not see the game clamp the pitch can lose half a bin more at straight up and down, never more
        allowed = 2 * half if clamped and not observed else half
        assert pitch_off <= allowed, f"tick {tick}"
        assert yaw_off <= half, f"tick {tick}"
        if observed:
            told = np.abs(nn.unexpressed.get("camera_residual", (0.0, 0.0)))
            assert np.allclose(told, (pitch_off, yaw_off), atol=1e-3), f"tick {tick}"
    assert clamped


@settings(max_examples=200)
@given(
    st.sampled_from(INTERVALS),
    st.floats(-90, 90),
    st.lists(st.floats(-180, 180, width=32), min_size=1, max_size=80),
    st.sampled_from([1.0, 0.2, 0.05]),
)
def test_unobserved_pitch_is_never_off_by_more_than_a_bin(
    cam_interval: float, pitch: float, turns: list[float], scale: float
) -> None:
    bins = round(360 / cam_interval) + 1
    nn = MineDojoTranslator(spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, 244, 36]))
    wanted = had = pitch
    for turn in turns:
        human = human_action(camera=(turn * scale, 0))
        wanted = min(max(wanted + float(human["camera"][0]), -90.0), 90.0)
        had = min(max(had + (int(nn.to_env(human)[3]) - bins // 2) * cam_interval, -90.0), 90.0)
        assert abs(wanted - had) <= cam_interval + 1e-6


# -- MineDojo -> human -> VPT


def test_a_recorded_minedojo_expert_plays_the_same_with_keys_and_mouse(recorded: list[HumanAction]) -> None:
    """What an expert did in MineDojo's actions, replayed as human actions: the same world, tick by tick."""
    nn = MineDojoTranslator(world("minedojo", 15.0).action_space, 15.0)
    played = [nn.to_env(action) for action in recorded]
    minedojo_world, human_world = world("minedojo", 15.0), world("human")
    nn.reset()
    for tick, action in enumerate(played):
        human = nn.to_human(action)
        first, *_ = minedojo_world.step(action)
        second, *_ = human_world.step(human)
        assert np.array_equal(first["location_stats"]["pos"], second["location_stats"]["pos"]), f"tick {tick}"
        assert np.array_equal(first["rgb"], second["rgb"]), f"tick {tick}"
        assert nn.to_env(human).tolist() == action.tolist(), f"tick {tick}"
        code = encode(human)
        assert (canonical(code) == code).all()


said_by_keys = st.tuples(
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 3),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([0, 1, 2, 3, 5]),
    st.integers(0, 8),
)


@given(st.sampled_from(INTERVALS), st.booleans(), st.lists(said_by_keys, min_size=1, max_size=20))
def test_every_multidiscrete_that_keys_can_say_comes_back(
    cam_interval: float, sees: bool, actions: list[tuple[Any, ...]]
) -> None:
    """In any order, without a reset in between: there and back leaves nothing behind."""
    bins = round(360 / cam_interval) + 1
    nn = MineDojoTranslator(spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, 244, 36]), cam_interval)
    for move, strafe, posture, pitch, yaw, function, slot in actions:
        if sees:
            nn.observe({"inventory": {"name": np.array(["log"] * 36)}})
        turn = [round(share * (bins - 1)) for share in (pitch, yaw)]
        action = [move, strafe, posture, *turn, function, 0, slot if function == 5 else 0]
        assert nn.to_env(nn.to_human(action)).tolist() == action
        assert "dropped" not in nn.unexpressed
        assert np.abs(nn.unexpressed.get("camera_residual", 0)).max() < 1e-3  # a camera is float32


@pytest.mark.parametrize("cam_interval", INTERVALS)
def test_an_action_of_whole_bins_is_exact(cam_interval: float) -> None:
    bins = round(360 / cam_interval) + 1
    nn = MineDojoTranslator(spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, 244, 36]), cam_interval)
    for pitch in range(bins):
        nn.reset()
        action = [0, 0, 0, pitch, bins - 1 - pitch, 0, 0, 0]
        assert nn.to_env(nn.to_human(action)).tolist() == action
        assert nn.unexpressed == {}


ITEMS = ("none", "log", "crafting_table", "planks")
SLOTS = {"inventory": {"name": np.array(["log", "air", "crafting table", *["air"] * 33])}}


def sim_translator(entries: frozenset[str]) -> MineDojoSimTranslator:
    others: dict[str, spaces.Space[Any]] = {
        "camera": spaces.Box(-180, 180, (2,), np.float64),
        "swap_slot": spaces.Dict(source_slot=spaces.Discrete(42), target_slot=spaces.Discrete(42)),
        **{name: Choice(ITEMS) for name in ("craft", "craft_with_table", "smelt", "equip", "place")},
    }
    return MineDojoSimTranslator(spaces.Dict({name: others.get(name, spaces.Discrete(2)) for name in sorted(entries)}))


@given(
    st.sampled_from(["event", "keyboard"]), st.integers(0, 2**31), st.sampled_from(["none", "log", "crafting_table"])
)
def test_every_dict_of_the_simulator_that_keys_can_say_comes_back(level: str, seed: int, equip: str) -> None:
    translator = sim_translator(minedojo_spaces.EVENT_LEVEL if level == "event" else minedojo_spaces.KEYBOARD_LEVEL)
    translator.observe(SLOTS)
    translator.action_space.seed(seed)
    action = translator.action_space.sample()
    action["camera"] = action["camera"].astype(np.float32).astype(np.float64)  # as fine as a human action can say
    action.update({name: rest for name, rest in minedojo_spaces.AT_REST.items() if name in action})
    if "equip" in action:
        action["equip"] = equip
    back = translator.to_env(translator.to_human(action))
    assert translator.unexpressed == {}
    assert set(back) == set(action)
    for name, value in action.items():
        assert np.array_equal(back[name], value) if name == "camera" else back[name] == value


@pytest.mark.parametrize(
    ("level", "change", "message"),
    [
        ("event", {"craft": "planks"}, "craft='planks'"),
        ("event", {"craft_with_table": "planks"}, "craft_with_table='planks'"),
        ("event", {"smelt": "log"}, "smelt='log'"),
        ("event", {"place": "log"}, "place='log'"),
        ("event", {"equip": "planks"}, "equip='planks'"),  # not in the hotbar
        ("keyboard", {"swap_slot": {"source_slot": 3, "target_slot": 4}}, "swap_slot="),
    ],
)
def test_what_keys_cannot_say_is_named(level: str, change: dict[str, Any], message: str) -> None:
    translator = sim_translator(minedojo_spaces.EVENT_LEVEL if level == "event" else minedojo_spaces.KEYBOARD_LEVEL)
    translator.observe(SLOTS)
    with pytest.raises(ValueError, match=f"{message}.* has no key in the human action"):
        translator.to_human({**translator.to_env(no_op()), **change})


@pytest.mark.parametrize(
    ("function", "name"), [(4, r"craft \(4\)"), (6, r"place \(6\)"), (7, r"destroy \(7\)"), (5, r"equip \(5\)")]
)
def test_functions_that_keys_cannot_say_are_named(function: int, name: str) -> None:
    nn = MineDojoTranslator(spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36]))
    with pytest.raises(ValueError, match=name):
        nn.to_human([0, 0, 0, 12, 12, function, 29, 20])


# -- camera intervals that turn the view while nothing is done


@pytest.mark.parametrize(("cam_interval", "drift"), [(7, "+2"), (8, "-4"), (24, "-12"), (50, "+20")])
def test_a_drifting_interval_is_refused_with_its_drift(cam_interval: float, drift: str) -> None:
    bins = int(np.ceil(360 / cam_interval)) + 1  # as MineDojo makes them
    space = spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, 244, 36])

    class Env(VoxelEnv):
        def __init__(self) -> None:
            super().__init__(image_size=(32, 32))
            self.action_space, self.cam_interval = space, cam_interval

    for refused in (
        lambda: MineDojoTranslator(space, cam_interval),
        lambda: translator_for(space, cam_interval=cam_interval),
        lambda: translator_for(Env()),
    ):
        with pytest.raises(ValueError, match=rf"the no-op turns the camera by \{drift}° per tick.* divides 180"):
            refused()
    with pytest.raises(ValueError, match="cam_interval"):
        VoxelEnv(actions="minedojo", cam_interval=cam_interval)
