"""Demos to Minari and back, with the real library and real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.counter_demos import write_counter_demo
from tests.support.folders import content_of
from tests.support.frame_counter_env import FrameCounterEnv, counter_frame
from tests.support.missing_package import run_without
from vpt_gym import RecorderWrapper
from vpt_gym.actions.codec import canonical, code_space
from vpt_gym.actions.human import BUTTONS, human_action
from vpt_gym.demos import DemoWriter, check, export_minari, import_minari, list_demos, read_demo
from vpt_gym.demos.exchange.goals import goals_of

if sys.version_info < (3, 11):
    pytest.skip("Minari needs Python 3.11", allow_module_level=True)

import minari
from minari.data_collector import EpisodeBuffer


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def same_actions(a: dict, b: dict) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in (*BUTTONS, "camera"))


def frames_of(path: Path) -> np.ndarray:
    return np.stack(list(read_demo(path).frames()))


def test_the_dataset_is_what_users_of_minari_expect(tmp_path: Path) -> None:
    path = write_counter_demo(tmp_path / "demos", ticks=50)
    write_counter_demo(tmp_path / "demos", ticks=20, success=None)
    done = export_minari(tmp_path / "demos", "vpt/count-v0", author="A. Player", description="Counts.")
    assert (done.episodes, done.ticks) == (2, 70)
    assert not done.left_out

    assert list(minari.list_local_datasets()) == ["vpt/count-v0"]
    dataset = minari.load_dataset("vpt/count-v0")
    assert (dataset.total_episodes, dataset.total_steps) == (2, 70)
    assert dataset.observation_space == spaces.Box(0, 255, (48, 80, 3), np.uint8)
    metadata = dataset.storage.metadata
    assert metadata["author"] == {"A. Player"}
    assert metadata["description"] == "Counts."

    demo, episode = read_demo(path), dataset[0]
    frames = frames_of(path)
    assert np.array_equal(episode.observations[:-1], frames)  # no loss
    assert np.array_equal(episode.observations[-1], frames[-1])
    assert np.array_equal(episode.rewards, demo.rewards)
    assert episode.terminations.tolist() == [False] * 49 + [True]
    assert not episode.truncations.any()
    assert episode.infos["success"].tolist() == [False] * 50 + [True]
    assert "success" not in dataset[1].infos
    first = {name: values[0] for name, values in episode.actions.items()}
    assert dataset.action_space.contains({**first, "camera": first["camera"].astype(np.float32)})
    assert same_actions(episode.actions, demo.actions)
    (about,) = dataset.storage.get_episode_metadata([0])
    assert (about["seed"], about["success"], about["task"], about["ended"]) == (7, True, "count", "terminated")
    assert about["demo_id"] == demo.id


def test_an_episode_that_was_broken_off_is_truncated(tmp_path: Path) -> None:
    with DemoWriter(tmp_path / "demos") as writer:
        writer.append(counter_frame(0), human_action("jump"))
    export_minari(tmp_path / "demos", "count-v0")
    episode = minari.load_dataset("count-v0")[0]
    assert (episode.terminations.tolist(), episode.truncations.tolist()) == ([False], [True])
    import_minari("count-v0", tmp_path / "back")
    assert read_demo(list_demos(tmp_path / "back")[0]).metadata["ended"] == "close"


@pytest.mark.parametrize("lossless", [False, True])
def test_a_round_trip_keeps_everything(tmp_path: Path, lossless: bool) -> None:
    paths = [write_counter_demo(tmp_path / "demos", ticks=ticks, success=ticks > 25) for ticks in (45, 20)]
    paths.append(write_counter_demo(tmp_path / "demos", ticks=12, success=None, disturbed=5))
    done = export_minari(tmp_path / "demos", "vpt/count-v0")
    assert any("infos['executed']" in note for note in done.notes)
    imported = import_minari("vpt/count-v0", tmp_path / "back", lossless=lossless)
    assert imported.ticks == 77
    assert check(tmp_path / "back") == []
    assert list(imported.demos) == list_demos(tmp_path / "back")
    for old, new in zip(map(read_demo, paths), map(read_demo, imported.demos), strict=True):
        assert same_actions(old.actions, new.actions)
        assert same_actions(old.executed, new.executed)
        assert np.array_equal(old.rewards, new.rewards)
        assert old.success == new.success
        kept = ("task", "seed", "ended", "fps", "return", "frame_size")
        assert [old.metadata[name] for name in kept] == [new.metadata[name] for name in kept]
        origin = new.metadata["imported_from"]
        assert (origin["format"], origin["name"], origin["id"]) == ("minari", "vpt/count-v0", old.id)
        before, after = frames_of(old.files.metadata), frames_of(new.files.metadata)
        if lossless:
            assert np.array_equal(before, after)
        else:
            assert psnr(before, after) > 38


@pytest.mark.parametrize("kind", ["human", "factored", "codes"])
def test_executed_actions_come_back_in_every_kind(tmp_path: Path, kind: str) -> None:
    with DemoWriter(tmp_path / "demos") as writer:
        for tick in range(5):
            done = human_action("back", "jump", camera=(0.0, -10.0)) if tick == 2 else None
            writer.append(counter_frame(tick), human_action("forward"), executed=done)
    export_minari(tmp_path / "demos", "a-v0", actions=kind)
    (back,) = import_minari("a-v0", tmp_path / "back").demos
    demo = read_demo(back)
    assert demo.actions["forward"].tolist() == [1] * 5
    assert demo.executed["forward"].tolist() == [1, 1, 0, 1, 1]
    assert demo.executed["jump"].tolist() == demo.executed["back"].tolist() == [0, 0, 1, 0, 0]
    assert demo.executed["camera"].tolist() == [[0, 0], [0, 0], [0, -10], [0, 0], [0, 0]]


def test_a_dataset_that_another_program_left_half_written_is_named(tmp_path: Path, store: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=5)
    export_minari(tmp_path / "demos", "a-v0")
    path = store / "a-v0" / "data" / "metadata.json"
    metadata = json.loads(path.read_text())
    del metadata["dataset_id"]
    path.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"a-v0 is not a complete Minari dataset: its metadata lacks 'dataset_id'"):
        import_minari("a-v0", tmp_path / "back")


ACTIONS = st.lists(
    st.builds(
        lambda pressed, camera: human_action(*pressed, camera=camera),
        st.sets(st.sampled_from(BUTTONS), max_size=5),
        st.tuples(*[st.floats(-180, 180, width=32)] * 2),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, rewards=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6))
@pytest.mark.parametrize("kind", ["human", "factored", "codes"])
def test_actions_and_rewards_come_back(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, kind: str, actions: list, rewards: list
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
    with DemoWriter(folder / "demos") as writer:
        for tick, action in enumerate(actions):
            writer.append(counter_frame(tick), action, reward=rewards[tick])
        path = writer.close()
    export_minari(folder / "demos", "trip-v0", actions=kind)
    (back,) = import_minari("trip-v0", folder / "back").demos
    old, new = read_demo(path), read_demo(back)
    assert np.array_equal(old.rewards, new.rewards)
    assert np.array_equal(old.codes, new.codes)
    if kind == "human":
        assert same_actions(old.actions, new.actions)
    if kind == "factored":
        assert all(np.array_equal(old.actions[name], new.actions[name]) for name in ("forward", "back", "hotbar.9"))


def test_frames_are_scaled_and_compressed_if_asked(tmp_path: Path) -> None:
    path = write_counter_demo(tmp_path / "demos", ticks=5)
    write_counter_demo(tmp_path / "demos", ticks=5, size=(64, 64))
    with pytest.raises(ValueError, match=r"several sizes \(48x80, 64x64\).*--size"):
        export_minari(tmp_path / "demos", "a-v0")
    export_minari(tmp_path / "demos", "a-v0", size=(128, 128))
    assert minari.load_dataset("a-v0")[0].observations.shape == (6, 128, 128, 3)
    one = export_minari(tmp_path / "demos", "b-v0", jpeg=True, keep=lambda demo: demo.frame_size == (48, 80))
    assert one.left_out.filtered == 1
    assert psnr(minari.load_dataset("b-v0")[0].observations[:-1], frames_of(path)) > 25


def test_the_environment_can_be_recovered(tmp_path: Path) -> None:
    gym.register(id="vpt_gym_tests/Counter-v0", entry_point=FrameCounterEnv, kwargs={"length": 5})
    try:
        write_with(tmp_path / "demos", env_id="vpt_gym_tests/Counter-v0", env_kwargs={"length": 7})
        done = export_minari(tmp_path / "demos", "a-v0")
        assert "Minari cannot recover vpt_gym_tests/Counter-v0" in done.notes[0]  # its entry point is a class
    finally:
        del gym.registry["vpt_gym_tests/Counter-v0"]
    gym.register(
        id="vpt_gym_tests/Counter-v1",
        entry_point="tests.support.frame_counter_env:FrameCounterEnv",
        kwargs={"length": 5},
    )
    try:
        write_with(tmp_path / "other", env_id="vpt_gym_tests/Counter-v1", env_kwargs={"length": 7})
        done = export_minari(tmp_path / "other", "b-v0")
        assert done.notes == ()
        env = minari.load_dataset("b-v0").recover_environment()
        assert env.unwrapped.length == 7
        import_minari("b-v0", tmp_path / "back")
        assert read_demo(list_demos(tmp_path / "back")[0]).metadata["env_kwargs"] == {"length": 7}

        write_with(tmp_path / "other", env_id="Elsewhere-v0", env_kwargs={})
        assert "come from 2 environments" in export_minari(tmp_path / "other", "c-v0").notes[0]
    finally:
        del gym.registry["vpt_gym_tests/Counter-v1"]
    write_with(tmp_path / "third", env_id="Elsewhere-v0", env_kwargs={})
    assert "Elsewhere-v0 is not registered" in export_minari(tmp_path / "third", "d-v0").notes[0]


@pytest.mark.parametrize(("actions", "size"), [("human", None), ("codes", (128, 128)), ("factored", (32, 64))])
def test_the_recovered_environment_has_the_spaces_of_the_dataset(
    tmp_path: Path, actions: Any, size: tuple[int, int] | None
) -> None:
    kwargs = {"level": "easy", "image_size": [36, 64]}
    recorder = RecorderWrapper(gym.make("vpt_gym/Harvest1Log-v0", **kwargs, max_episode_steps=3), tmp_path)
    recorder.reset(seed=0)
    while not recorder.step(human_action())[3]:
        pass
    recorder.close()
    export_minari(tmp_path, "worlds-v0", actions=actions, size=size)
    dataset = minari.load_dataset("worlds-v0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # frames that are not 16:9
        env = dataset.recover_environment()
    assert env.observation_space == dataset.observation_space
    assert env.spec.id == "vpt_gym/Harvest1Log-v0"
    assert env.spec.max_episode_steps == 3
    observation, _ = env.reset(seed=0)
    assert dataset.observation_space.contains(observation)
    if actions != "factored":
        assert env.action_space == dataset.action_space
        env.step(dataset.action_space.sample())
    env.close()


@pytest.mark.parametrize("key", ["view", ("eyes", "left")])
def test_the_recovered_environment_finds_a_frame_under_its_own_key(
    tmp_path: Path, key: str | tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    gym.register(id="vpt_gym_tests/Eyes-v0", entry_point="tests.support.frame_counter_env:EyesEnv")
    request.addfinalizer(lambda: gym.registry.pop("vpt_gym_tests/Eyes-v0"))
    recorder = RecorderWrapper(gym.make("vpt_gym_tests/Eyes-v0", disable_env_checker=True), tmp_path, key=key)
    recorder.reset(seed=0)
    recorder.step(human_action())
    recorder.close()
    assert export_minari(tmp_path, "eyes-v0").notes == ()
    dataset = minari.load_dataset("eyes-v0")
    env = dataset.recover_environment(disable_env_checker=True)
    assert env.observation_space == dataset.observation_space
    assert dataset.observation_space.contains(env.reset(seed=0)[0])
    other = RecorderWrapper(gym.make("vpt_gym_tests/Eyes-v0", disable_env_checker=True), tmp_path, key="right")
    other.reset(seed=1)
    other.step(human_action())
    other.close()
    (note,) = export_minari(tmp_path, "eyes-v0", overwrite=True).notes
    assert "the demos took their frames from several keys" in note
    assert "right" in note


@pytest.mark.parametrize(
    ("option", "named"),
    [({"cam_interval": 0.37}, "--cam-interval"), ({"drop_unsupported": True}, "--drop-unsupported")],
)
def test_options_of_minedojos_actions_are_refused_for_others(
    tmp_path: Path, option: dict[str, Any], named: str
) -> None:
    write_counter_demo(tmp_path / "demos", ticks=3)
    export_minari(tmp_path / "demos", "codes-v0", actions="codes")
    with pytest.raises(ValueError, match=rf"codes-v0: .*these actions take no {named} .*leave it out"):
        import_minari("codes-v0", tmp_path / "back", **option)


def write_with(directory: Path, **metadata: object) -> None:
    with DemoWriter(directory, metadata=metadata) as writer:
        writer.append(counter_frame(0), human_action())


def test_damaged_and_unfinished_demos_are_left_out_and_counted(tmp_path: Path) -> None:
    demos = tmp_path / "demos"
    write_counter_demo(demos, ticks=10)
    write_counter_demo(demos / "rejected", ticks=10)
    cut = write_counter_demo(demos, ticks=10)
    cut.with_suffix(".mp4").write_bytes(b"")
    broken = write_counter_demo(demos, ticks=30)  # whole by its header, but not in its pictures
    video = bytearray(broken.with_suffix(".mp4").read_bytes())
    video[len(video) // 2 : len(video) // 2 + 400] = bytes(400)
    broken.with_suffix(".mp4").write_bytes(video)
    (demos / "film.zip.partial").write_bytes(b"")  # no demo, and neither is what a killed import leaves
    (demos / ".import-1.partial").mkdir()
    running = DemoWriter(demos)
    running.append(counter_frame(0), human_action())
    try:
        done = export_minari(demos, "a-v0")
    finally:
        running.abort()
    assert (done.episodes, done.ticks) == (1, 10)
    assert (done.left_out.partial, done.left_out.rejected) == (1, 1)
    assert [demo_id for demo_id, _ in done.left_out.damaged] == sorted([cut.stem, broken.stem])
    assert str(done.left_out) == "1 not finished, 1 rejected, 2 damaged"
    assert minari.load_dataset("a-v0").total_steps == 10


def test_an_export_does_not_replace_what_another_wrote_meanwhile(tmp_path: Path) -> None:
    demos = tmp_path / "demos"
    write_counter_demo(demos, ticks=5)
    write_counter_demo(tmp_path / "other", ticks=3)

    def meanwhile(_: object) -> bool:
        export_minari(tmp_path / "other", "a-v0")
        return True

    with pytest.raises(FileExistsError, match="exists: it is the Minari dataset 'a-v0'"):
        export_minari(demos, "a-v0", keep=meanwhile)
    assert minari.load_dataset("a-v0").total_steps == 3


def test_a_failed_export_leaves_nothing(tmp_path: Path, store: Path) -> None:
    demos = tmp_path / "demos"
    write_counter_demo(demos, ticks=10).with_suffix(".mp4").unlink()
    with pytest.raises(ValueError, match=r"no demo to export .*1 damaged"):
        export_minari(demos, "vpt/a-v0")
    broken = write_counter_demo(demos, ticks=30)
    video = bytearray(broken.with_suffix(".mp4").read_bytes())
    video[len(video) // 2 : len(video) // 2 + 400] = bytes(400)
    broken.with_suffix(".mp4").write_bytes(video)
    with pytest.raises(ValueError, match=r"no demo to export .*2 damaged"):
        export_minari(demos, "vpt/a-v0")
    assert list(store.rglob("*")) == []
    with pytest.raises(ValueError, match=r"'a' is not an id of a Minari dataset.*vpt/harvest-1-log-v0"):
        export_minari(demos, "a")
    with pytest.raises(ValueError, match="unknown arguments"):
        export_minari(demos, "a-v0", autor="me")


def test_an_export_that_is_killed_never_looks_finished(tmp_path: Path, store: Path) -> None:
    for _ in range(3):
        write_counter_demo(tmp_path / "demos", ticks=60, size=(96, 160))
    code = (
        "import os, signal\n"
        "import vpt_gym.demos.exchange.minari as m\n"
        "write, count = m.write_episode, []\n"
        "def killed(*args):\n"
        "    if len(count) == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    count.append(write(*args))\n"
        "m.write_episode = killed\n"
        f"m.export_minari({str(tmp_path / 'demos')!r}, 'vpt/a-v0')\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    (left,) = store.glob(".*-v0-*.partial")
    os.utime(left, (0, 0))
    assert minari.list_local_datasets() == {}
    export_minari(tmp_path / "demos", "vpt/a-v0")
    assert minari.load_dataset("vpt/a-v0").total_steps == 180
    assert [path.name for path in store.iterdir()] == ["vpt"]


@pytest.mark.parametrize("size", ["500k", "3m"])  # the frames of one demo do not fit; the second episode does not
def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, store: Path, size: str) -> None:
    mount = "unshare -Urm mount -t tmpfs tmpfs /mnt"
    if subprocess.run(mount, shell=True, capture_output=True, check=False).returncode:
        pytest.skip("this system mounts no small disk for a user")
    for _ in range(3):
        write_counter_demo(tmp_path / "demos", ticks=60)
    store.mkdir()
    export = [sys.executable, "-m", "vpt_gym", "demos", "export", str(tmp_path / "demos"), "--to", "minari"]
    script = f'mount -t tmpfs -o size={size} tmpfs {store} && {{ "$@"; code=$?; find {store}; exit $code; }}'
    words = ["unshare", "-Urm", "sh", "-c", script, "sh", *export, "--id", "vpt/a-v0"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot write the Minari dataset 'vpt/a-v0'" in done.stderr
    assert "No space left" in done.stderr or "MB are free" in done.stderr
    assert done.stdout == f"{store}\n"


def test_an_existing_dataset_is_only_replaced_if_asked(tmp_path: Path, store: Path) -> None:
    write_counter_demo(tmp_path / "a", ticks=5)
    write_counter_demo(tmp_path / "b", ticks=6)
    export_minari(tmp_path / "a", "vpt/a-v0")
    with pytest.raises(FileExistsError, match="--overwrite"):
        export_minari(tmp_path / "b", "vpt/a-v0")
    assert minari.load_dataset("vpt/a-v0").total_steps == 5
    export_minari(tmp_path / "b", "vpt/a-v0", overwrite=True)
    assert minari.load_dataset("vpt/a-v0").total_steps == 6
    assert sorted(path.name for path in store.iterdir()) == ["vpt"]  # nothing else lies about
    (store / "mine-v0").mkdir()
    with pytest.raises(FileExistsError, match="is not a Minari dataset"):
        export_minari(tmp_path / "b", "mine-v0", overwrite=True)


def test_importing_again_is_refused_or_replaces_only_the_same(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=5)
    export_minari(tmp_path / "demos", "a-v0")
    own = write_counter_demo(tmp_path / "back", ticks=8)
    first = import_minari("a-v0", tmp_path / "back").demos
    with pytest.raises(FileExistsError, match=r"imported from a-v0 already.*--overwrite"):
        import_minari("a-v0", tmp_path / "back")
    second = import_minari("a-v0", tmp_path / "back", overwrite=True).demos
    assert list_demos(tmp_path / "back") == sorted([own, *second])
    assert first != second
    assert check(tmp_path / "back") == []


def test_memory_does_not_grow_with_the_episode(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=300, size=(96, 160))
    export_minari(tmp_path / "demos", "warm-v0", keep=None)  # what libraries keep is not counted
    tracemalloc.start()
    try:
        export_minari(tmp_path / "demos", "a-v0")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 300 * 96 * 160 * 3 / 2


@pytest.mark.filterwarnings("ignore:(?s).*None:UserWarning")  # Minari wants an author and so on
class TestOthersDatasets:
    """Datasets that vpt-gym did not write."""

    def create(self, name: str, observations: object, actions: object, **kwargs: object) -> None:
        steps = kwargs.pop("steps", 3)
        buffer = EpisodeBuffer(
            seed=5,
            observations=observations,
            actions=actions,
            rewards=[0.5] * steps,
            terminations=[False] * steps,
            truncations=[False] * (steps - 1) + [True],
            infos=kwargs.pop("infos", {}),
        )
        minari.create_dataset_from_buffers(name, [buffer], **kwargs)

    @pytest.mark.parametrize("frames_key", [None, "observation"])
    def test_goals_in_the_observations_are_kept(self, tmp_path: Path, frames_key: str | None) -> None:
        """Minigrid's ``mission``, and the ``GoalEnv`` of Gymnasium-Robotics with frames of a known name or its own."""
        frames = np.stack([counter_frame(tick) for tick in range(4)])
        name = frames_key or "image"
        picture = spaces.Box(0, 255, (48, 80, 3), np.uint8)
        goals = {"mission": spaces.Text(20), "desired_goal": spaces.Box(-1, 1, (2,), np.float64)}
        others = {"achieved_goal": spaces.Box(-1, 1, (2,), np.float64), "goal": picture}
        moving = np.linspace(0, 1, 8).reshape(4, 2)
        self.create(
            "goals-v0",
            {
                name: frames,
                "mission": ["fetch wood"] * 4,
                "desired_goal": np.full((4, 2), 0.5),
                "achieved_goal": moving,
                "goal": frames,
            },
            np.array([[1, 60], [3, 60], [1, 60]]),
            observation_space=spaces.Dict({name: picture, **goals, **others}),
            action_space=spaces.MultiDiscrete([8641, 121]),
        )
        if frames_key is not None:
            with pytest.raises(ValueError, match=r"it has the keys \[.*'observation'\].*--frames-key"):
                import_minari("goals-v0", tmp_path / "demos")
        (path,) = import_minari("goals-v0", tmp_path / "demos", frames_key=frames_key).demos
        demo = read_demo(path)
        assert demo.codes.tolist() == canonical(np.array([[1, 60], [3, 60], [1, 60]])).tolist()
        assert demo.metadata["observed_goal"] == {"mission": "fetch wood", "desired_goal": [0.5, 0.5]}
        assert demo.metadata["task"] == "fetch wood"
        export_minari(tmp_path / "demos", "again-v0")
        (back,) = import_minari("again-v0", tmp_path / "back").demos
        assert read_demo(back).metadata["observed_goal"] == demo.metadata["observed_goal"]

    def test_a_goal_that_changes_is_no_goal_of_the_demo(self) -> None:
        changing = {
            "mission": ["a", "b", "b"],
            "desired_goal": np.arange(3.0)[:, None],
            "goal": np.full((3, 1), np.nan),
        }
        assert goals_of(changing, 3) == {}
        assert goals_of({"mission": [b"a\x1b", b"a\x1b", b"next"]}, 2)["task"] == r"a\x1b"
        assert goals_of(np.zeros((3, 2)), 3) == {}

    def test_a_frame_under_any_key_and_minedojos_actions(self, tmp_path: Path) -> None:
        frames = np.stack([np.moveaxis(counter_frame(tick), -1, 0) for tick in range(4)])
        self.create(
            "dojo-v0",
            {"view": frames, "health": np.ones((4, 1), np.float32)},
            np.array([[1, 0, 1, 12, 13, 3, 0, 0], [0, 2, 0, 11, 12, 0, 0, 0], [0, 0, 0, 12, 12, 5, 0, 4]]),
            observation_space=spaces.Dict(
                {"view": spaces.Box(0, 255, (3, 48, 80), np.uint8), "health": spaces.Box(0, 1, (1,), np.float32)}
            ),
            action_space=spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36]),
            infos={"is_success": np.array([False, False, False, True])},
        )
        with pytest.raises(ValueError, match=r"no RGB frame.*Dict\(.*view.*--frames-key"):
            import_minari("dojo-v0", tmp_path / "demos")
        (path,) = import_minari("dojo-v0", tmp_path / "demos", frames_key="view", lossless=True).demos
        demo = read_demo(path)
        assert demo.success is True
        assert demo.metadata["seed"] == 5
        assert demo.metadata["ended"] == "truncated"
        assert demo.rewards.tolist() == [0.5] * 3
        assert demo.actions["camera"].tolist() == [[0, 15], [-15, 0], [0, 0]]
        held = {name: values.tolist() for name, values in demo.actions.items() if name != "camera" and values.any()}
        assert held == {
            "forward": [1, 0, 0],
            "jump": [1, 0, 0],
            "attack": [1, 0, 0],
            "right": [0, 1, 0],
            "hotbar.5": [0, 0, 1],
        }
        assert np.array_equal(np.moveaxis(frames_of(path), -1, 1), frames[:3])

    @pytest.mark.parametrize(
        ("infos", "success"),
        [
            ({"success": np.array([b"False"] * 4)}, None),
            ({"success": np.array([np.nan] * 4)}, None),
            ({"success": np.array([np.nan, 0.0, 0.0, 0.0])}, False),
            ({"success": np.array([np.nan, 0.0, 1.0, 0.0])}, True),
        ],
    )
    def test_only_numbers_say_that_an_episode_succeeded(
        self, tmp_path: Path, infos: dict[str, np.ndarray], success: bool | None
    ) -> None:
        frames = np.stack([counter_frame(tick) for tick in range(4)])
        image = spaces.Box(0, 255, (48, 80, 3), np.uint8)
        self.create(
            "a-v0",
            frames,
            np.zeros((3, 2), np.int64),
            observation_space=image,
            action_space=code_space(),
            infos=infos,
        )
        (path,) = import_minari("a-v0", tmp_path / "demos").demos
        assert read_demo(path).success is success

    def test_spaces_that_are_not_ours_are_named(self, tmp_path: Path) -> None:
        image = spaces.Box(0, 255, (48, 80, 3), np.uint8)
        frames = np.stack([counter_frame(tick) for tick in range(4)])
        self.create("a-v0", frames, np.zeros(3, int), observation_space=image, action_space=spaces.Discrete(4))
        with pytest.raises(ValueError, match=r"(?s)a-v0: its actions cannot be read.*actions Discrete\(4\)"):
            import_minari("a-v0", tmp_path / "demos")
        floats = spaces.Box(0, 1, (4,), np.float32)
        walk = spaces.Discrete(4)
        self.create("b-v0", np.zeros((4, 4)), np.zeros(3, int), observation_space=floats, action_space=walk)
        with pytest.raises(ValueError, match=r"b-v0: no RGB frame.*observations Box\(0\.0, 1\.0, \(4,\)"):
            import_minari("b-v0", tmp_path / "demos")
        with pytest.raises(FileNotFoundError, match="minari download c-v0"):
            import_minari("c-v0", tmp_path / "demos")
        assert not (tmp_path / "demos").exists()

    def test_an_action_without_a_key_stops_the_import(self, tmp_path: Path) -> None:
        frames = np.stack([counter_frame(tick) for tick in range(4)])
        craft = np.array([[0, 0, 0, 12, 12, 0, 0, 0], [1, 0, 0, 12, 12, 4, 7, 0], [0, 0, 0, 12, 12, 0, 0, 0]])
        self.create(
            "a-v0",
            frames,
            craft,
            observation_space=spaces.Box(0, 255, (48, 80, 3), np.uint8),
            action_space=spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36]),
        )
        with pytest.raises(ValueError, match=r"a-v0, episode 0, step 1: .*craft"):
            import_minari("a-v0", tmp_path / "demos")
        assert content_of(tmp_path / "demos") == []
        done = import_minari("a-v0", tmp_path / "demos", drop_unsupported=True)
        assert done.dropped == 1
        assert read_demo(done.demos[0]).actions["forward"].tolist() == [0, 1, 0]


