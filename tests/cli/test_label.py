"""``vpt-gym label`` as a user runs it: videos in, demos out, nothing overwritten."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.python_processes import run
from tests.support.videos import moving_texture, write_video
from vpt_gym import VPTAgent
from vpt_gym.agents.idm.agent import IDMAgent
from vpt_gym.cli.label import Args
from vpt_gym.cli.label import run as run_label
from vpt_gym.cli.status import DONE, NOT_DONE, WRONG_COMMAND
from vpt_gym.collect.identity import weights_digest
from vpt_gym.demos import DemoDataset, check, list_demos, read_demo
from vpt_gym.demos.files.names import files_of, partial
from vpt_gym.demos.library.library import DemoLibrary


def label(*arguments: object, fresh: bool = False) -> subprocess.CompletedProcess[str]:
    return run("-m", "vpt_gym", "label", *arguments, fresh=fresh)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "idm"
    IDMAgent.from_config("nano", seed=0).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "one.mp4", moving_texture(41, (90, 160), seed=1), 20)
    write_video(folder / "two.mkv", moving_texture(24, (72, 128), seed=2), 20)
    write_video(folder / "fast.mp4", moving_texture(60, (90, 160), seed=3), 60)
    (folder / "text.mp4").write_text("a film of the sea")
    return folder


@pytest.fixture(scope="module")
def demos(tmp_path_factory, model, videos) -> Path:
    folder = tmp_path_factory.mktemp("demos") / "labelled"
    result = label(videos / "one.mp4", videos / "two.mkv", "-o", folder, "--model", model, fresh=True)
    assert result.returncode == 0, result.stderr
    assert "41 ticks" in result.stdout
    return folder


def test_each_video_becomes_a_demo_with_its_frames_and_the_agents_labels(demos, model, videos):
    agent = IDMAgent.from_pretrained(model)
    for path, name, ticks, size in zip(
        list_demos(demos), ("one.mp4", "two.mkv"), (41, 24), ((90, 160), (72, 128)), strict=True
    ):
        assert check(demos) == []
        demo = read_demo(path)
        assert (len(demo), demo.frame_size, demo.metadata["fps"]) == (ticks, size, 20)
        expected = agent.label(videos / name)
        for key, value in expected.items():
            np.testing.assert_allclose(demo.actions[key], value, atol=1e-6)
        seed = 1 if name == "one.mp4" else 2
        errors = np.stack(list(demo.frames())).astype(int) - moving_texture(ticks, size, seed=seed)
        assert np.abs(errors).mean() < 6


def test_the_metadata_names_the_model_and_the_video(demos, model, videos):
    metadata = read_demo(list_demos(demos)[0]).metadata
    assert metadata["labelled_by"]["kind"] == "inverse dynamics model"
    assert metadata["labelled_by"]["model"] == str(model)
    assert metadata["labelled_by"]["config"]["hidsize"] == 256
    assert metadata["labelled_by"]["weights_digest"] == weights_digest(IDMAgent.from_pretrained(model).model)
    source = metadata["source"]
    assert (source["name"], source["size"]) == ("one.mp4", (videos / "one.mp4").stat().st_size)
    assert (source["frames_per_second"], source["resampled"]) == (20.0, False)
    assert metadata["success"] is None


def test_the_demos_can_be_learned_from(demos):
    dataset = DemoDataset(demos, seq_len=8, batch_size=2, drop_null=False)
    assert (dataset.n_episodes, dataset.n_ticks, dataset.skipped) == (2, 65, [])


def test_a_video_that_is_there_already_is_refused_and_nothing_changes(demos, model, videos):
    (demos / "contractors-options.json").write_text("{}")  # stands beside each contractor recording
    before = {path: path.stat().st_mtime_ns for path in demos.iterdir()}
    result = label(videos / "fast.mp4", videos / "one.mp4", "-o", demos, "--model", model, "--resample")
    assert result.returncode == 1
    assert "is already a demo of a video named one.mp4" in result.stderr
    assert {path: path.stat().st_mtime_ns for path in demos.iterdir()} == before


def test_a_folder_of_videos_is_labelled_and_continued(model, tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    (folder / "notes.json").write_text("{}")
    for number in range(2):
        write_video(folder / f"{number}.mp4", moving_texture(12, (36, 64), seed=number), 20)
    done = label(folder, "-o", out, "--model", model, "--json")
    found = json.loads(done.stdout)
    assert [(Path(one["video"]).name, one["ticks"]) for one in found["demos"]] == [("0.mp4", 12), ("1.mp4", 12)]
    assert [one["demo"] for one in found["demos"]] == [str(path) for path in list_demos(out)]
    assert "(2 of 2)" in done.stderr
    first = {path: path.stat().st_mtime_ns for path in out.glob("*.*") if not path.name.startswith(".")}
    assert len(first) == 6
    # as killed while it labelled the second
    last = files_of(list_demos(out)[-1])
    for path in last.all:
        path.rename(partial(path))
    last_metadata = json.loads(partial(last.metadata).read_text())
    partial(last.metadata).write_text(json.dumps({**last_metadata, "ended": "recovered"}))
    write_video(folder / "2.mp4", moving_texture(12, (36, 64), seed=2), 20)
    result = label(folder, "-o", out, "--model", model)
    assert result.returncode == 0, result.stderr
    assert "1 of 3 videos are demos" in result.stdout
    assert sorted(read_demo(path).metadata["source"]["name"] for path in list_demos(out)) == ["0.mp4", "1.mp4", "2.mp4"]
    assert {path.name for path in out.glob("*.partial")} == set()
    assert all(path.stat().st_mtime_ns == time for path, time in first.items() if last.id not in path.name)


@pytest.fixture
def players(tmp_path) -> list[Path]:
    """Two folders, each with a video of the same name."""
    folders = [tmp_path / name for name in ("ann", "bob")]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        write_video(folder / "0001.mp4", moving_texture(12, (36, 64), seed=seed), 20)
    return folders


def test_a_video_is_known_by_its_content_wherever_it_lies(model, players, tmp_path):
    ann, bob = players
    out = tmp_path / "out"
    moved = tmp_path / "moved"
    for folder, count in ((ann, 1), (bob, 2), (ann, 2), (moved, 2)):
        if folder == moved:
            bob.rename(moved)
        assert run_label(Args(videos=(folder,), out=out, model=str(model))) == DONE
        assert len(list_demos(out)) == count
    DemoLibrary(out).reject(files_of(list_demos(out)[0]).id)
    assert run_label(Args(videos=(ann,), out=out, model=str(model))) == DONE
    assert len(list_demos(out)) == 1


def test_a_demo_that_says_only_the_name_of_its_video_is_known_by_it(model, players, tmp_path):
    ann, bob = players
    out = tmp_path / "out"
    assert run_label(Args(videos=(ann,), out=out, model=str(model))) == DONE
    (demo,) = list_demos(out)
    metadata = json.loads(demo.read_text())
    metadata["source"] = {"name": "0001.mp4"}  # as versions before wrote it
    demo.write_text(json.dumps(metadata))
    assert run_label(Args(videos=(bob,), out=out, model=str(model))) == DONE
    assert list_demos(out) == [demo]


def test_a_directory_takes_the_demos_of_one_model(model, players, tmp_path, capsys):
    out = tmp_path / "out"
    assert run_label(Args(videos=(players[0],), out=out, model=str(model))) == DONE
    other = shutil.copytree(model, tmp_path / "other")
    for folder in players:
        assert run_label(Args(videos=(folder,), out=out, model=str(other))) == NOT_DONE
        assert f"{{'model': '{other}'}}" in capsys.readouterr().err
    assert len(list_demos(out)) == 1


def test_what_another_run_labelled_meanwhile_is_not_labelled_again(model, players, tmp_path, monkeypatch):
    args = Args(videos=(players[0],), out=tmp_path / "out", model=str(model))
    load = IDMAgent.from_pretrained

    def load_slowly(*arguments, **options):
        monkeypatch.setattr(IDMAgent, "from_pretrained", load)
        assert run_label(args) == DONE
        return load(*arguments, **options)

    monkeypatch.setattr(IDMAgent, "from_pretrained", load_slowly)
    assert run_label(args) == DONE
    assert len(list_demos(tmp_path / "out")) == 1


def test_a_folder_without_videos_is_reported(model, tmp_path):
    result = label(tmp_path, "-o", tmp_path / "out", "--model", model)
    assert result.returncode == 1
    assert "there is no video in" in result.stderr


def test_the_same_name_twice_is_refused(model, videos, tmp_path):
    result = label(videos / "one.mp4", videos / "one.mp4", "-o", tmp_path / "out", "--model", model)
    assert result.returncode == 1
    assert "is named twice" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_faster_video_is_refused_or_resampled(model, videos, tmp_path):
    refused = label(videos / "fast.mp4", "-o", tmp_path / "out", "--model", model)
    assert refused.returncode == 1
    assert "60 frames a second" in refused.stderr
    assert "--resample" in refused.stderr
    done = label(videos / "fast.mp4", "-o", tmp_path / "out", "--model", model, "--resample", "-q")
    assert (done.returncode, done.stdout) == (0, f"1 demo, 20 ticks in {tmp_path / 'out'}\n"), done.stderr
    (path,) = list_demos(tmp_path / "out")
    demo = read_demo(path)
    assert len(demo) == 20
    source = demo.metadata["source"]
    assert (source["name"], source["frames_per_second"], source["resampled"]) == ("fast.mp4", 60.0, True)


@pytest.mark.parametrize(
    ("video", "message", "status"),
    [("nothing.mp4", "there is no video", 2), ("text.mp4", "not a readable video", 1)],
)
def test_an_unusable_video_is_reported_before_any_work(model, videos, tmp_path, video, message, status):
    result = label(videos / "one.mp4", videos / video, "-o", tmp_path / "out", "--model", model)
    assert result.returncode == status
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_demos_are_not_written_among_the_videos(model, videos, tmp_path, capsys):
    film = tmp_path / "one.mp4"
    shutil.copy(videos / "one.mp4", film)
    for named in (film, tmp_path):
        assert run_label(Args((named,), out=tmp_path, model=str(model))) == NOT_DONE
        assert "choose another folder with -o" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [film]


def test_a_file_is_no_directory_of_demos(model, videos, capsys):
    status = run_label(Args((videos / "one.mp4",), out=videos / "text.mp4", model=str(model)))
    assert status == WRONG_COMMAND
    assert "text.mp4 is a file and no directory" in capsys.readouterr().err


def test_a_policy_is_no_labeller(videos, tmp_path):
    VPTAgent.from_config("nano", seed=0).save_pretrained(tmp_path / "policy")
    result = label(videos / "one.mp4", "-o", tmp_path / "out", "--model", tmp_path / "policy")
    assert result.returncode == 1
    assert "VPTAgent" in result.stderr
