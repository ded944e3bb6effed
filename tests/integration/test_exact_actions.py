"""Actions arrive at the game's socket exactly, below the unchanged installed MineDojo."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpt_gym import VPTActionWrapper
from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, VPT_BUTTONS, decode
from vpt_gym.actions.human import BUTTONS, HOTBAR
from vpt_gym.actions.translate import translator_for

LACKS = ("inventory", "ESC", "swapHands")
SENT = [name for name in BUTTONS if name not in LACKS]


def received(path: Path) -> Iterator[dict[str, list[str]]]:
    """The commands of each tick that arrived, verb -> arguments; fast resets and missions are not among them."""
    for line in path.read_text().splitlines():
        commands = [command.split(" ") for command in json.loads(line).split("\n")]
        assert len({verb for verb, *_ in commands}) == len(commands), "a verb stands twice in one tick"
        yield {verb: rest for verb, *rest in commands}


def assert_received(got: dict[str, list[str]], human: dict[str, Any]) -> None:
    camera = [float(degrees) for degrees in got["camera"]]
    assert camera == [float(degrees) for degrees in human["camera"]]
    assert {name: int(got[name][0]) for name in SENT} == {name: int(human[name]) for name in SENT}
    assert not set(LACKS) & set(got)
    for name in ("craft", "craftNearby", "smeltNearby", "equip", "place"):
        assert got[name] == ["none"]


def test_all_button_codes_and_all_camera_codes_arrive_exactly(make_through_proxy: Any, tmp_path: Path) -> None:
    record = tmp_path / "received.jsonl"
    env = VPTActionWrapper(make_through_proxy("--record", str(record), image_size=(32, 32)))
    env.reset(seed=1)
    # a camera code needs the camera meta-button: odd button ids have it
    codes = np.concatenate(
        [
            np.stack([np.arange(N_BUTTONS), np.arange(N_BUTTONS) % N_CAMERA], axis=-1),
            np.stack([np.ones(N_CAMERA, np.int64), np.arange(N_CAMERA)], axis=-1),
        ]
    )
    lost = 0
    for code in codes:
        *_, truncated, info = env.step(code)
        assert not truncated
        lost += "dropped" in info.get("translation", {})
        assert info["ticks"] == 1
    ticks = list(received(record))
    assert len(ticks) == len(codes)
    for code, got in zip(codes, ticks, strict=True):
        assert_received(got, decode(code))
    assert {code[1] for code in codes[-N_CAMERA:]} == set(range(N_CAMERA))

    coverage = env.translator.coverage()
    assert coverage.buttons_lost == lost == sum(decode(code)["inventory"] for code in codes)
    assert (coverage.buttons_kept, coverage.buttons_slow, coverage.camera_kept) == (N_BUTTONS - lost, 0, N_CAMERA)
    assert "inventory" in str(coverage)


def test_a_persons_actions_arrive_with_exact_degrees(make_through_proxy: Any, tmp_path: Path) -> None:
    record = tmp_path / "received.jsonl"
    env = make_through_proxy("--record", str(record), image_size=(32, 32))
    env.reset(seed=1)
    rng = np.random.default_rng(0)
    sent = []
    for _ in range(200):
        human = {name: int(rng.random() < 0.2) for name in SENT}
        human["camera"] = rng.normal(0, 8, 2).astype(np.float32)
        env.step(human)
        sent.append(human)
    for human, got in zip(sent, received(record), strict=True):
        assert_received(got, {**dict.fromkeys(LACKS, 0), **human})


@pytest.mark.parametrize("key", ["inventory", "ESC", "swapHands"])
def test_a_key_that_minedojo_lacks_is_refused_by_name_and_reported_by_the_wrapper(make_env: Any, key: str) -> None:
    env = make_env()
    env.reset(seed=1)
    with pytest.raises(ValueError, match=rf"\['{key}'\].*HumanActionWrapper"):
        env.step({key: 1, "camera": [0, 0]})
    assert key not in env.action_space.spaces
    translator = translator_for(env)
    translator.to_env({key: 1, "camera": [0.0, 0.0]})
    assert translator.unexpressed == {"dropped": (key,)}


def test_hotbar_keys_select_slots_and_the_observation_follows(make_env: Any) -> None:
    from minedojo.sim import InventoryItem

    items = [InventoryItem(slot=n, name=name, quantity=n + 2) for n, name in enumerate(("dirt", "sand", "log"))]
    env = make_env(initial_inventory=items)
    observation, _ = env.reset(seed=1)
    assert (observation["equipment"]["name"][0], observation["equipment"]["quantity"][0]) == ("dirt", 2)
    for slot, (name, quantity) in enumerate((("dirt", 2), ("sand", 3), ("log", 4), ("air", 0))):
        observation, *_ = env.step({HOTBAR[slot]: 1, "camera": [0, 0]})
        assert (observation["equipment"]["name"][0], observation["equipment"]["quantity"][0]) == (name, quantity)
        assert env.observation_space.contains(observation)
    # the key is up again: the slot stays
    assert env.step({"camera": [0, 0]})[0]["equipment"]["name"][0] == "air"


def test_minedojos_own_actions_arrive_unchanged(make_through_proxy: Any, tmp_path: Path) -> None:
    record = tmp_path / "received.jsonl"
    env = make_through_proxy("--record", str(record), actions="minedojo", cam_interval=15, image_size=(32, 32))
    env.reset(seed=1)
    ticks = 0
    for move, strafe, posture, function in itertools.product(range(3), range(3), range(4), range(4)):
        *_, info = env.step([move, strafe, posture, 12, 13, function, 0, 0])
        ticks += info["ticks"]
        assert info["ticks"] == (3 if function == 2 else 1)
    got = list(received(record))
    assert len(got) == ticks
    first = got[0]
    assert [float(degrees) for degrees in first["camera"]] == [0, 15]
    assert not set(HOTBAR) & set(first)


def test_no_reward_is_lost_in_minedojos_extra_ticks(make_env: Any) -> None:
    from minedojo.sim import InventoryItem

    env = make_env(actions="minedojo", initial_inventory=[InventoryItem(slot=0, name="log", quantity=2)])
    env.reset(seed=1)
    _, reward, *_, info = env.step([0, 0, 0, 12, 12, 2, 0, 0])  # throws a log away
    assert (reward, info["ticks"]) == (-1.0, 3)


def test_minedojos_actions_are_checked_with_a_message(make_env: Any) -> None:
    env = make_env(actions="minedojo")
    env.reset(seed=1)
    with pytest.raises(ValueError, match="must be in MultiDiscrete"):
        env.step([0, 0, 0, 12, 12, 9, 0, 0])


def test_button_names_are_those_of_vpt() -> None:
    assert set(VPT_BUTTONS) - set(SENT) == {"inventory"}
