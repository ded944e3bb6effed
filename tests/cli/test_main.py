"""The shell command itself: its help, its answers to mistakes, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import vpt_gym
from vpt_gym.cli import COMMANDS, main

SCRIPT = Path(sys.executable).parent / "vpt-gym"


def vpt_gym_command(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "vpt_gym", *args], capture_output=True, text=True, check=False)


def test_the_installed_script_is_the_module() -> None:
    done = subprocess.run([SCRIPT, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"vpt-gym {vpt_gym.__version__}\n" == vpt_gym_command("--version").stdout


@pytest.mark.parametrize("args", [(), ("--help",), ("-h",)])
def test_help_names_every_command(args: tuple[str, ...]) -> None:
    done = vpt_gym_command(*args)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()[2 : 2 + len(COMMANDS)]] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = vpt_gym_command(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: vpt-gym {name} ")


def test_unknown_command_is_answered_with_the_known_ones() -> None:
    done = vpt_gym_command("docter")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no command 'docter'" in done.stderr
    assert all(name in done.stderr for name in COMMANDS)


def test_unknown_option_is_named() -> None:
    done = vpt_gym_command("doctor", "--emedded")
    assert done.returncode == 2
    assert "--emedded" in done.stderr


@pytest.mark.parametrize("args", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    code = f"""
import sys
from vpt_gym.cli import main
try:
    main({args!r})
except SystemExit:
    pass
print([name for name in ('torch', 'numba', 'cv2', 'av', 'minedojo', 'gym') if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("args", "status"), [([], 0), (["--help"], 0), (["--version"], 0), (["docter"], 2)])
def test_exit_status(args: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == status
    captured = capsys.readouterr()
    assert bool(captured.out) == (status == 0)
    assert bool(captured.err) == (status != 0)


MISSING = [
    ("view", "nowhere"),
    ("view", "nowhere.mp4", "--export"),
    ("report", "nowhere"),
    ("label", "nowhere.mp4", "-o", "out"),
    ("info", "nowhere"),
    ("record", "--expert", "nowhere", "--episodes", "1", "-o", "out"),
    ("demos", "check", "nowhere"),
    ("demos", "stats", "nowhere"),
    ("demos", "export", "nowhere", "--to", "npz", "-o", "out"),
]


@pytest.mark.parametrize("words", MISSING, ids=" ".join)
def test_a_missing_path_is_a_wrong_command_in_every_command(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    captured = capsys.readouterr()
    assert "nowhere" in captured.err + captured.out


COMPLETE = """
{script}
COMP_WORDS=({words}); COMP_CWORD={last}; _vpt_gym; echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["vpt-gym", "re"], {"record", "report"}),
        (["vpt-gym", "demos", "ch"], {"check"}),
        (["vpt-gym", "demos", "export", "--suc"], {"--successes-only"}),
        (["vpt-gym", "record", "-o", "x", "--env"], {"--env", "--env-kwargs", "--env-key"}),
        (["vpt-gym", "doctor", "--e"], {"--embedded"}),
        (["vpt-gym", "export", "--f"], {"--format"}),
        (["vpt-gym", "export", "onn"], set()),  # a value of --format, not an action
        (["vpt-gym", "record", "--num"], {"--num-envs"}),  # tyro 0.9 begins a line of the help with `--num-envs.`
    ],
)
def test_the_shell_completes_commands_actions_and_options(
    words: list[str], expected: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--print-completion", "bash"]) == 0
    script = COMPLETE.format(script=capsys.readouterr().out, words=" ".join(words), last=len(words) - 1)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected


def test_completion_needs_a_known_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-completion", "cmd"]) == 2
    assert "name one of bash, zsh" in capsys.readouterr().err
    assert main(["--print-completion", "zsh"]) == 0
    assert "bashcompinit" in capsys.readouterr().out
