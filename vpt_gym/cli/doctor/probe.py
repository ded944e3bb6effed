"""Collects the properties of the machine; the checks are in ``embedded``, ``minedojo_package`` and ``minecraft``.

``minedojo`` and ``gym`` are not imported: it takes seconds, prints text, and may fail.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path

import psutil

MINEDOJO_NEEDS: dict[str, str] = {
    "yaml": "pyyaml",
    "jinja2": "jinja2",
    "lxml": "lxml",
    "Pyro4": "Pyro4",
    "coloredlogs": "coloredlogs",
    "daemoniker": "daemoniker",
    "mypy_extensions": "mypy_extensions",
    "importlib_resources": "importlib_resources",
}
"""Modules that ``minedojo`` 0.1 imports, with their distributions; those with separate checks are not listed."""

FIRST_PORT, PORTS_TRIED = 9000, 100

_JAR = Path("build", "libs", "MalmoMod-0.37.0-fat.jar")  # MineDojo's launchClient.sh needs it
_LOST_PLUGIN = "com.github.SpongePowered:MixinGradle:dcfaf61"
_VARIABLES = ("DISPLAY", "JAVA_HOME", "MINEDOJO_FORCE_BUILD", "MINEDOJO_HEADLESS")


@dataclass(frozen=True)
class Package:
    """A Python package."""

    version: str | None
    """None: not installed."""
    error: str = ""
    """Why it cannot be used; empty if it can, or if the import was not tried."""
    remark: str = ""
    """Additional information, such as torch's device."""


@dataclass(frozen=True)
class MachineCode:
    """The compiled kernels of the embedded world on the disk."""

    folder: Path
    kept: bool
    """Whether the folder can be written, so that a kernel is compiled once and not in each process."""
    damaged: int
    """Number of damaged files."""


@dataclass(frozen=True)
class Java:
    """One ``java`` program."""

    path: Path
    output: str
    """The output of ``java -version``, or why it cannot be run."""
    compiler: bool = True
    """Whether ``javac`` is in the same folder: a JDK, not only a JRE."""


@dataclass(frozen=True)
class MineDojoInstall:
    """The installed ``minedojo``."""

    version: str
    game: Path
    """Its folder ``sim/Malmo/Minecraft``."""
    task_ids: int
    """Number of programmatic task ids, which distinguishes the two releases of the same version number."""
    built: bool = False
    """Whether Minecraft is built."""
    lost_plugin: bool = False
    """Whether its Gradle build asks jitpack.io for a plugin that is not in the local Gradle cache."""
    not_executable: tuple[str, ...] = ()
    """Scripts without permission to execute."""


@dataclass(frozen=True)
class SystemInfo:
    """The properties of the machine that the doctor checks."""

    system: str
    """``"Linux"``, ``"Darwin"``, ``"Windows"``."""
    python: tuple[int, int, int]
    memory_free: int
    """Bytes available to a new process."""
    variables: dict[str, str] = field(default_factory=dict)
    """The environment variables that matter."""
    programs: frozenset[str] = frozenset()
    """Those of xvfb-run and xauth that are on the PATH."""
    display_answers: bool = False
    """Whether an X server accepts connections at ``DISPLAY``."""
    ports_free: int = PORTS_TRIED
    """How many of the ``PORTS_TRIED`` ports from ``FIRST_PORT`` on are free."""
    localhost: str = "127.0.0.1"
    """IPv4 address of ``localhost``, or the error of its lookup."""
    packages: dict[str, Package] = field(default_factory=dict)
    """By distribution name."""
    minimum: dict[str, str] = field(default_factory=dict)
    """Lowest version of each package that vpt-gym declares; empty if vpt-gym is not installed."""
    machine_code: MachineCode | None = None
    """None: kernels cannot be compiled, or are interpreted."""
    minedojo: MineDojoInstall | None = None
    java_on_path: Java | None = None
    java_home: Java | None = None
    """None: ``JAVA_HOME`` is not set."""
    not_found: tuple[str, ...] = ()
    """The distributions of ``MINEDOJO_NEEDS`` that are not installed."""


def examine() -> SystemInfo:
    """Collects the properties of this machine. Takes a few seconds, mostly to import torch; changes nothing."""
    home, java = os.environ.get("JAVA_HOME"), shutil.which("java")
    minimum = _minimum()
    return SystemInfo(
        system=platform.system(),
        python=sys.version_info[:3],
        memory_free=_memory_free(),
        variables={name: os.environ[name] for name in _VARIABLES if name in os.environ},
        programs=frozenset(name for name in ("xvfb-run", "xauth") if shutil.which(name)),
        display_answers=_display_answers(os.environ.get("DISPLAY", "")),
        ports_free=sum(_is_free(port) for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)),
        localhost=_localhost(),
        packages={
            **{name: Package(_version(name)) for name in minimum},
            "numpy": _imported("numpy", "numpy"),
            "gymnasium": _imported("gymnasium", "gymnasium"),
            "opencv-python-headless": _imported("opencv-python-headless", "cv2"),
            "av": _av(),
            "numba": _imported("numba", "numba"),
            "torch": _torch(),
            "gym": Package(_version("gym")),
            "omegaconf": Package(_version("omegaconf")),
        },
        minimum=minimum,
        machine_code=_machine_code(),
        minedojo=_minedojo(),
        java_on_path=_java(Path(java)) if java else None,
        java_home=_java(Path(home, "bin", "java")) if home else None,
        not_found=tuple(name for module, name in MINEDOJO_NEEDS.items() if util.find_spec(module) is None),
    )


