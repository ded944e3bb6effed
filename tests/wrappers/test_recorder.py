from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import (
    RecordEpisodeStatistics,
    RecordVideo,
    TimeLimit,
    TransformAction,
    TransformObservation,
    TransformReward,
)

from tests.support.frame_counter_env import BreakingCounterEnv, FrameCounterEnv, counter_frame, read_counter
from vpt_gym.actions.codec import canonical, code_space, decode, encode
from vpt_gym.actions.human import BUTTONS, human_action, human_action_space, no_op
from vpt_gym.actions.protocol import Coverage, Translator
from vpt_gym.demos import Demo, DemoWriteError, EpisodeSummary, check, list_demos, read_demo
from vpt_gym.demos.files.names import read_records
from vpt_gym.demos.files.records import state_of
from vpt_gym.wrappers.action import VPTActionWrapper
from vpt_gym.wrappers.labels import label_next_step
from vpt_gym.wrappers.observation import VPTObsWrapper
from vpt_gym.wrappers.recorder import RecorderWrapper


def demos_in(directory: Path) -> list[Demo]:
    return [read_demo(path) for path in list_demos(directory)]


def shown(demo: Demo) -> list[tuple[int, int]]:
    return [read_counter(frame) for frame in demo.frames()]


def play(env: gym.Env[Any, Any], steps: int | None = None, seed: int | None = None) -> list[Any]:
    env.reset(seed=seed)
    actions: list[Any] = []
    done = False
    while not done and len(actions) != steps:
        actions.append(env.action_space.sample())
        _, _, terminated, truncated, _ = env.step(actions[-1])
        done = terminated or truncated
    return actions


def test_an_episode_becomes_a_demo_with_the_frame_before_each_action(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(length=30, success=True), tmp_path, metadata={"player": "random"})
    env.action_space.seed(0)
    actions = play(env, seed=7)
    (demo,) = demos_in(tmp_path)
    assert env.last_demo == demo.files.metadata
    assert shown(demo) == [(t, 0) for t in range(30)]
    for name in BUTTONS:
        assert demo.actions[name].tolist() == [action[name] for action in actions]
    assert np.array_equal(demo.actions["camera"], np.stack([action["camera"] for action in actions]))
    assert demo.rewards.tolist() == pytest.approx([t / 10 for t in range(30)])
    assert demo.success is True
    assert demo.metadata["ended"] == "terminated"
    assert demo.metadata["seed"] == 7
    assert demo.metadata["player"] == "random"
    assert demo.metadata["env_id"] == "FrameCounterEnv"


def test_nothing_that_passes_through_is_changed(tmp_path: Path) -> None:
    bare, recorded = FrameCounterEnv(length=5), RecorderWrapper(FrameCounterEnv(length=5), tmp_path)
    assert recorded.observation_space == bare.observation_space
    assert recorded.action_space == bare.action_space
    one, other = bare.reset(seed=1), recorded.reset(seed=1)
    for _ in range(5):
        assert np.array_equal(one[0]["rgb"], other[0]["rgb"])
        assert one[1:] == other[1:]
        action = bare.action_space.sample()
        one, other = bare.step(action), recorded.step(action)
    assert one[2] is other[2] is True


def test_the_typical_stack_records_native_frames_and_codes(tmp_path: Path) -> None:
    env = FrameCounterEnv(length=12, size=(144, 256))
    stack = VPTActionWrapper(VPTObsWrapper(RecorderWrapper(env, tmp_path)))
    codes = play(stack)
    (demo,) = demos_in(tmp_path)
    assert demo.frame_size == (144, 256)
    assert np.array_equal(demo.codes, canonical(np.array(codes)))
    assert shown(demo) == [(t, 0) for t in range(12)]


def test_above_the_wrappers_it_records_what_it_sees_there(tmp_path: Path) -> None:
    env = RecorderWrapper(VPTActionWrapper(VPTObsWrapper(FrameCounterEnv(size=(144, 256)))), tmp_path)
    assert env.action_space == code_space()
    codes = play(env, 12)
    env.close()
    (demo,) = demos_in(tmp_path)
    assert demo.frame_size == (128, 128)
    assert np.array_equal(demo.codes, canonical(np.array(codes)))
    assert shown(demo) == [(t, 0) for t in range(12)]
    decoded = decode(np.array(codes))
    assert np.array_equal(demo.actions["camera"], decoded["camera"])


