"""`vpt-gym play`: errors are reported, with a remedy, before anything is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.counter_demos import write_counter_demo
from tests.support.paths import ROOT
from vpt_gym.cli import main
from vpt_gym.cli.play import Args, _seeds
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos import list_demos, read_demo


def refused(*words: str, cwd: Path, code: str = "") -> str:
    """What it says on its way out."""
    env = {name: value for name, value in os.environ.items() if "DISPLAY" not in name and name != "SDL_VIDEODRIVER"}
    env["PYTHONPATH"] = str(ROOT)
    program = f"import sys\n{code}\nfrom vpt_gym.cli import main\nsys.exit(main(['play', *sys.argv[1:]]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, cwd=cwd, env=env
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert list(cwd.iterdir()) == []
    return done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sensitivity", "300"], "sensitivity is 300.0; it must be 0 to 200 percent, as in Minecraft's options"),
        (["--seed", "-1"], "seed is -1; it must not be negative"),
        (["a:A-v0", "--env", "b:B-v0"], "the environment is given twice, a:A-v0 and --env b:B-v0"),
        (
            ["tests.support.play_env:PlayEnv-v0", "--expert", "scripted"],
            "there is no scripted expert for tests.support.play_env:PlayEnv-v0",
        ),
        (["--expert", "agents/mine"], "--expert agents/mine is not an expert"),
        (["--expert", "scripted", "--skill", "1.5"], "skill is 1.5; it must be in (0, 1]"),
        (["--skill", "0.5"], "--skill 0.5 is for an expert, and there is none"),
        (["--device", "cuda"], "--device cuda is for an agent, and there is none"),
        (["--precision", "int8"], "--precision int8 is for an agent, and there is none"),
        (["--agent", "a", "b", "c"], "--agent takes one folder or name"),
        (["--agent", "a", "--device", "gpu"], "device is 'gpu'; this machine has 'cpu'"),
        (["tests.support.play_env:Unknown-v0"], "Unknown"),
        (["tests.support.play_env:PlayEnv-v0", "--scale", "-2"], "scale is -2"),
    ],
)
def test_a_wrong_option_is_named(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.syspath_prepend(str(ROOT))
    assert main(["play", *words]) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a screen")
def test_without_a_screen_it_names_the_remedy(tmp_path: Path) -> None:
    assert "xvfb-run -a vpt-gym play" in refused("tests.support.play_env:PlayEnv-v0", cwd=tmp_path)


def test_without_pygame_it_names_the_package_to_install(tmp_path: Path) -> None:
    said = refused(cwd=tmp_path, code="sys.modules['pygame'] = None")
    assert 'pip install "vpt-gym[play]"' in said
    said = refused(cwd=tmp_path, code="import types; sys.modules['pygame'] = types.ModuleType('pygame')")
    assert 'pip uninstall pygame && pip install "vpt-gym[play]"' in said


def test_worlds_with_a_demo_are_left_out_only_if_it_is_recorded(tmp_path: Path) -> None:
    write_counter_demo(tmp_path, ticks=3)
    (demo,) = list_demos(tmp_path)
    seed = read_demo(demo).metadata["seed"]
    played = {
        record: list(_seeds(Args(out=tmp_path, record=record, seed=seed, episodes=2))) for record in (True, False)
    }
    assert played == {True: [seed + 1], False: [seed, seed + 1]}
    assert next(_seeds(Args(out=tmp_path, record=False))) == SEEDS["demos"].start
