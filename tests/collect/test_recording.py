"""What decides which demos a recording has; processes and signals are in ``tests/cli/test_record.py``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support import scripted_counter  # noqa: F401 (registers the env)
from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.actions.human import no_op
from vpt_gym.collect.directory import clear_up
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.players import make_player
from vpt_gym.collect.provenance import LABELLED_BY
from vpt_gym.collect.rollouts import Episode
from vpt_gym.collect.run import Recorded, record
from vpt_gym.collect.session import Recording, RecordingSession, demo_folder
from vpt_gym.demos import DemoWriter, check, list_demos, read_demo, repair
from vpt_gym.demos.files.names import files_of, partial
from vpt_gym.demos.files.video import count_frames
from vpt_gym.demos.library.library import DemoLibrary


@pytest.fixture
def single_thread() -> Iterator[None]:
    """Gives torch back the threads that a recording with an agent takes from it."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def counter(directory: Path, **fields: object) -> Recording:
    recording = Recording(
        out=directory, env=EnvArgs("ScriptedCounter-v0"), expert=("tests.support.scripted_counter:CounterExpert",)
    )
    return replace(recording, **{"episodes": 3, **fields})  # type: ignore[arg-type]


def seeds(directory: Path) -> list[int]:
    return sorted(read_demo(path).metadata["seed"] for path in list_demos(directory))


def test_the_first_successes_are_recorded_and_counted(tmp_path: Path) -> None:
    seen: list[Episode] = []
    recorded = record(counter(tmp_path), on_episode=seen.append)
    assert seeds(tmp_path) == [0, 1, 3]
    assert [(episode.seed, episode.success) for episode in seen] == [(0, True), (1, True), (2, False), (3, True)]
    ticks = sum(len(read_demo(path)) for path in list_demos(tmp_path))
    assert recorded == Recorded(demos=3, ticks=ticks, played=4, successes=3)
    again = record(counter(tmp_path), on_episode=seen.append)
    assert again == Recorded(demos=3, ticks=ticks, played=0, successes=0)
    assert len(seen) == 4


def test_rejected_demos_do_not_come_back_and_others_take_their_place(tmp_path: Path) -> None:
    record(counter(tmp_path))
    library = DemoLibrary(tmp_path)
    for path in list_demos(tmp_path)[:2]:
        library.reject(files_of(path).id)
    (tmp_path / "rejected" / f"{library.rows()[-1]['id']}.json").write_text('{"format": "vpt_gym.demo", damaged')
    assert record(counter(tmp_path, episodes=2)).demos == 2
    assert seeds(tmp_path) == [1, 3]  # the world of the demo that does not say its seed is played again


def test_a_demo_that_does_not_state_its_return_counts(tmp_path: Path) -> None:
    record(counter(tmp_path, episodes=1))
    (path,) = list_demos(tmp_path)
    metadata = json.loads(path.read_text(encoding="utf-8"))
    del metadata["return"]
    path.write_text(json.dumps(metadata), encoding="utf-8")
    assert record(counter(tmp_path, episodes=1)).demos == 1


def test_a_later_start_is_a_recording_of_its_own(tmp_path: Path) -> None:
    record(counter(tmp_path))
    assert record(counter(tmp_path, seed=30, episodes=2)).demos == 2
    assert seeds(tmp_path) == [0, 1, 3, 30, 31]


def test_each_episode_depends_on_its_seed_alone(tmp_path: Path) -> None:
    record(counter(tmp_path / "four", episodes=4, disturbance=0.3))
    record(counter(tmp_path / "last", episodes=1, seed=4, disturbance=0.3))
    records = {
        folder: {
            read_demo(path).metadata["seed"]: path.with_suffix(".jsonl").read_bytes() for path in list_demos(folder)
        }
        for folder in (tmp_path / "four", tmp_path / "last")
    }
    assert records[tmp_path / "four"][4] == records[tmp_path / "last"][4]
    pushes = {
        read_demo(path).metadata["seed"]: read_demo(path).executed["camera"][:5].tolist()
        for path in list_demos(tmp_path / "four")
    }
    assert len({json.dumps(push) for push in pushes.values()}) == len(pushes)


