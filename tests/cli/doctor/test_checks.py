"""`vpt-gym doctor`: what it makes of what it finds, fed with what broken machines say; and the look at this one."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import socket
import stat
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from vpt_gym.cli import doctor, main
from vpt_gym.cli.doctor import embedded, minecraft, minedojo_package, probe, report
from vpt_gym.cli.doctor.check import Check, release
from vpt_gym.cli.doctor.probe import Java, MineDojoInstall, Package, SystemInfo

GIB = 2**30

# What `java -version` prints
JAVA_8 = 'openjdk version "1.8.0_392"\nOpenJDK Runtime Environment (build 1.8.0_392-8u392-ga-1~22.04-b08)\n'
JAVA_17 = 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1)\n'
JAVA_11 = 'openjdk version "11.0.21" 2023-10-17\n'
ORACLE_8 = 'java version "1.8.0_202"\nJava(TM) SE Runtime Environment (build 1.8.0_202-b08)\n'
EARLY_9 = 'openjdk version "9-ea"\n'
WITH_OPTIONS = f"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\n{JAVA_8}"
MACOS_STUB = "The operation couldn't be completed. Unable to locate a Java Runtime.\n"


def java(output: str, folder: str = "/usr/bin", compiler: bool = True) -> Java:
    return Java(Path(folder, "java"), output, compiler)


PYPI = MineDojoInstall("0.1", Path("/site-packages/minedojo/sim/Malmo/Minecraft"), 1572, built=True)
HEALTHY = SystemInfo(
    system="Linux",
    python=(3, 11, 7),
    memory_free=16 * GIB,
    variables={"MINEDOJO_HEADLESS": "1"},
    programs=frozenset({"xvfb-run", "xauth"}),
    packages={
        "numpy": Package("2.4.6"),
        "gymnasium": Package("1.4.0"),
        "opencv-python-headless": Package("5.0.0"),
        "av": Package("18.1.0"),
        "numba": Package("0.68.1"),
        "torch": Package("2.13.0+cpu", remark="CPU (CPU build)"),
        "gym": Package("0.25.2"),
        "omegaconf": Package("2.4.0"),
    },
    minimum={"numpy": "1.26", "torch": "2.6"},
    minedojo=PYPI,
    java_on_path=java(JAVA_8),
)


def machine(**changes: Any) -> SystemInfo:
    return dataclasses.replace(HEALTHY, **changes)


def not_ok(found: SystemInfo, **options: Any) -> dict[str, Check]:
    sections = doctor.diagnose(found, **options)
    return {check.name: check for checks in sections.values() for check in checks if check.status != "ok"}


# -- the complete report


def test_nothing_is_wrong_with_a_healthy_machine() -> None:
    assert not_ok(HEALTHY) == {}
    assert report.can_run(doctor.diagnose(HEALTHY))


def test_embedded_judges_no_java_and_no_minedojo() -> None:
    bare = machine(minedojo=None, java_on_path=None, variables={}, memory_free=GIB)
    assert set(not_ok(bare)) == {"minedojo", "Java", "display", "memory"}
    assert list(doctor.diagnose(bare, only_embedded=True)) == [doctor.EMBEDDED]
    assert report.can_run(doctor.diagnose(bare, only_embedded=True))


def test_what_the_embedded_world_lacks_minedojo_lacks_too() -> None:
    broken = machine(packages={**HEALTHY.packages, "torch": Package(None)})
    assert not report.can_run(doctor.diagnose(broken))
    assert not report.can_run(doctor.diagnose(broken, only_embedded=True))


def test_a_check_that_is_not_ok_must_say_how_to_fix_it() -> None:
    with pytest.raises(ValueError, match="how to fix"):
        Check("Java", "problem", "17")
    with pytest.raises(ValueError, match="that is ok must not"):
        Check("Java", "ok", "8", "install it")


# -- Java


@pytest.mark.parametrize(
    ("output", "version"),
    [
        (JAVA_8, ("1.8.0_392", 8)),
        (ORACLE_8, ("1.8.0_202", 8)),
        (WITH_OPTIONS, ("1.8.0_392", 8)),
        (JAVA_17, ("17.0.15", 17)),
        (JAVA_11, ("11.0.21", 11)),
        (EARLY_9, ("9-ea", 9)),
        ('openjdk version "21" 2023-09-19', ("21", 21)),
        (MACOS_STUB, None),
        ("", None),
    ],
)
def test_java_version_is_read(output: str, version: tuple[str, int] | None) -> None:
    assert minecraft.java_version(output) == version


BUILT, TO_BUILD = {"by_gradle": False}, {"by_gradle": True}
HOME = "/opt/jdk/bin"


@pytest.mark.parametrize(
    ("home", "on_path", "options", "status", "words"),
    [
        (None, java(JAVA_8), BUILT, "ok", "1.8.0_392 at /usr/bin/java (PATH)"),
        (None, java(JAVA_17), BUILT, "problem", "17.0.15 at /usr/bin/java (PATH); MineDojo needs exactly Java 8"),
        (None, java(JAVA_11), TO_BUILD, "problem", "11.0.21"),
        (None, None, BUILT, "problem", "no java on the PATH"),
        (None, java(MACOS_STUB), BUILT, "problem", "Unable to locate a Java Runtime"),
        (None, java(""), BUILT, "problem", "nothing"),
        # Gradle prefers JAVA_HOME; a built Minecraft is started with the java on the PATH
        (java(JAVA_8, HOME), java(JAVA_8), TO_BUILD, "ok", f"{HOME}/java (JAVA_HOME)"),
        (java(JAVA_8, HOME), java(JAVA_17), TO_BUILD, "warning", "the java on the PATH is 17.0.15"),
        (java(JAVA_8, HOME), None, TO_BUILD, "warning", "the java on the PATH is missing"),
        (java(JAVA_8, HOME), java(JAVA_17), BUILT, "problem", "17.0.15 at /usr/bin/java (PATH)"),
        (java(JAVA_17, HOME), java(JAVA_8), TO_BUILD, "problem", f"17.0.15 at {HOME}/java (JAVA_HOME)"),
        (java(JAVA_17, HOME), java(JAVA_8), BUILT, "ok", "(PATH)"),
        (java("[Errno 2] No such file", HOME), java(JAVA_8), TO_BUILD, "problem", "No such file"),
        # a JRE runs Minecraft, but cannot build it
        (None, java(JAVA_8, compiler=False), TO_BUILD, "problem", "no javac"),
        (None, java(JAVA_8, compiler=False), BUILT, "ok", "1.8.0_392"),
    ],
)
def test_java(home: Java | None, on_path: Java | None, options: dict[str, bool], status: str, words: str) -> None:
    check = minecraft.java(home, on_path, **options)
    assert (check.name, check.status) == ("Java", status)
    assert words in check.found
    if status == "problem":
        assert "JDK 8" in check.fix


def test_which_java_counts_depends_on_whether_minecraft_is_built() -> None:
    mixed = {"java_home": java(JAVA_8, HOME), "java_on_path": java(JAVA_17)}
    assert not_ok(machine(**mixed))["Java"].status == "problem"
    unbuilt = dataclasses.replace(PYPI, built=False)
    assert not_ok(machine(**mixed, minedojo=unbuilt))["Java"].status == "warning"
    forced = {"MINEDOJO_HEADLESS": "1", "MINEDOJO_FORCE_BUILD": "1"}
    assert not_ok(machine(**mixed, variables=forced))["Java"].status == "warning"


# -- MineDojo's Python


@pytest.mark.parametrize(
    ("task_ids", "status", "words"),
    [(1572, "ok", "PyPI"), (1581, "ok", "GitHub's main"), (0, "warning", "0 tasks"), (1580, "warning", "1,580 tasks")],
)
def test_the_two_minedojos_of_one_version(task_ids: int, status: str, words: str) -> None:
    check = minedojo_package.minedojo(dataclasses.replace(PYPI, task_ids=task_ids))
    assert (check.status, words in check.found) == (status, True)


def test_absent_minedojo_is_installed_in_two_steps() -> None:
    check = minedojo_package.minedojo(None)
    assert check.status == "problem"
    assert check.fix == 'pip install "vpt-gym[minedojo]" && pip install --no-deps minedojo==0.1'


@pytest.mark.parametrize(
    ("version", "python", "status", "words"),
    [
        ("0.21.0", (3, 11, 7), "ok", "0.21.0"),
        ("0.21.0", (3, 12, 1), "problem", "'EntryPoints' object has no"),
        ("0.22.0", (3, 11, 7), "ok", "event_level_control = True"),
        ("0.25.2", (3, 13, 0), "ok", "event_level_control = True"),
        ("0.26.2", (3, 11, 7), "problem", "5-tuple"),
        ("0.20.0", (3, 10, 0), "warning", "not tried"),
        (None, (3, 11, 7), "problem", "not installed"),
    ],
)
def test_gym(version: str | None, python: tuple[int, int, int], status: str, words: str) -> None:
    check = minedojo_package.gym(Package(version), python)
    assert (check.status, words in check.found) == (status, True)
    assert check.fix == ("" if status == "ok" else "pip install gym==0.25.2")


def test_newer_numpy_and_omegaconf_work_through_our_make_only() -> None:
    for judge, old, new in (
        (minedojo_package.numpy, "1.26.4", "2.4.6"),
        (minedojo_package.omegaconf, "2.3.1", "2.4.0"),
    ):
        assert judge(Package(old)) == Check(judge(Package(old)).name, "ok", old)
        assert judge(Package(new)).status == "ok"
        assert "vpt_gym.minedojo.make" in judge(Package(new)).found
        assert judge(Package(None)).status == "problem"


def test_missing_packages_of_minedojo_are_named_and_installed() -> None:
    check = minedojo_package.others(("lxml", "Pyro4"))
    assert (check.status, check.fix) == ("problem", "pip install lxml Pyro4")


def test_windows_cannot_macos_may() -> None:
    assert [minedojo_package.system(name).status for name in ("Linux", "Darwin", "Windows")] == [
        "ok",
        "warning",
        "problem",
    ]
    assert "ValueError: TODO" in minedojo_package.system("Windows").found


# -- MineDojo's Minecraft


def test_unbuilt_minecraft_takes_time_and_may_miss_a_plugin() -> None:
    check = minecraft.minecraft(dataclasses.replace(PYPI, built=False))
    assert (check.status, "hour" in check.fix, "MixinGradle" in check.fix) == ("warning", True, False)
    check = minecraft.minecraft(dataclasses.replace(PYPI, built=False, lost_plugin=True))
    assert "Could not resolve com.github.SpongePowered:MixinGradle:dcfaf61" in check.fix
    assert f"{PYPI.game}/build.gradle" in check.fix


def test_scripts_without_the_right_to_run() -> None:
    check = minecraft.minecraft(dataclasses.replace(PYPI, not_executable=("launchClient.sh",)))
    assert (check.status, check.fix) == ("problem", f"chmod +x {PYPI.game}/launchClient.sh")


XVFB = frozenset({"xvfb-run", "xauth"})


@pytest.mark.parametrize(
    ("variables", "programs", "answers", "status", "found", "fix"),
    [
        ({"MINEDOJO_HEADLESS": "1"}, XVFB, False, "ok", "xvfb-run", ""),
        ({"MINEDOJO_HEADLESS": "1"}, frozenset(), False, "problem", "no xvfb-run and no xauth", "apt install xvfb"),
        ({"MINEDOJO_HEADLESS": "1"}, frozenset({"xvfb-run"}), False, "problem", "no xauth", "apt install xvfb xauth"),
        ({"MINEDOJO_HEADLESS": "true"}, XVFB, False, "problem", "only 1 counts", "export MINEDOJO_HEADLESS=1"),
        ({}, XVFB, False, "problem", "DISPLAY is not set", "export MINEDOJO_HEADLESS=1"),
        ({}, frozenset(), False, "problem", "DISPLAY is not set", "sudo apt install xvfb xauth && export"),
        ({"DISPLAY": ":0"}, frozenset(), True, "ok", "DISPLAY=:0", ""),
        ({"DISPLAY": ":7"}, XVFB, False, "problem", "DISPLAY=:7, where no X server answers", "MINEDOJO_HEADLESS=1"),
    ],
)
def test_display(
    variables: dict[str, str], programs: frozenset[str], answers: bool, status: str, found: str, fix: str
) -> None:
    check = minecraft.display(machine(variables=variables, programs=programs, display_answers=answers))
    assert (check.status, found in check.found, fix in check.fix) == (status, True, True)


def test_macos_needs_no_display() -> None:
    assert minecraft.display(machine(system="Darwin", variables={})).status == "ok"


def test_memory() -> None:
    assert [minecraft.memory(int(free * GIB)).status for free in (1.9, 2.1, 3.9, 4.1)] == [
        "problem",
        "warning",
        "warning",
        "ok",
    ]


def test_ports() -> None:
    assert [minecraft.ports(free, "127.0.0.1").status for free in (100, 50, 49, 0)] == [
        "ok",
        "ok",
        "warning",
        "problem",
    ]
    assert "/etc/hosts" in minecraft.ports(100, "[Errno -2] Name or service not known").fix


# -- vpt-gym itself


def test_python_versions() -> None:
    judged = [embedded.python((3, minor, 1)).status for minor in (9, 10, 13, 14)]
    assert judged == ["problem", "ok", "ok", "problem"]


@pytest.mark.parametrize(
    ("found", "status", "words", "fix"),
    [
        (Package("5.0.0"), "ok", "5.0.0", ""),
        (Package(None), "problem", "not installed", 'pip install "opencv-python-headless>=4.8"'),
        (Package("4.7.0"), "problem", "needs 4.8", "--upgrade"),
        (
            Package("4.11.0", "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"),
            "problem",
            "libGL.so.1",
            "pip uninstall -y opencv-python &&",
        ),
        (
            Package("4.6.0", "ImportError: numpy.core.multiarray failed to import"),
            "problem",
            "multiarray",
            "--force-reinstall",
        ),
    ],
)
def test_a_package(found: Package, status: str, words: str, fix: str) -> None:
    check = embedded.package("opencv-python-headless", found, "4.8")
    assert (check.status, words in check.found, fix in check.fix) == (status, True, True)


def test_torch_built_for_a_gpu_that_is_not_found_is_a_warning() -> None:
    assert embedded.torch(Package("2.13.0", remark="CUDA: NVIDIA H200"), "2.6").status == "ok"
    assert "nvidia-smi" in embedded.torch(Package("2.13.0", remark="CPU (a CUDA build that finds no GPU)"), "2.6").fix
    assert embedded.torch(Package("2.5.1"), "2.6").status == "problem"


def test_other_requirements_are_reported_when_they_are_not_met() -> None:
    declared = machine(
        minimum={"rich": "13", "tyro": "0.8"},
        packages={**HEALTHY.packages, "rich": Package("12.0"), "tyro": Package("1.0")},
    )
    assert set(not_ok(declared)) == {"rich"}
    assert set(not_ok(machine(minimum={}))) == {"vpt-gym"}


@pytest.mark.parametrize(
    ("version", "numbers"), [("2.13.0+cpu", (2, 13, 0)), ("0.25.2", (0, 25, 2)), ("2.0.0rc1", (2, 0, 0)), ("9", (9,))]
)
def test_release_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert release(version) == numbers


def test_an_invalid_version_is_refused() -> None:
    with pytest.raises(ValueError, match="'unknown' is not a version"):
        release("unknown")


# -- the report


def test_text_is_plain_where_it_is_no_terminal() -> None:
    out = StringIO()
    report.print_text(doctor.diagnose(machine(java_on_path=java(JAVA_17))), Console(file=out))
    text = out.getvalue()
    assert "\x1b" not in text
    assert re.search(r"PROBLEM +Java +17\.0\.15 at /usr/bin/java", text)
    assert "-> Install a JDK 8" in text
    assert "vpt-gym on the embedded world: can run\n" in text
    assert "MineDojo: cannot run" in text


def test_text_has_colour_on_a_terminal() -> None:
    out = StringIO()
    report.print_text(doctor.diagnose(HEALTHY), Console(file=out, force_terminal=True))
    assert "\x1b[32mok" in out.getvalue()


def test_json_holds_the_verdict_and_every_check() -> None:
    sections = doctor.diagnose(machine(java_on_path=None))
    told = json.loads(report.as_json(sections))
    assert told["ok"] is False
    (java_told,) = [check for check in told["sections"]["MineDojo"] if check["name"] == "Java"]
    assert java_told["status"] == "problem"
    assert set(java_told) == {"name", "status", "found", "fix"}


# -- the look at this machine


def run_doctor(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vpt_gym", "doctor", *options]
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def fake_java(folder: Path, output: str, *others: str) -> Path:
    """A program that prints what a Java of another version prints."""
    folder.mkdir(parents=True)
    for name in ("java", *others):
        program = folder / name
        program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{output}END\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def test_embedded_world_can_run_here() -> None:
    done = run_doctor("--embedded", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["ok"] is True
    found = {check["name"]: check["found"] for check in told["sections"][doctor.EMBEDDED]}
    assert found["Python"] == platform.python_version()
    assert {"NumPy", "Gymnasium", "OpenCV", "PyAV (FFmpeg)", "numba", "PyTorch"} <= set(found)


def test_without_java_8_the_doctor_names_it_and_fails(tmp_path: Path) -> None:
    folder = fake_java(tmp_path / "bin", JAVA_17)
    done = run_doctor("--minedojo", PATH=f"{folder}{os.pathsep}{os.environ['PATH']}", JAVA_HOME="")
    assert done.returncode == 1
    assert f"17.0.15 at {folder / 'java'} (PATH); MineDojo needs exactly Java 8" in done.stdout
    assert "\x1b" not in done.stdout


def test_java_home_is_asked_too(tmp_path: Path) -> None:
    fake_java(tmp_path / "jdk" / "bin", JAVA_8, "javac")
    folder = fake_java(tmp_path / "bin", JAVA_17)
    done = run_doctor("--json", JAVA_HOME=str(tmp_path / "jdk"), PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    (check,) = [check for check in json.loads(done.stdout)["sections"]["MineDojo"] if check["name"] == "Java"]
    assert check["status"] == "warning"
    assert check["found"].startswith("1.8.0_392")


def test_java_home_that_is_not_there_is_found_out(tmp_path: Path) -> None:
    done = run_doctor("--json", JAVA_HOME=str(tmp_path))
    (check,) = [check for check in json.loads(done.stdout)["sections"]["MineDojo"] if check["name"] == "Java"]
    assert check["status"] == "problem"
    assert str(tmp_path / "bin" / "java") in check["found"]


def test_a_package_that_breaks_on_import_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    done = run_doctor("--embedded", "--json", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    checks = {check["name"]: check for check in json.loads(done.stdout)["sections"][doctor.EMBEDDED]}
    assert checks["OpenCV"]["status"] == "problem"
    assert "ImportError: libGL.so.1" in checks["OpenCV"]["found"]


def test_a_port_in_use_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not probe._is_free(port)
    assert probe._is_free(port)


def test_memory_that_caches_files_is_not_taken(tmp_path: Path) -> None:
    names = ("memory.max", "memory.current", "inactive_file")
    assert probe.memory_left(tmp_path, *names) is None
    (tmp_path / "memory.max").write_text(f"{8 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{7 * GIB}\n")
    assert probe.memory_left(tmp_path, *names) == GIB
    (tmp_path / "memory.stat").write_text(f"anon {GIB}\ninactive_file {5 * GIB}\nactive_file {GIB}\n")
    assert probe.memory_left(tmp_path, *names) == 6 * GIB
    (tmp_path / "memory.max").write_text("max\n")
    assert probe.memory_left(tmp_path, *names) is None


def test_x_server_is_asked(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        number = server.getsockname()[1] - 6000
        assert probe._display_answers(f"localhost:{number}.0")
    assert not probe._display_answers(f"localhost:{number}.0")
    assert not probe._display_answers(":64999")
    assert not probe._display_answers("nonsense")


def test_tasks_are_counted_by_their_top_level_keys() -> None:
    yaml = "harvest_milk:\n  guidance: 'first\n\n    1. Find: a cow'\n  prompt: x\n\n# note: no key\ncombat_cow_2:\n"
    assert probe.count_tasks(yaml) == 2


def test_exit_status_follows_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(fake_java(tmp_path / "bin", JAVA_11)), prepend=os.pathsep)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert main(["doctor", "--embedded"]) == 0
    assert "vpt-gym on the embedded world: can run" in capsys.readouterr().out
    assert main(["doctor"]) == 0
    assert main(["doctor", "--minedojo"]) == 1
    assert f"11.0.21 at {tmp_path / 'bin' / 'java'} (PATH)" in capsys.readouterr().out
