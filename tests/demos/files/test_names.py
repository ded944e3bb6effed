"""What metadata may be, and the names of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpt_gym.actions.human import no_op
from vpt_gym.demos import DemoDataset, DemoWriter, read_demo
from vpt_gym.demos.files.disk import describe_disk_usage
from vpt_gym.demos.files.folders import below_in_words, demos_below
from vpt_gym.demos.files.names import (
    DemoError,
    DemoFiles,
    files_of,
    is_metadata,
    list_demos,
    list_metadata,
    partial,
    read_intact_records,
    read_metadata,
    record_lines,
)
from vpt_gym.demos.files.video import VideoHeader

GOOD = {"format": "vpt_gym.demo", "format_version": 1, "ticks": 0, "frame_size": [1, 1], "success": None}
RECORD = '{"mouse": {}, "keyboard": {}}\n'


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("ticks", (0, 1, 10**9)),
        ("frame_size", ([1, 1], [48, 80])),
        ("success", (None, True, False)),
        ("return", (None, 0, -3, 1.5, 10**300)),
        ("fps", (1, 1.0, 20, 1000)),
        ("more", ("anything", [None])),
    ],
)
def test_metadata_that_are_valid(tmp_path: Path, key: str, values: tuple[Any, ...]) -> None:
    path = tmp_path / "a.json"
    for value in values:
        path.write_text(json.dumps({**GOOD, key: value}))
        assert read_metadata(path)[key] == value


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("ticks", (-1, 0.0, True)),
        ("frame_size", ([0, 1], [1, 0], [1], [1, 1, 1], [1, True])),
        ("success", (0, 1)),
        ("return", (True, 10**309, -(10**309), float("nan"), float("inf"), float("-inf"))),
        ("fps", (0.99, 0, 1001, True, float("nan"))),
        ("format_version", (0, 2, None)),
    ],
)
def test_metadata_that_are_not(tmp_path: Path, key: str, values: tuple[Any, ...]) -> None:
    path = tmp_path / "a.json"
    for value in values:
        path.write_text(json.dumps({**GOOD, key: value}))
        with pytest.raises(DemoError, match=f"{key}|format version"):
            read_metadata(path)


def test_numbers_that_json_lacks_are_no_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(GOOD)[:-1] + ', "a": NaN, "b": {"c": [1, 1e999, -Infinity]}, "wall_time": Infinity}')
    assert read_metadata(path) == {**GOOD, "a": None, "b": {"c": [1, None, None]}, "wall_time": None}
    path.write_text(json.dumps(GOOD)[:-1] + ', "return": 1e999}')
    with pytest.raises(DemoError, match=r"a\.json: return is inf; it must be a finite number"):
        read_metadata(path)


@pytest.mark.parametrize("key", ["ticks", "frame_size", "success"])
def test_metadata_lack_nothing_that_is_needed(tmp_path: Path, key: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({name: value for name, value in GOOD.items() if name != key}))
    with pytest.raises(DemoError, match=rf"lacks \['{key}'\]"):
        read_metadata(path)


def test_records_up_to_the_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n\n{"a": 2}\r\n  \n[3]\n{"a": 4}\n')
    assert read_intact_records(path) == ([{"a": 1}, {"a": 2}], "line 5 is not a JSON object")
    assert record_lines(path) == [b'{"a": 1}\n', b'{"a": 2}\r\n', b"[3]\n", b'{"a": 4}\n']
    path.write_bytes(b'{"a": 1}\n{"a')
    assert read_intact_records(path) == ([{"a": 1}], "line 2 is cut off")
    path.write_bytes(b'{"a": 1}\n{"a\n{"a": 3}\n')
    assert str(read_intact_records(path)[1]).startswith("line 2 is not JSON (")
    assert record_lines(tmp_path / "absent") == []
    records, damage = read_intact_records(tmp_path / "absent")
    assert records == []
    assert "which cannot be read" in str(damage)


@pytest.mark.parametrize("content", ["[]", "5", "{}", '{"format": "other"}', '{"format": ["vpt_gym.demo"]}'])
def test_other_json_is_said_to_be_no_metadata(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DemoError, match=r"a\.json is not a demo's metadata: it lacks \"format\": \"vpt_gym\.demo\""):
        read_metadata(tmp_path / "a.json")


def test_the_message_of_an_error_is_its_problem_and_its_remedy() -> None:
    error = DemoError("a.mp4 is damaged", "restore it")
    assert (str(error), error.problem, error.remedy, error.repairable) == (
        "a.mp4 is damaged; restore it",
        "a.mp4 is damaged",
        "restore it",
        False,
    )


def test_any_file_of_a_demo_names_all_of_them(tmp_path: Path) -> None:
    files = DemoFiles(tmp_path, "a.b")
    assert [path.name for path in files.all] == ["a.b.mp4", "a.b.jsonl", "a.b.json"]
    for path in (*files.all, *map(partial, files.all), tmp_path / "a.b"):
        assert files_of(path) == files


def test_a_name_with_two_suffixes_is_that_of_the_last(tmp_path: Path) -> None:
    for name in ("a.json.mp4", "b.jsonl.mp4", "c.mp4.mp4"):
        (tmp_path / name).touch()
    assert [path.name for path in list_demos(tmp_path, lone_videos=True)] == ["a.json.mp4", "b.jsonl.mp4", "c.mp4.mp4"]
    assert all(files_of(path).video == path for path in tmp_path.iterdir())


def test_listed_are_finished_demos_and_lone_videos_on_request(tmp_path: Path) -> None:
    for name in ("own.mp4", "recording.mp4", "lone.mp4", "begun.mp4", "begun.jsonl.partial"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "own.json").write_text(json.dumps(GOOD))
    for name in ("own.jsonl", "recording.jsonl"):
        (tmp_path / name).write_text(RECORD)
    assert [path.name for path in list_demos(tmp_path)] == ["own.json", "recording.jsonl"]
    assert [path.name for path in list_demos(tmp_path, lone_videos=True)] == ["lone.mp4", "own.json", "recording.jsonl"]
    assert [path.name for path in list_metadata(tmp_path)] == ["own.json"]
    assert list_metadata(tmp_path / "absent") == []
    assert is_metadata(tmp_path / "own.json")
    assert not is_metadata(tmp_path / "absent.json")


def test_folders_below_are_found_to_three_levels(tmp_path: Path) -> None:
    for folder in ("", "b", "a/b/c", "a/b/c/d", ".hidden", "rejected", "b/rejected", "other"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / ("x.txt" if folder == "other" else "x.mp4")).write_bytes(b"")
    (tmp_path / "b" / "y.jsonl").write_text(RECORD)
    assert demos_below(tmp_path) == {tmp_path / "a/b/c": 1, tmp_path / "b": 2}
    assert below_in_words({}) == ""
    five = {Path(str(n)): n for n in range(1, 6)}
    assert below_in_words(five) == "demos in folders below are not included: 1 (1), 2 (2), 3 (3), 4 (4), 5 (5)"
    assert below_in_words({**five, Path("6"): 6, Path("7"): 7}).endswith("5 (5) and 2 more")


def test_the_size_of_a_demo_in_words(tmp_path: Path) -> None:
    files = DemoFiles(tmp_path, "a")
    partial(files.video).write_bytes(bytes(60_000))
    partial(files.records).write_bytes(bytes(39_999))
    assert describe_disk_usage(files, 39).startswith("The demo has 99,999 bytes in 39 ticks; ")
    partial(files.metadata).write_bytes(bytes(1))
    assert describe_disk_usage(files, 39).startswith("The demo has 0.1 MB in 39 ticks; ")
    assert describe_disk_usage(files, 40).startswith("The demo has 0.1 MB in 40 ticks, 3.0 MB a minute; ")
    assert describe_disk_usage(files, 40).endswith(" are free there. ")
    assert describe_disk_usage(DemoFiles(tmp_path / "absent", "a"), 40) == ""


@pytest.mark.parametrize(
    ("frames", "declared", "indivisible", "ticks", "needs"),
    [
        (10, 10, True, 10, False),
        (10, 10, True, 9, True),
        (10, 10, True, 11, False),
        (10, 12, True, 10, True),
        (10, 12, False, 10, False),
        (10, 10, False, 9, False),
        (10, 0, True, 10, False),
    ],
)
def test_what_must_be_encoded_again_to_be_cut(
    frames: int, declared: int, indivisible: bool, ticks: int, needs: bool
) -> None:
    assert VideoHeader(frames, (48, 80), declared, indivisible).needs_encoding(ticks) is needs


def test_the_home_directory_is_found_by_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with DemoWriter("~/demos") as writer:
        writer.append(np.zeros((36, 64, 3), np.uint8), no_op())
    (path,) = list_demos("~/demos")
    assert path.parent == tmp_path / "demos"
    assert len(read_demo(f"~/demos/{path.name}")) == len(DemoDataset("~/demos", batch_size=1).labels) == 1
    assert not (tmp_path / "~").exists()