def test_without_minari_the_error_has_the_line_to_install_it(tmp_path: Path) -> None:
    done = run_without("h5py", "demos", "export", tmp_path, "--to", "minari", "--id", "a-v0")
    assert done.returncode == 2
    assert 'pip install "vpt-gym[minari]"' in done.stderr


def test_metadata_survives_as_json(tmp_path: Path) -> None:
    write_with(tmp_path / "demos", player="me", env_id="X-v0", env_kwargs={"deep": {"list": [1, None, "é"]}})
    export_minari(tmp_path / "demos", "a-v0")
    (path,) = import_minari("a-v0", tmp_path / "back").demos
    metadata = json.loads(path.read_text(encoding="utf-8"))
    assert metadata["player"] == "me"
    assert metadata["env_kwargs"] == {"deep": {"list": [1, None, "é"]}}


@pytest.mark.parametrize("odd", [3, ["X-v0"], {"a": 1}, "\ud800", "a\0b", 10**30, "antigravity_elsewhere:X-v0"])
def test_odd_entries_of_metadata_are_exported_as_json_alone(tmp_path: Path, odd: object) -> None:
    write_with(tmp_path / "demos", env_id=odd, env_kwargs=odd, task=odd, seed=odd)
    done = export_minari(tmp_path / "demos", "a-v0")
    assert any("Minari cannot recover it" in note or "do not name their environment" in note for note in done.notes)
    (path,) = import_minari("a-v0", tmp_path / "back").demos
    assert json.loads(path.read_text(encoding="utf-8"))["task"] == odd