def test_a_label_is_stored_in_place_of_the_executed_action_for_one_step(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(), tmp_path)
    env.reset()
    label = human_action("attack", camera=(0.0, 3.0))
    env.label(label)
    label["attack"] = 0  # the recorder has its own copy
    env.step(human_action("jump"))
    env.step(human_action("back"))
    env.label(human_action("use"))  # never stepped: it must not reach the next episode
    env.reset()
    env.step(human_action("left"))
    env.close()
    first, second = demos_in(tmp_path)
    assert first.codes.tolist() == [
        encode(human_action("attack", camera=(0.0, 3.0))).tolist(),
        encode(human_action("back")).tolist(),
    ]
    assert (first.executed["jump"].tolist(), first.executed["back"].tolist()) == ([1, 0], [0, 1])
    assert second.codes.tolist() == [encode(human_action("left")).tolist()]
    with pytest.raises(ValueError, match="jmup"):
        env.label({"jmup": 1, "camera": (0, 0)})


def test_a_label_reaches_the_recorder_through_the_wrappers_above_it(tmp_path: Path) -> None:
    env = VPTActionWrapper(VPTObsWrapper(RecorderWrapper(FrameCounterEnv(size=(144, 256)), tmp_path)))
    env.reset()
    label_next_step(env, human_action("attack"))
    env.step(encode(human_action("jump")))
    env.close()
    (demo,) = demos_in(tmp_path)
    assert demo.codes.tolist() == [encode(human_action("attack")).tolist()]
    assert demo.executed["jump"].tolist() == [1]
    with pytest.raises(AttributeError, match=r"FrameCounterEnv.* records labels; put a vpt_gym\.RecorderWrapper"):
        label_next_step(FrameCounterEnv(), human_action("attack"))


def test_broken_off_episodes_are_kept_and_say_so(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(length=6), tmp_path)
    play(env, 4)
    env.reset()
    env.reset(options={"episode": 9})  # no tick in between: no demo
    for _ in range(3):
        env.step(no_op())
    env.close()
    env.close()
    one, two = demos_in(tmp_path)
    assert (len(one), one.metadata["ended"], one.success) == (4, "reset", None)
    assert (len(two), two.metadata["ended"], two.metadata["options"]) == (3, "close", {"episode": 9})
    assert shown(two) == [(0, 9), (1, 9), (2, 9)]


def test_steps_after_the_end_are_not_recorded(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(length=3), tmp_path)
    play(env)
    env.step(no_op())
    env.close()
    (demo,) = demos_in(tmp_path)
    assert len(demo) == 3


