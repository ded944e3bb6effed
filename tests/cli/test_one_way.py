"""What all commands have in common: --quiet, --json, exit statuses, empty values, counts of one."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.numbered_demos import write_episode
from tests.support.paths import ROOT
from tests.support.written_run import write_run
from vpt_gym.cli import COMMANDS, main
from vpt_gym.demos import check, export_npz, import_npz, repair
from vpt_gym.demos.exchange.contractor_fetch import fetch_contractor
from vpt_gym.demos.exchange.lerobot import export_lerobot
from vpt_gym.learning.runs.args import RunArgs, parse
from vpt_gym.system.command_line import read_command_line
from vpt_gym.system.plural import counted

ACTIONS = [("demos", action) for action in ("check", "repair", "stats", "replay", "export", "import", "fetch")]
WITH_RESULT = [*((name,) for name in COMMANDS if name not in ("demos", "malmo")), *ACTIONS]
COUNTER = ("--env", "tests.support.scripted_counter:ScriptedCounter-v0", "--env-kwargs", '{"longest": 6}')
EXPERT = ("--expert", "tests.support.scripted_counter:CounterExpert")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a demo of one tick, damaged files, a run, an empty folder."""
    root = tmp_path_factory.mktemp("template")
    write_episode(root / "demos", 0, 1)
    for name in ("bad.mp4", "bad.weights", "bad.npz", "bad.json"):
        (root / name).write_text("{")
    damaged = write_episode(root / "damaged", 0, 5).with_suffix(".mp4")
    damaged.write_bytes(damaged.read_bytes()[:200])
    write_run(root / "run")
    (root / "empty").mkdir()
    return root


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VPT_GYM_CACHE", str(tmp_path / "cache"))
    return tmp_path


def status_of(words: Sequence[str]) -> int:
    """Returns the exit status; tyro ends a wrong option with ``SystemExit``."""
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize("command", WITH_RESULT, ids=" ".join)
def test_every_command_with_a_result_has_quiet_and_json(command: tuple[str, ...]) -> None:
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        main([*command, "--help"])
    options = re.findall(r"(?<![\w-])--?[a-z]+", text.getvalue())
    assert {"-q", "--quiet", "--json"} <= set(options)


RESULTS = {
    "record": (*COUNTER, *EXPERT, "--episodes", "1", "-o", "out"),
    "demos check": ("demos",),
    "demos repair": ("demos",),
    "demos stats": ("demos",),
    "demos export": ("demos", "--to", "npz", "-o", "out"),
    "download": (),
    "info": ("bad.weights",),
    "push": ("demos", "me/x", "--card-only"),
    "report": ("run", "-o", "report.html"),
}


@pytest.mark.parametrize("command", RESULTS)
def test_json_stands_alone_on_stdout_and_quiet_prints_only_the_result(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*command.split(), *RESULTS[command]]
    status = main([*words, "--json"])
    json.loads(capsys.readouterr().out)
    again = [*words, "--overwrite"] if command == "demos export" else words
    if command == "push":
        (folder / "demos" / "README.md").unlink()
    assert main([*again, "-q"]) == status
    quiet = capsys.readouterr()
    assert quiet.err == ""
    if command not in ("demos stats", "download"):  # tables
        assert len(quiet.out.splitlines()) == 1


