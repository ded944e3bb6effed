"""`vpt-gym doctor` where the real MineDojo is installed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.programs import needs_program

JAVA_17 = 'openjdk version "17.0.15" 2025-04-15'
JAVA_8 = 'openjdk version "1.8.0_392"'


def doctor(path: Path | None = None, **variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and the checks of MineDojo by name; ``path`` is put first on the PATH."""
    search = os.environ["PATH"] if path is None else f"{path}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "JAVA_HOME": "", "DISPLAY": "", "MINEDOJO_HEADLESS": "", "PATH": search, **variables}
    command = [sys.executable, "-m", "vpt_gym", "doctor", "--minedojo", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 1)
    return done.returncode, {check["name"]: check for check in told["sections"]["MineDojo"]}


def programs(folder: Path, **outputs: str) -> Path:
    """A folder of programs that print something to stderr."""
    folder.mkdir()
    for name, output in outputs.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{output}' >&2\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def test_minedojo_is_recognised_by_its_tasks(tmp_path: Path) -> None:
    _, checks = doctor()
    assert checks["minedojo"]["status"] == "ok"
    assert checks["minedojo"]["found"].startswith("0.1 of PyPI, 1,572 tasks")
    count = (
        "import os; os.environ['OMEGACONF_MAX_YAML_EXPANDED_NODES'] = 'none';"
        "import minedojo; print(len(minedojo.tasks.ALL_PROGRAMMATIC_TASK_IDS))"
    )
    done = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split()[-1] == "1572"


def test_its_python_is_complete() -> None:
    _, checks = doctor()
    assert {checks[name]["status"] for name in ("gym", "NumPy for MineDojo", "omegaconf", "other packages")} == {"ok"}


def test_minecraft_is_not_built_here_and_its_plugin_is_lost() -> None:
    _, checks = doctor(GRADLE_USER_HOME="/nowhere")
    assert checks["Minecraft build"]["status"] == "warning"
    assert "MixinGradle" in checks["Minecraft build"]["fix"]


def test_without_java_8_and_display_it_fails_and_names_both(tmp_path: Path) -> None:
    status, checks = doctor(programs(tmp_path / "bin", java=JAVA_17))
    assert status == 1
    assert {name for name, check in checks.items() if check["status"] == "problem"} == {"Java", "display"}
    assert "17.0.15" in checks["Java"]["found"]
    assert "Java 8" in checks["Java"]["found"]


def test_with_java_8_and_xvfb_it_can_run(tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", **{"java": JAVA_8, "javac": "", "xvfb-run": "", "xauth": ""})
    status, checks = doctor(folder, MINEDOJO_HEADLESS="1")
    assert [name for name, check in checks.items() if check["status"] == "problem"] == []
    assert status == 0


@needs_program("java")
def test_the_java_of_this_machine_is_understood() -> None:
    _, checks = doctor()
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    version = checks["Java"]["found"].split(" at ")[0]
    assert f'"{version}"' in said
    assert (checks["Java"]["status"] == "problem") == (not version.startswith("1.8."))


def test_doctor_leaves_nothing_behind(tmp_path: Path) -> None:
    """It does not import MineDojo, which would write logs into the working directory."""
    doctor()
    assert os.listdir() == []