def test_keep_decides_with_the_summary(tmp_path: Path) -> None:
    seen: list[EpisodeSummary] = []

    def keep(episode: EpisodeSummary) -> bool | None:
        seen.append(episode)
        return episode.success

    env = FrameCounterEnv(length=4, success=True)
    recorder = RecorderWrapper(env, tmp_path, keep=keep)
    play(recorder)
    env.success = False
    play(recorder)
    recorder.close()
    (demo,) = demos_in(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert demo.id == seen[0].id
    assert [(e.ticks, e.success, e.ended) for e in seen] == [(4, True, "terminated"), (4, False, "terminated")]
    assert seen[0].episode_return == pytest.approx(0.6)


class _Successful(gym.Wrapper[Any, Any, Any, Any]):
    """Tells success as MineDojo does, or as Stable-Baselines3 expects it."""

    def __init__(self, env: gym.Env[Any, Any], info_key: str | None) -> None:
        super().__init__(env)
        self.info_key = info_key
        self.steps = 0

    @property
    def is_successful(self) -> bool:
        if self.info_key is not None:
            raise AssertionError("info comes first")
        return self.steps == 2  # MineDojo's is that of the last step

    def step(self, action: Any) -> Any:
        *result, info = super().step(action)
        self.steps += 1
        return *result, info if self.info_key is None else {self.info_key: self.steps == 2}


@pytest.mark.parametrize("info_key", ["success", "is_success", None])
def test_success_is_found_where_the_environment_reports_it_and_lasts(tmp_path: Path, info_key: str | None) -> None:
    env = RecorderWrapper(_Successful(FrameCounterEnv(), info_key), tmp_path)
    play(env, 1)
    play(env, 3)
    env.close()
    assert [demo.success for demo in demos_in(tmp_path)] == [False, True]


@pytest.mark.parametrize("above", [False, True])
def test_it_works_below_and_above_gymnasiums_own_wrappers(tmp_path: Path, above: bool) -> None:
    env: gym.Env[Any, Any] = FrameCounterEnv(length=20, render_mode="rgb_array")
    if not above:
        env = RecorderWrapper(env, tmp_path / "demos")
    env = RecordEpisodeStatistics(TimeLimit(env, 7))
    env = RecordVideo(env, str(tmp_path / "videos"), disable_logger=True)
    if above:
        env = RecorderWrapper(env, tmp_path / "demos")
    play(env)
    play(env)
    env.close()
    demos = demos_in(tmp_path / "demos")
    assert [shown(demo) for demo in demos] == [[(t, episode) for t in range(7)] for episode in range(2)]
    ends = [demo.metadata["ended"] for demo in demos]
    assert ends == (["truncated", "truncated"] if above else ["reset", "close"])
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 2


def test_recorders_in_several_processes_share_a_directory(tmp_path: Path) -> None:
    envs = AsyncVectorEnv([lambda: RecorderWrapper(FrameCounterEnv(length=5), tmp_path)] * 2, context="spawn")
    envs.reset(seed=0)
    envs.action_space.seed(0)
    for _ in range(11):
        envs.step(envs.action_space.sample())
    envs.close()
    assert check(tmp_path) == []
    assert sorted(len(demo) for demo in demos_in(tmp_path)) == [5, 5, 5, 5]


@pytest.mark.filterwarnings("ignore:.*(different from the unwrapped|symmetric and normalized)")
def test_it_is_a_gymnasium_citizen(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(length=3, layout="array"), tmp_path)
    check_env(env, skip_render_check=True)
    gym.register("FrameCounter-v0", FrameCounterEnv, kwargs={"length": 3, "layout": "array"})
    try:
        env = RecorderWrapper(gym.make("FrameCounter-v0"), str(tmp_path / "made"))
        assert env.spec is not None
        again = gym.make(env.spec)
        play(again)
        again.close()
    finally:
        del gym.registry["FrameCounter-v0"]
    (demo,) = demos_in(tmp_path / "made")
    assert demo.metadata["env_id"] == "FrameCounter-v0"
    assert demo.metadata["env_kwargs"] == {"length": 3, "layout": "array"}


class _OneKey(Translator):
    """For an environment that knows one key."""

    action_space = spaces.Discrete(2)

    def to_env(self, human: Any) -> int:
        return int(human["attack"])

    def to_human(self, env_action: Any) -> Any:
        return human_action(*["attack"] * int(env_action))

    def coverage(self) -> Coverage:
        raise NotImplementedError


def one_key_env() -> gym.Env[Any, Any]:
    return TransformAction(FrameCounterEnv(), lambda key: human_action(*["attack"] * int(key)), spaces.Discrete(2))


def test_a_custom_translator_reads_an_unknown_action_space(tmp_path: Path) -> None:
    env = RecorderWrapper(one_key_env(), tmp_path, translator=_OneKey())
    env.reset()
    for key in (1, 0, 1):
        env.step(key)
    env.close()
    (demo,) = demos_in(tmp_path)
    assert demo.actions["attack"].tolist() == [1, 0, 1]


def test_a_translator_for_another_space_is_refused(tmp_path: Path) -> None:
    # of MineDojo's space with other camera bins it read -178 degrees for a view that rests
    with pytest.raises(ValueError, match=r"the translator is for the action space Discrete\(2\), the environment has"):
        RecorderWrapper(FrameCounterEnv(), tmp_path, translator=_OneKey())


def test_what_cannot_be_recorded_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Discrete"):
        RecorderWrapper(one_key_env(), tmp_path)
    with pytest.raises(TypeError, match="Wrap each"):
        RecorderWrapper(SyncVectorEnv([FrameCounterEnv]), tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is not in the observation"):
        RecorderWrapper(FrameCounterEnv(), tmp_path, key="depth")
    with pytest.raises(ValueError, match="ticks"):
        RecorderWrapper(FrameCounterEnv(), tmp_path, metadata={"ticks": 1})
    assert list(tmp_path.iterdir()) == []


def test_a_failing_disk_is_reported_once_and_the_episode_can_continue(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(length=3), tmp_path / "demos")
    (tmp_path / "demos").write_text("")
    env.reset()
    with pytest.raises(DemoWriteError, match="cannot write demo"):
        env.step(no_op())
    env.step(no_op())
    env.close()


def test_a_file_in_place_of_the_directory_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file is a file and no directory; choose another"):
        RecorderWrapper(FrameCounterEnv(length=3), tmp_path / "file")


def test_a_reward_that_cannot_be_recorded_ends_the_demo_there(tmp_path: Path) -> None:
    env = RecorderWrapper(TransformReward(FrameCounterEnv(), lambda r: np.inf if r > 0.15 else r), tmp_path)
    env.reset()
    env.step(no_op())
    env.step(no_op())
    with pytest.raises(ValueError, match="finite"):
        env.step(no_op())
    env.step(no_op())
    env.close()
    (demo,) = demos_in(tmp_path)
    assert (len(demo), demo.metadata["ended"]) == (2, "error")


class _MineDojoObs(gym.Env[Any, Any]):
    """An environment with MineDojo's observation keys of the player."""

    def __init__(self) -> None:
        self.action_space = human_action_space()
        scalar = spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self.observation_space = spaces.Dict(
            {
                "rgb": spaces.Box(0, 255, (3, 32, 48), np.uint8),
                "location_stats": spaces.Dict(
                    {"pos": spaces.Box(-np.inf, np.inf, (3,), np.float32), "yaw": scalar, "pitch": scalar}
                ),
                "inventory": spaces.Dict(
                    {"name": spaces.Tuple([spaces.Text(20)] * 3), "quantity": spaces.Box(0, 64, (3,), np.float32)}
                ),
            }
        )

    def observation(self) -> dict[str, Any]:
        return {
            "rgb": np.moveaxis(counter_frame(0, (32, 48)), -1, 0),
            "location_stats": {
                "pos": np.array([1.5, 64.0, -2.0], np.float32),
                "yaw": np.array([90.0], np.float32),
                "pitch": np.array([-5.0], np.float32),
            },
            "inventory": {
                "name": np.array(["crafting table", "air", "log"]),
                "quantity": np.array([1.0, 0.0, 3.0], np.float32),
            },
        }

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        return self.observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation(), 0.0, True, False, {}


def test_the_player_and_the_inventory_stand_in_the_records(tmp_path: Path) -> None:
    env = RecorderWrapper(_MineDojoObs(), tmp_path)
    play(env)
    (record,) = read_records(demos_in(tmp_path)[0].files.records)
    assert {key: record[key] for key in ("xpos", "ypos", "zpos", "yaw", "pitch")} == {
        "xpos": 1.5,
        "ypos": 64.0,
        "zpos": -2.0,
        "yaw": 90.0,
        "pitch": -5.0,
    }
    assert record["inventory"] == [{"type": "crafting_table", "quantity": 1}, {"type": "log", "quantity": 3}]


@pytest.mark.parametrize(
    ("reported", "recorded"),
    [
        (
            {
                "inventory": {"oak_log": np.array(3), "dirt": np.array([0]), "air": np.array(9)},
                "location_stats": {
                    "xpos": np.array(1.5),
                    "ypos": np.array(64.0),
                    "zpos": np.array([-2.0]),
                    "yaw": 90.0,
                    "pitch": np.array(-5.0),
                    "biome_id": np.array(4),
                },
            },
            {
                "inventory": [{"type": "oak_log", "quantity": 3}],
                **{"xpos": 1.5, "ypos": 64.0, "zpos": -2.0, "yaw": 90.0, "pitch": -5.0},
            },
        ),
        (
            {"inventory": {"name": ["log"], "quantity": [1, 2]}, "location_stats": {"pos": [1.0, 2.0], "yaw": 3}},
            {"yaw": 3.0},
        ),
        ({"inventory": {"0": {"type": "log", "quantity": 1}}, "location_stats": {"xpos": "far"}}, {}),
        ({"inventory": [3, 4], "location_stats": np.zeros(5)}, {}),
        ({"inventory": None, "location_stats": None}, {}),
    ],
    ids=["MineRL", "a part", "slots", "arrays", "none"],
)
def test_what_is_known_of_the_player_is_recorded_and_an_unknown_form_left_out(
    tmp_path: Path, reported: dict[str, Any], recorded: dict[str, Any]
) -> None:
    env = RecorderWrapper(
        TransformObservation(FrameCounterEnv(length=1), lambda observation: observation | reported, None), tmp_path
    )
    play(env)
    (demo,) = demos_in(tmp_path)
    assert [state_of(record) for record in read_records(demo.files.records)] == [recorded]


def test_above_vptobswrapper_it_still_sees_the_item_in_the_hand(tmp_path):
    """An ``equip`` by the native interface is a hotbar key only to who sees the inventory, which the frame hides."""
    from vpt_gym import HumanActionWrapper, VPTObsWrapper

    env = VPTObsWrapper(gym.make("vpt_gym/Harvest1Log-v0", actions="native", level="easy"))
    recorder = RecorderWrapper(env, tmp_path)
    with pytest.warns(UserWarning, match="HumanActionWrapper"):
        env = HumanActionWrapper(recorder)
    env.reset(seed=0)
    env.unwrapped.state.inventory[2] = (2, 1, 0)
    env.step(human_action())
    env.step(human_action("hotbar.3"))
    env.close()
    demo = read_demo(recorder.last_demo)
    assert demo.actions["hotbar.3"].tolist() == [0, 1]


def test_an_open_menu_stands_in_the_records_of_the_frames_that_show_it(tmp_path: Path) -> None:
    env = VPTActionWrapper(RecorderWrapper(gym.make("vpt_gym/Harvest1Log-v0", image_size=(48, 80)), tmp_path))
    env.reset(seed=0)
    for action in (no_op(), human_action("inventory"), no_op(), human_action("inventory"), no_op()):
        env.step(encode(action))
    env.close()
    (demo,) = demos_in(tmp_path)
    assert demo.menu.tolist() == [False, False, True, True, False]


def test_the_records_have_the_cursor_of_a_menu_where_other_readers_draw_it(tmp_path: Path) -> None:
    recorder = RecorderWrapper(gym.make("vpt_gym/Harvest1Log-v0", image_size=(180, 320)), tmp_path)
    env = VPTActionWrapper(recorder)
    env.reset(seed=0)
    actions = [human_action("inventory"), no_op(), human_action(camera=(3.0, -6.0)), no_op(), human_action("inventory")]
    positions, infos = [], []
    for action in [*actions, no_op()]:
        screen = env.unwrapped.state.screen[0]  # type: ignore[attr-defined]
        positions.append([2 * screen["cursor_x"], 2 * screen["cursor_y"]] if screen["open"] else [640.0, 360.0])
        infos.append((bool(screen["open"]), bool(screen["open"])))
        env.step(encode(action))
    env.close()
    (demo,) = demos_in(tmp_path)
    records = read_records(demo.files.records)
    assert [(record["isGuiOpen"], record["isGuiInventory"]) for record in records] == infos
    assert [shown for shown, _ in infos] == [False, True, True, True, True, False]
    found = [[record["mouse"]["x"], record["mouse"]["y"]] for record in records]
    assert np.allclose(found, positions)
    assert found[3][0] < found[2][0]  # the cursor moved to the left, and down
    assert found[3][1] > found[2][1]
    # the frames show the world's own cursor; what the public loader draws is at the same place, and nowhere else
    plain, drawn = list(demo.frames()), list(read_demo(recorder.last_demo, compat="openai").frames())
    for tick, (x, y) in enumerate(found):
        changed = np.argwhere((plain[tick] != drawn[tick]).any(axis=-1))
        if demo.menu[tick]:
            assert (changed.min(axis=0) >= [int(y / 4), int(x / 4)]).all()
            assert (changed.max(axis=0) < [y / 4 + 16, x / 4 + 16]).all()
        else:
            assert len(changed) == 0


class _MenuEnv(FrameCounterEnv):
    """A menu is open in every second frame; where its cursor is stays unknown."""

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, terminated, truncated, {**info, "is_gui_open": round(10 * reward) % 2 == 0}


def test_without_a_position_other_readers_draw_no_cursor(tmp_path: Path) -> None:
    recorder = RecorderWrapper(_MenuEnv(), tmp_path)
    play(recorder, 5)
    recorder.close()
    assert recorder.last_demo is not None
    demo, public = read_demo(recorder.last_demo), read_demo(recorder.last_demo, compat="openai")
    assert demo.menu.tolist() == [False, True, False, True, False]
    assert all(np.array_equal(one, other) for one, other in zip(demo.frames(), public.frames(), strict=True))


def test_what_the_environment_does_not_report_is_unknown(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(), tmp_path)
    play(env, 3)
    env.close()
    (demo,) = demos_in(tmp_path)
    for record in read_records(demo.files.records):
        assert record["isGuiOpen"] is None
        assert record["isGuiInventory"] is None
    assert len(read_demo(demo.files.records, compat="openai")) == 3  # the public loader reads it too


@pytest.mark.parametrize(
    ("reported", "known"),
    [(None, None), (float("nan"), None), (True, True), (np.array([False]), False), (1, True), (np.float32(0.0), False)],
)
def test_a_menu_that_the_environment_does_not_know_is_unknown(
    tmp_path: Path, reported: Any, known: bool | None
) -> None:
    class Env(FrameCounterEnv):
        def reset(self, **options: Any) -> Any:
            observation, info = super().reset(**options)
            return observation, {**info, "is_gui_open": reported}

    env = RecorderWrapper(Env(), tmp_path)
    play(env, 1)
    env.close()
    (demo,) = demos_in(tmp_path)
    assert read_records(demo.files.records)[0]["isGuiOpen"] is known


class _MineRLInfo(FrameCounterEnv):
    """Reports the menu and the place in its info, as the monitors of MineRL 1.0 do, and after steps alone."""

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        place = {"xpos": np.array(1.0), "ypos": np.array(64.0), "zpos": np.array(2.0), "pitch": np.array(-3.0)}
        return observation, reward, terminated, truncated, {**info, "isGuiOpen": True, "location_stats": place}


def test_what_minerl_reports_in_its_info_is_recorded(tmp_path: Path) -> None:
    env = RecorderWrapper(_MineRLInfo(), tmp_path)
    play(env, 2)
    env.close()
    (demo,) = demos_in(tmp_path)
    assert demo.menu.tolist() == [False, True]
    assert [state_of(record) for record in read_records(demo.files.records)] == [
        {},
        {"isGuiOpen": True, "xpos": 1.0, "ypos": 64.0, "zpos": 2.0, "pitch": -3.0},
    ]


def test_an_environment_that_does_not_report_menus_has_none_open(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(), tmp_path)
    play(env, 3)
    env.close()
    assert [demo.menu.tolist() for demo in demos_in(tmp_path)] == [[False] * 3]


def test_a_tick_in_which_the_game_broke_is_not_recorded(tmp_path: Path) -> None:
    env = RecorderWrapper(BreakingCounterEnv(), tmp_path)
    for _ in range(2):
        env.reset()
        while not env.step(no_op())[3]:
            pass
    env.close()
    assert [(len(demo), demo.metadata["ended"]) for demo in demos_in(tmp_path)] == [(2, "error"), (2, "error")]
