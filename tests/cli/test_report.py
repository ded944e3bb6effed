"""``vpt-gym report``: what it writes, replaces and refuses."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from tests.support.written_run import write_run
from vpt_gym.cli import main


def test_a_report_is_written_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "one")
    write_run(tmp_path / "two", state="failed: OSError: disk full")
    assert main(["report", "one", "two"]) == 0
    said = capsys.readouterr().out
    assert "two: The run failed: OSError: disk full\n" in said
    assert f"report.html  2 runs, {(tmp_path / 'report.html').stat().st_size:,} bytes" in said
    assert main(["report", "one"]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "<title>one - vpt-gym report</title>" in page
    assert "two" not in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "report.html", "two"]


def test_another_file_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "index.html"
    mine.write_text("<html>mine</html>")
    assert main(["report", str(write_run(tmp_path / "one")), "-o", str(mine)]) == 1
    assert "exists and is not a report" in capsys.readouterr().err
    assert mine.read_text() == "<html>mine</html>"


def test_what_is_no_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "report.html")]) == 2
    assert "has no run.json" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_a_large_video_is_linked(tmp_path: Path) -> None:
    run = write_run(tmp_path / "one")
    (run / "agent.mp4").write_bytes(b"x" * 30_000)
    assert main(["report", str(run), "--media-mb", "0.02", "-o", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    assert '<a href="one/agent.mp4">agent.mp4</a>, 0.0 MB, not embedded' in page
    assert "data:video" not in page


def test_the_page_is_opened_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    out = tmp_path / "report.html"
    assert main(["report", str(write_run(tmp_path / "one")), "-o", str(out), "--browser"]) == 0
    assert opened == [out.as_uri()]
