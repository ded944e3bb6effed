"""Runs are read as far as they can be, and what is missing is noted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.written_run import write_run
from vpt_gym.report.document import write_report
from vpt_gym.report.record import Point, RunRecord, read_runs


def read(directory: Path) -> RunRecord:
    (run,) = read_runs([directory])
    return run


def test_a_finished_run_is_read_completely(tmp_path: Path) -> None:
    run = read(write_run(tmp_path / "run", entries=20))
    assert run.notes == []
    assert list(run.curves) == ["train/loss", "train/lr", "validation/loss"]
    assert run.curves["train/lr"][2] == Point(3.0, 1.5, 1e-3)
    assert [point.step for point in run.curves["validation/loss"]] == [10, 20]
    assert run.seconds == 10.0
    assert run.settings["train.lr"] == "0.001"
    assert run.settings["git.changed"] == "false"
    assert run.settings["machine.cores"] == "2"
    assert not any(name.startswith("run.") for name in run.settings)


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", entries=5, state="running", results=None)
    whole = (directory / "metrics.jsonl").read_text()
    (directory / "metrics.jsonl").write_text(whole[:-20])
    run = read(directory)
    assert len(run.curves["train/loss"]) == 4
    assert "has not finished" in run.notes[0]
    assert run.notes[1] == "The last line of metrics.jsonl is cut off; it is left out."


@pytest.mark.parametrize(
    "line", ["{not json}", "[1]", '"text"', "{}", '{"step": "1"}', '{"step": NaN, "a": 1}', "\x00\xff"]
)
def test_damaged_lines_are_named_and_left_out(tmp_path: Path, line: str) -> None:
    directory = write_run(tmp_path / "run", entries=3)
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    lines.insert(1, line)
    (directory / "metrics.jsonl").write_bytes("".join(f"{line}\n" for line in lines).encode("latin-1"))
    run = read(directory)
    assert [point.step for point in run.curves["train/loss"]] == [1, 2, 3]
    assert run.notes == ["metrics.jsonl has damaged lines, which are left out: 2."]


def test_values_that_are_no_finite_numbers_are_left_out(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", entries=0)
    (directory / "metrics.jsonl").write_text(
        '{"step": 1, "a": NaN, "b": 1, "c": "text", "d": true}\n{"step": 2, "a": 2, "b": -Infinity, "c": null}\n'
        f'{{"step": 3, "a": {10**400}}}\n'
        '{"step": 4, "a": 4, "seconds": NaN}\n{"step": 5, "a": 5, "seconds": Infinity}\n'
    )
    run = read(directory)
    assert run.curves == {"a": [Point(n, None, n) for n in (2.0, 4.0, 5.0)], "b": [Point(1.0, None, 1.0)]}
    assert run.notes == ["Values that are not finite are left out: a, b."]


def test_a_step_that_a_resumed_run_repeats_counts_once(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", entries=0)
    steps = [(1, 0.1), (2, 0.2), (3, 0.3), (2, 0.25), (3, 0.35), (4, 0.4)]
    (directory / "metrics.jsonl").write_text("".join(f'{{"step": {k}, "loss": {value}}}\n' for k, value in steps))
    assert [point.value for point in read(directory).curves["loss"]] == [0.1, 0.25, 0.35, 0.4]


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00", "[" * 100_000])
@pytest.mark.parametrize("name", ["run.json", "results.json"])
def test_a_damaged_file_is_noted(tmp_path: Path, name: str, content: str) -> None:
    directory = write_run(tmp_path / "run")
    (directory / name).write_text(content)
    run = read(directory)
    assert any(note.startswith(f"{name} cannot be read: ") for note in run.notes)
    assert len(run.curves["train/loss"]) == 50


def test_missing_metrics_and_results_are_noted(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", results=None)
    (directory / "metrics.jsonl").unlink()
    run = read(directory)
    assert run.curves == {}
    assert run.notes == ["There are no metrics (metrics.jsonl).", "There are no results (results.json)."]


def test_a_failed_run_says_so(tmp_path: Path) -> None:
    run = read(write_run(tmp_path / "run", state="failed: ValueError: no demos"))
    assert run.notes == ["The run failed: ValueError: no demos"]
    assert "was interrupted" in read(write_run(tmp_path / "other", state="interrupted")).notes[0]


def test_strange_content_of_run_json_does_no_harm(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", args=[1, 2], git=None, machine="m", state={"a": 1}, script=None)
    run = read(directory)
    assert run.settings == {"git": "null", "machine": "m"}
    assert (run.said("script"), run.said("state")) == ("", "")


@pytest.mark.parametrize("seconds", ["Infinity", "NaN", "1e999", f"{10**400}", '"3"'])
def test_a_time_that_is_no_number_is_that_of_the_last_metrics(tmp_path: Path, seconds: str) -> None:
    directory = write_run(tmp_path / "run", entries=20)
    text = json.dumps({**json.loads((directory / "run.json").read_text()), "seconds": "SECONDS"})
    (directory / "run.json").write_text(text.replace('"SECONDS"', seconds))
    assert read(directory).seconds == 10.0
    write_report([read(directory)], tmp_path / "report.html", media_bytes=0)


def test_texts_that_utf_8_lacks_are_written_as_escapes(tmp_path: Path) -> None:
    directory = write_run(tmp_path / os.fsdecode(b"caf\xe9"), script="\ud800", args={"\udfff": "\ud83d"})
    write_report([read(directory)], tmp_path / "report.html", media_bytes=0)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(text in page for text in (r"caf\udce9", r"\ud800", r"\udfff"))


def test_a_directory_without_run_json_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    write_run(tmp_path / "bc" / "one")
    with pytest.raises(
        FileNotFoundError, match=r"bc is not the directory of a run.*it holds the runs one: name .*bc/\*"
    ):
        read_runs([tmp_path / "bc"])
    (tmp_path / "old").mkdir()
    with pytest.raises(FileNotFoundError, match="an older version"):
        read_runs([tmp_path / "old"])
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        read_runs([tmp_path / "none"])


def test_a_run_given_twice_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write_run(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="run is given twice"):
        read_runs([directory, Path("run")])
    with pytest.raises(ValueError, match="no run to report"):
        read_runs([])


def test_runs_of_the_same_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    paths = [write_run(tmp_path / "a" / "run"), write_run(tmp_path / "b" / "run"), write_run(tmp_path / "b" / "other")]
    assert [run.label for run in read_runs(paths)] == [str(paths[0]), str(paths[1]), "other"]


def test_only_pictures_and_videos_of_the_directory_itself_are_media(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run")
    (directory / "demos").mkdir()
    for name in ("b.png", "a.mp4", "c.GIF", "text.svg", "demos/d.mp4"):
        (directory / name).write_bytes(b"x")
    assert [path.name for path in read(directory).media] == ["a.mp4", "b.png", "c.GIF"]
    assert json.loads((directory / "run.json").read_text())["script"] == "bc"


TRAINER = """
import os, signal, sys
from dataclasses import dataclass, field
from pathlib import Path
from vpt_gym.learning.runs.args import RunArgs
from vpt_gym.learning.runs.run import Run

