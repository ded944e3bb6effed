"""Careless uses of the commands: each error has the value and the remedy, and comes before the work."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.support.av1_video import write_av1
from tests.support.numbered_demos import write_episode
from vpt_gym.cli import main
from vpt_gym.demos import DemoError, DemoWriteError, check, read_demo, repair


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return write_episode(tmp_path / "demos", 0, 20)


@pytest.mark.parametrize("suffix", ["mp4", "gif", "png"])
def test_an_export_into_a_folder_that_is_not_there(
    demo: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(out: Path) -> str:
        assert main(["view", str(demo), "--export", "--out", str(out)]) in (1, 2)
        return capsys.readouterr().err

    out = tmp_path / "nope" / f"x.{suffix}"
    assert f"{out} cannot be written: there is no folder {out.parent}; create it, or choose another" in said(out)
    assert f"{demo} is not a folder" in said(demo / f"x.{suffix}")
    (tmp_path / f"x.{suffix}").mkdir()
    assert "it is a folder; name a file in it" in said(tmp_path / f"x.{suffix}")


def test_a_picture_of_statistics_into_a_folder_that_is_not_there(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demos", "stats", str(demo.parent), "--picture", str(tmp_path / "nope/x.png")]) == 2
    assert "there is no folder" in capsys.readouterr().err


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Makes a directory read-only, and is another user than root in it, whom no permission stops."""
    for file in directory.iterdir():
        file.chmod(0o444)
    for parent in (directory, *directory.parents):
        if parent.stat().st_uid == os.geteuid() and parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(0o755)
    directory.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        directory.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("interrupted", [False, True])
def test_repair_in_a_read_only_directory(demo: Path, interrupted: bool, capsys: pytest.CaptureFixture[str]) -> None:
    lines = demo.with_suffix(".jsonl").read_bytes().splitlines(keepends=True)
    demo.with_suffix(".jsonl").write_bytes(b"".join(lines[:15]))
    if interrupted:
        for file in list(demo.parent.iterdir()):
            file.rename(file.with_name(file.name + ".partial"))
    before = {file.name: file.read_bytes() for file in demo.parent.iterdir()}
    with read_only(demo.parent):
        assert [problem.repairable for problem in check(demo.parent)] == [True]
        with pytest.raises(
            DemoWriteError, match=rf"cannot repair demo {demo.stem} in {demo.parent}: .*Permission deni"
        ):
            repair(demo.parent)
        assert main(["demos", "repair", str(demo.parent)]) == 2
        assert "make the directory writable, or repair a copy of it" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in demo.parent.iterdir()} == before
    assert len(repair(demo.parent)) == 1
    assert check(demo.parent) == []


@pytest.mark.skipif("libsvtav1" not in av.codecs_available, reason="this build of PyAV cannot write AV1")
def test_a_codec_that_opencv_cannot_decode(demo: Path) -> None:
    write_av1(demo.with_suffix(".mp4"), np.stack([np.full((64, 64, 3), 9 * tick, np.uint8) for tick in range(20)]))
    demo.write_text(json.dumps({**json.loads(demo.read_text()), "frame_size": [64, 64]}))
    assert len(list(read_demo(demo).frames())) == 20
    if cv2.VideoCapture(str(demo.with_suffix(".mp4"))).read()[0]:
        pytest.skip("this build of OpenCV decodes AV1")
    with pytest.raises(DemoError, match="stops after 0 of 20 frames") as refused:
        list(read_demo(demo, compat="openai").frames())
    assert "ffmpeg -i" in refused.value.remedy
    assert "delete" not in str(refused.value)


DAMAGE = {
    "short records": lambda video, records: records.write_bytes(b"".join(records.read_bytes().splitlines(True)[:15])),
    "damaged line": None,
    "short video": lambda video, records: video.write_bytes(video.read_bytes()[:-300]),
    "cut line": lambda video, records: records.write_bytes(records.read_bytes()[:-30]),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("count_frames", [True, False])
def test_no_remedy_says_delete_where_repair_fixes(demo: Path, damage: str, count_frames: bool, tmp_path: Path) -> None:
    if damage == "damaged line":  # the last one: a first damaged line leaves nothing to repair
        lines = demo.with_suffix(".jsonl").read_bytes().splitlines(keepends=True)
        demo.with_suffix(".jsonl").write_bytes(b"".join(lines[:-1]) + b"{bad\n")
    else:
        DAMAGE[damage](demo.with_suffix(".mp4"), demo.with_suffix(".jsonl"))
    shutil.copytree(demo.parent, tmp_path / "copy")
    with pytest.raises(DemoError) as error:
        list(read_demo(demo, count_frames=count_frames).frames())
    assert error.value.repairable
    assert "vpt-gym demos repair DIR" in error.value.remedy
    assert "delete" not in error.value.remedy
    repair(tmp_path / "copy")
    assert check(tmp_path / "copy") == []