# -- Python packages


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _minimum() -> dict[str, str]:
    try:
        declared = metadata.requires("vpt-gym") or []
    except metadata.PackageNotFoundError:
        return {}
    found = (re.match(r"([\w-]+)>=([\d.]+)$", line) for line in declared)
    return {match[1]: match[2] for match in found if match}


def _imported(distribution: str, module: str) -> Package:
    if util.find_spec(module) is None:
        return Package(None)
    try:
        loaded = importlib.import_module(module)
    except Exception as error:  # any error of a broken installation is reported
        return Package(_version(distribution) or "unknown", f"{type(error).__name__}: {error}".splitlines()[0])
    return Package(str(getattr(loaded, "__version__", _version(distribution))))


def _av() -> Package:
    package = _imported("av", "av")
    if package.version is None or package.error:
        return package
    import av

    return package if "libx264" in av.codecs_available else Package(package.version, "it has no libx264 encoder")


def _torch() -> Package:
    package = _imported("torch", "torch")
    if package.version is None or package.error:
        return package
    import torch

    if torch.cuda.is_available():
        return Package(package.version, remark=f"CUDA: {torch.cuda.get_device_name(0)}")
    if torch.backends.mps.is_available():
        return Package(package.version, remark="MPS")
    built_for = "a CUDA build that finds no GPU" if torch.version.cuda else "CPU build"
    return Package(package.version, remark=f"CPU ({built_for})")


def _machine_code() -> MachineCode | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the folder cannot be written is reported as a check
            from vpt_gym.world.kernels.compiled import cache_state
    except Exception:  # any error of a broken numba, which is a check of its own
        return None
    state = cache_state()
    return None if state is None else MachineCode(state[0], state[1], len(state[2]))


# -- MineDojo and Java


def _minedojo() -> MineDojoInstall | None:
    spec = util.find_spec("minedojo")  # finds a top-level package without importing it
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    game = folder / "sim" / "Malmo" / "Minecraft"
    tasks = folder / "tasks" / "description_files" / "programmatic_tasks.yaml"
    build = game / "build.gradle"
    return MineDojoInstall(
        version=_version("minedojo") or "unknown",
        game=game,
        task_ids=count_tasks(tasks.read_text(encoding="utf-8")) if tasks.exists() else 0,
        built=(game / _JAR).exists(),
        lost_plugin=build.exists() and _LOST_PLUGIN in build.read_text(encoding="utf-8") and not _plugin_cached(),
        not_executable=tuple(
            script
            for script in ("launchClient.sh", "gradlew")
            if (game / script).exists() and not os.access(game / script, os.X_OK)
        ),
    )


def count_tasks(yaml: str) -> int:
    """Returns the number of top-level keys of MineDojo's ``programmatic_tasks.yaml``, which OmegaConf reads in 0.9 s.

    Its top-level lines are keys and nothing else; all else is indented.
    """
    return len(re.findall(r"^[^\s#-].*:", yaml, re.MULTILINE))


def _plugin_cached() -> bool:
    home = Path(os.environ.get("GRADLE_USER_HOME", Path.home() / ".gradle"))
    return (home / "caches" / "modules-2" / "files-2.1" / Path(*_LOST_PLUGIN.split(":"))).exists()


def _java(path: Path) -> Java:
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Java(path, str(error), compiler=False)
    return Java(path, done.stderr + done.stdout, (path.resolve().parent / "javac").exists())


# -- the machine


def _memory_free() -> int:
    # a container is limited by its control group, which psutil does not read
    group = Path("/sys/fs/cgroup")
    left = (
        memory_left(group, "memory.max", "memory.current", "inactive_file"),
        memory_left(group / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    )
    return min(int(psutil.virtual_memory().available), *(free for free in left if free is not None))


def memory_left(group: Path, limit: str, used: str, cache: str) -> int | None:
    """Returns the bytes that a control group may still allocate, None if it has no limit.

    Its usage includes cached files, which are evicted when memory is needed. Those that were not read for a while count
    as free, as in ``docker stats`` and Kubernetes.

    Args:
        group: Folder of the control group.
        limit: Name of the file with its limit.
        used: Name of the file with its usage.
        cache: Name of the line in ``memory.stat`` with the inactive cached files.
    """
    if not (group / limit).exists() or not (group / used).exists():
        return None
    most = (group / limit).read_text().strip()
    if most == "max":
        return None
    statistics = (group / "memory.stat").read_text() if (group / "memory.stat").exists() else ""
    cached = re.search(rf"^{cache} (\d+)$", statistics, re.MULTILINE)
    taken = int((group / used).read_text()) - (int(cached[1]) if cached else 0)
    return max(int(most) - taken, 0)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _localhost() -> str:
    try:
        return str(socket.getaddrinfo("localhost", None, socket.AF_INET)[0][4][0])
    except OSError as error:
        return str(error)


def _display_answers(display: str) -> bool:
    match = re.fullmatch(r"(?P<host>[^:]*):(?P<number>\d+)(\.\d+)?", display)
    if match is None:
        return False
    number = int(match["number"])
    addresses: list[tuple[int, str | tuple[str, int]]]
    if match["host"] in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        addresses = [(socket.AF_UNIX, path), (socket.AF_UNIX, "\0" + path)]  # the second in Linux's abstract namespace
    else:
        addresses = [(socket.AF_INET, (match["host"], 6000 + number))]
    for family, address in addresses:
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            if client.connect_ex(address) == 0:
                return True
    return False