@dataclass
class Args:
    rate: float = 0.5
    run: RunArgs = field(default_factory=lambda: RunArgs(out=Path(sys.argv[1]), tensorboard=False))

with Run("trainer", Args()) as run:
    for step in (1, 2):
        run.log(step, {"train/loss": 1 / step})
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[2] == "failed":
        raise ValueError("no demos")
    run.write_results({"success": {"successes": 1, "episodes": 2}})
"""


@pytest.mark.parametrize(
    ("end", "notes"),
    [
        ("finished", []),
        ("killed", ["The run has not finished: it still runs, or it was killed."]),
        ("failed", ["The run failed: ValueError: no demos"]),
    ],
)
def test_a_run_of_a_trainer_is_read_however_it_ended(tmp_path: Path, end: str, notes: list[str]) -> None:
    command = [sys.executable, "-c", TRAINER, str(tmp_path / "run"), end]
    subprocess.run(command, check=False, capture_output=True, cwd=tmp_path)
    run = read(tmp_path / "run")
    assert [point.value for point in run.curves["train/loss"]] == [1.0, 0.5]
    assert run.settings["rate"] == "0.5"
    assert [path.name for path in run.media] == (["curves.png"] if end == "finished" else [])
    assert (run.said("script"), "success" in run.results) == ("trainer", end == "finished")
    assert [note[: len(expected)] for note, expected in zip(run.notes, notes, strict=True)] == notes