def test_counts_of_one_are_singular(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [counted(n, "demo") for n in (0, 1, 2, 1000)] == ["0 demos", "1 demo", "2 demos", "1,000 demos"]
    main(["record", *COUNTER, *EXPERT, "--episodes", "1", "-o", "out"])
    main(["demos", "export", "demos", "--to", "npz", "-o", "npz"])
    main(["demos", "import", *map(str, Path("npz").glob("*.npz")), "-o", "back"])
    main(["demos", "stats", "demos"])
    main(["demos", "check", "damaged"])
    main(["demos", "repair", "damaged"])
    main(["push", "demos", "me/x", "--card-only"])
    main(["report", "run"])
    printed = "".join(capsys.readouterr()) + Path("demos/README.md").read_text()
    assert "1 demo," in printed
    assert "1 episode, 1 tick:" in printed
    assert not re.findall(r"(?<![\d,.])1 (?:demos|ticks|episodes|videos|runs|files|bytes|keys)\b", printed)


STATUSES: list[tuple[str, int]] = [
    ("label nowhere.mp4 -o out", 2),
    ("label bad.mp4 -o out", 1),
    ("label empty -o out", 1),
    ("label bad.mp4 --nonsense", 2),
    ("demos check damaged", 1),
    ("demos check empty", 2),
    ("demos repair nowhere", 2),
    ("demos replay nowhere", 2),
    ("demos export demos --to nonsense", 2),
    ("demos import nowhere.npz -o out", 2),
    ("demos import bad.npz -o out", 2),
    ("demos fetch nowhere.json out", 2),
    ("demos fetch bad.json out", 2),
    ("download nowhere", 2),
    ("download foundation-1x --offline", 1),
    ("export nowhere", 2),
    ("export bad.weights", 1),
    ("info nowhere", 2),
    ("info bad.weights", 1),
    ("play --agent nowhere", 2),
    ("push nowhere me/x", 2),
    ("push empty me/x", 1),
    ("report nowhere", 2),
    ("report run --nonsense", 2),
    ("view nowhere", 2),
    ("view damaged/*.json --export", 1),
]


@pytest.mark.parametrize(("line", "status"), STATUSES, ids=[line for line, _ in STATUSES])
def test_exit_statuses_are_those_of_the_table(
    line: str, status: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    words = [
        found for word in line.split() for found in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    assert status_of(words) == status


EMPTY = [
    ("--out", ["record", "--out", ""]),
    ("-o", ["record", "-o", ""]),
    ("--out", ["record", "--out="]),
    ("--env-key", ["record", "--env-key", ""]),
    ("--expert", ["record", "--expert", ""]),
    ("-o", ["label", "bad.mp4", "-o", ""]),
    ("--weights", ["label", "bad.mp4", "--weights", ""]),
    ("argument 1", ["label", ""]),
    ("--out", ["play", "--out", ""]),
    ("argument 2", ["demos", "check", ""]),
    ("--picture", ["demos", "stats", "demos", "--picture", ""]),
    ("-o", ["demos", "export", "demos", "--to", "npz", "-o", ""]),
    ("-o", ["demos", "import", "bad.npz", "-o", ""]),
    ("argument 3", ["demos", "fetch", "bad.json", ""]),
    ("--to", ["download", "foundation-1x", "--to", ""]),
    ("-o", ["export", "nano-foundation", "-o", ""]),
    ("-o", ["report", "run", "-o", ""]),
    ("--out", ["view", "demos", "--export", "--out", ""]),
    ("argument 1", ["push", "", "me/x"]),
    ("argument 1", ["info", ""]),
    ("--host", ["malmo", "--host", ""]),  # it would be every address of the machine
]


@pytest.mark.parametrize(("name", "words"), EMPTY, ids=[" ".join(words) for _, words in EMPTY])
def test_an_empty_value_is_a_wrong_option_that_is_named(
    name: str, words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    assert status_of(words) == 2
    assert f"vpt-gym {words[0]}: {name} is empty" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


@dataclass
class TrainerArgs:
    """Options of a trainer."""

    demos: Path
    """Demos."""
    run: RunArgs = field(default_factory=RunArgs)


@pytest.mark.parametrize(("name", "words"), [("--out", ["--demos", "d", "--out="]), ("--demos", ["--demos", ""])])
def test_an_empty_path_is_a_wrong_option_of_trainers_too(
    name: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for read in (lambda: parse(TrainerArgs, words), lambda: read_command_line(TrainerArgs, words)):
        with pytest.raises(SystemExit) as ended:
            read()
        assert ended.value.code == 2
        assert f"{name} is empty" in capsys.readouterr().err


def test_every_example_reads_its_command_line_so() -> None:
    for script in (ROOT / "examples").glob("*.py"):
        assert "tyro.cli(" not in script.read_text(), script


def test_ctrl_c_while_a_command_is_read_has_its_status_too(folder: Path) -> None:
    code = """
import sys, signal, os
import vpt_gym.cli as cli
cli.importlib.import_module = lambda name: os.kill(os.getpid(), signal.SIGINT)
sys.exit(cli.main(["label", "bad.mp4"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_output_that_nobody_reads_ends_a_command_without_a_traceback() -> None:
    command = subprocess.Popen([sys.executable, "-m", "vpt_gym"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout is not None
    command.stdout.close()
    _, errors = command.communicate(timeout=60)
    assert (command.returncode, errors) == (141, b"")


def test_a_pipe_that_breaks_elsewhere_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise BrokenPipeError("of a worker")

    monkeypatch.setattr("vpt_gym.cli.doctor.run", broken)
    with pytest.raises(BrokenPipeError, match="of a worker"):
        main(["doctor"])


def test_the_status_of_an_interrupt_is_in_one_place() -> None:
    for path in (ROOT / "vpt_gym" / "cli").rglob("*.py"):
        assert not re.search(r"return \d{2,}|128 \+", path.read_text()) or path.name == "status.py", path


def test_the_page_has_the_statuses_and_options() -> None:
    page = (ROOT / "docs" / "reference" / "command.md").read_text()
    assert re.findall(r"^\| (\d+) \|", page, flags=re.M) == ["0", "1", "2", "130", "141"]
    assert "`--json`" in page


def test_an_empty_path_is_refused_in_python_too(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    for use in (
        lambda: export_npz("demos", ""),
        lambda: export_npz("", "out"),
        lambda: export_lerobot("demos", ""),
        lambda: import_npz(["bad.npz"], ""),
        lambda: fetch_contractor("bad.json", ""),
        lambda: check(""),
        lambda: repair(""),
    ):
        with pytest.raises(ValueError, match="the directory of demos is ''; the current folder is"):
            use()
    assert sorted(folder.rglob("*")) == before