@pytest.mark.parametrize("repaired", [False, True])
def test_an_interrupted_episode_is_played_again(tmp_path: Path, repaired: bool) -> None:
    env = EnvArgs("ScriptedCounter-v0", kwargs='{"longest": 80}')
    record(counter(tmp_path, env=env, episodes=2))
    # what a kill leaves in the third episode
    session = RecordingSession(counter(tmp_path, env=env))
    session.env.reset(seed=3)
    for _ in range(30):
        session.env.step(no_op())
    while not any(count_frames(path) for path in tmp_path.glob("*.mp4.partial")):
        time.sleep(0.01)
    left = {path: path.read_bytes() for path in tmp_path.glob("*.partial")}
    session.close()
    assert len(left) == 3
    assert list(tmp_path.glob("*.partial")) == []
    for path, content in left.items():
        path.write_bytes(content)
    if repaired:
        (done,) = repair(tmp_path)
        assert done.ticks >= 10
    record(counter(tmp_path, env=env))
    assert seeds(tmp_path) == [0, 1, 3]
    assert check(tmp_path) == []
    assert {read_demo(path).metadata["ended"] for path in list_demos(tmp_path)} == {"terminated"}


def test_a_demo_that_only_lacked_its_name_is_not_played_again(tmp_path: Path) -> None:
    recorded = record(counter(tmp_path))
    last = files_of(list_demos(tmp_path)[-1])
    for path in last.all[1:]:  # as killed between two renames
        path.rename(partial(path))
    assert record(counter(tmp_path)) == replace(recorded, played=0, successes=0)
    assert check(tmp_path) == []


def test_what_another_run_left_unfinished_is_not_deleted(tmp_path: Path) -> None:
    record(counter(tmp_path, episodes=1))
    (path,) = list_demos(tmp_path)
    metadata = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**metadata, "ended": "recovered"}), encoding="utf-8")
    for other in ({"lossless": True}, {"env": EnvArgs("ScriptedCounter-v0", kwargs='{"longest": 24}')}):
        with pytest.raises(ValueError, match="into another directory"):
            record(counter(tmp_path, **other))
    clear_up(tmp_path, LABELLED_BY, lambda: None)  # as `vpt-gym label` does
    assert list_demos(tmp_path) == [path]
    record(counter(tmp_path, episodes=1))  # its own run plays the episode again
    assert path not in list_demos(tmp_path)
    assert seeds(tmp_path) == [0]


@pytest.mark.parametrize(
    "change",
    [
        {"env": EnvArgs("ScriptedCounter-v0", kwargs='{"longest": 24}')},
        {"env": EnvArgs("ScriptedCounter-v0", key="rgb")},
        {"disturbance": 0.5},
        {"expert": ("tests.support.scripted_counter:FailingExpert",)},
        {"size": "128"},
        {"lossless": True},
    ],
)
def test_one_directory_holds_one_kind_of_demos(tmp_path: Path, change: dict[str, object]) -> None:
    record(counter(tmp_path, episodes=1))
    with pytest.raises(ValueError, match="into another directory"):
        record(counter(tmp_path, **change))
    assert seeds(tmp_path) == [0]


def test_demos_with_pushes_of_another_size_are_not_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("vpt_gym.collect.disturbance.SPREAD", (4.0, 6.0))
        record(counter(tmp_path, episodes=1, disturbance=0.1))
    with pytest.raises(ValueError, match=r"'spread': \[4\.0, 6\.0\].*'spread': \[9\.0, 6\.0\].*another directory"):
        record(counter(tmp_path, episodes=2, disturbance=0.1))
    record(counter(tmp_path / "new", episodes=1, disturbance=0.1))
    assert record(counter(tmp_path / "new", episodes=2, disturbance=0.1)).demos == 2


def test_demos_that_do_not_name_the_size_of_their_pushes_are_not_continued(tmp_path: Path) -> None:
    record(counter(tmp_path, episodes=1, disturbance=0.1))
    (path,) = list_demos(tmp_path)
    metadata = json.loads(path.read_text(encoding="utf-8"))
    del metadata["recorded_by"]["pushes"]
    path.write_text(json.dumps(metadata), encoding="utf-8")
    with pytest.raises(ValueError, match="into another directory"):
        record(counter(tmp_path, episodes=2, disturbance=0.1))


def test_an_agent_that_was_trained_again_is_another_player(tmp_path: Path) -> None:
    folder, out = tmp_path / "agent", tmp_path / "demos"
    VPTAgent(small_policy(seed=1)).save_pretrained(folder)
    recording = counter(out, expert=(str(folder),), episodes=1)
    with DemoWriter(out, metadata={"seed": 0, "recorded_by": recording.with_weights().provenance}) as writer:
        writer.append(np.zeros((48, 80, 3), np.uint8), no_op())
        writer.close(success=True, ended="terminated")
    assert record(recording) == Recorded(demos=1, ticks=1, played=0, successes=0)
    VPTAgent(small_policy(seed=2)).save_pretrained(folder)
    with pytest.raises(ValueError, match=r"recorded with {'weights': .* this recording is {'weights': "):
        record(recording)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_worker_checks_that_it_has_the_same_agent(tmp_path: Path, seed: int, single_thread: None) -> None:
    VPTAgent(small_policy(seed=1)).save_pretrained(tmp_path / "agent")
    recording = counter(tmp_path / "demos", expert=(str(tmp_path / "agent"),), precision="fp32").with_weights()
    VPTAgent(small_policy(seed=seed)).save_pretrained(tmp_path / "agent")
    with nullcontext() if seed == 1 else pytest.raises(ValueError, match=r"agent on .* has other weights"):
        RecordingSession(recording).close()


def test_an_expert_of_less_skill_errs_and_always_in_the_same_way(tmp_path: Path) -> None:
    env = EnvArgs("vpt_gym/Harvest1Log-v0", '{"level": "easy", "image_size": [64, 96], "max_episode_steps": 100}')
    records = {}
    for name, skill in {"whole": 1.0, "half": 0.5, "again": 0.5}.items():
        record(Recording(tmp_path / name, env, episodes=1, keep="all", disturbance=0.0, skill=skill))
        (path,) = list_demos(tmp_path / name)
        records[name] = path.with_suffix(".jsonl").read_bytes()
        assert read_demo(path).metadata["recorded_by"].get("skill", 1.0) == skill
    assert records["half"] == records["again"] != records["whole"]
    with pytest.raises(ValueError, match="into another directory"):
        record(Recording(tmp_path / "half", env, episodes=2, keep="all", disturbance=0.0))


def test_an_agent_has_no_skill() -> None:
    with pytest.raises(ValueError, match=r"skill is 0\.5, but an agent has none"):
        make_player(["runs/agent"], skill=0.5)


def test_two_runs_do_not_share_a_directory(tmp_path: Path) -> None:
    def second(_: Episode) -> None:
        with pytest.raises(BlockingIOError, match="another run is recording into"):
            record(counter(tmp_path, episodes=5))

    assert record(counter(tmp_path, episodes=1), on_episode=second).demos == 1


def test_no_seed_is_taken_that_is_kept_for_other_purposes(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the seeds for demos are used up"):
        record(counter(tmp_path, seed=999_999, keep="all"))
    assert seeds(tmp_path) == [999_999]


def test_demos_go_to_a_directory_with_the_name_of_the_task() -> None:
    assert demo_folder(EnvArgs()) == Path("demos/harvest_1_log")
    assert demo_folder(EnvArgs("vpt_gym/Harvest1Dirt-v0")) == Path("demos/harvest_1_dirt")
    assert demo_folder(EnvArgs("tests.support.scripted_counter:ScriptedCounter-v0")) == Path("demos/ScriptedCounter-v0")


@pytest.mark.parametrize("option", [{"device": "cuda"}, {"precision": "int8"}])
def test_an_option_of_agents_without_an_agent_is_refused(tmp_path: Path, option: dict[str, str]) -> None:
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"{name} is '{value}', but tests.support.scripted_counter.* is no agent"):
        counter(tmp_path, **option)


def test_a_success_that_is_reported_in_one_tick_alone_counts(tmp_path: Path) -> None:
    env = EnvArgs("tests.support.passing_success_env:PassingSuccess-v0")
    recorded = record(counter(tmp_path, env=env, episodes=2))
    assert (recorded.demos, recorded.played, recorded.successes) == (2, 2, 2)  # it went on for 1,000,000 worlds
    assert seeds(tmp_path) == [0, 1]
