"""The requirements of vpt-gym itself: to play, record and train in the embedded world."""

from __future__ import annotations

from vpt_gym.cli.doctor.check import Check, release
from vpt_gym.cli.doctor.probe import MachineCode, Package, SystemInfo

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)

_NAMES = {  # display names, in the order of the report
    "numpy": "NumPy",
    "gymnasium": "Gymnasium",
    "opencv-python-headless": "OpenCV",
    "av": "PyAV (FFmpeg)",
    "numba": "numba",
}


def checks(info: SystemInfo) -> list[Check]:
    """Returns the checks of vpt-gym's own requirements."""
    return [
        python(info.python),
        installed(info.minimum),
        torch(info.packages["torch"], info.minimum.get("torch")),
        *(package(name, info.packages[name], info.minimum.get(name)) for name in _NAMES),
        *others(info),
        *machine_code(info.machine_code),
    ]


def others(info: SystemInfo) -> list[Check]:
    """Checks the other declared requirements; returns only those that are not ok."""
    rest = [name for name in info.minimum if name not in _NAMES and name != "torch"]
    judged = [package(name, info.packages[name], info.minimum[name]) for name in rest]
    return [check for check in judged if check.status != "ok"]


def machine_code(code: MachineCode | None) -> list[Check]:
    """Checks the compiled kernels of the embedded world on the disk; returns nothing if there are none to check."""
    if code is None:
        return []
    name, choose = "compiled kernels", "set NUMBA_CACHE_DIR to a folder that can be written"
    if not code.kept:
        found = f"{code.folder} cannot be written: each process compiles them again, which takes about a minute"
        return [Check(name, "warning", found, choose[0].upper() + choose[1:])]
    if code.damaged:
        fix = f"The next run compiles them again. If this happens again, check the disk, or {choose} elsewhere"
        return [Check(name, "warning", f"{code.damaged} damaged files in {code.folder}", fix)]
    return [Check(name, "ok", f"kept in {code.folder}")]


def python(version: tuple[int, int, int]) -> Check:
    """Judges the version of Python."""
    found = ".".join(map(str, version))
    if OLDEST_PYTHON <= version[:2] <= NEWEST_PYTHON:
        return Check("Python", "ok", found)
    return Check("Python", "problem", found, "Make an environment with Python 3.10 to 3.13: python3.11 -m venv .venv")


def installed(minimum: dict[str, str]) -> Check:
    """Checks whether vpt-gym is installed, or only on the path."""
    if minimum:
        return Check("vpt-gym", "ok", "installed")
    return Check("vpt-gym", "warning", "not installed, only on the path: its requirements are unknown", "pip install .")


def package(distribution: str, found: Package, minimum: str | None) -> Check:
    """Checks a required package.

    Args:
        distribution: Name on PyPI.
        found: The installed package.
        minimum: Lowest version that works; None if unknown.
    """
    name = _NAMES.get(distribution, distribution)
    wanted = f"{distribution}>={minimum}" if minimum else distribution
    if found.version is None:
        return Check(name, "problem", "not installed", f'pip install "{wanted}"')
    if "libGL" in found.error:
        return Check(
            name,
            "problem",
            f"{found.version}: {found.error}",
            "pip uninstall -y opencv-python && pip install --force-reinstall opencv-python-headless "
            "(the build without windows, which works on servers)",
        )
    if found.error:
        fix = f'pip install --upgrade --force-reinstall "{wanted}"'
        return Check(name, "problem", f"{found.version}: {found.error}", fix)
    if minimum and release(found.version) < release(minimum):
        return Check(name, "problem", f"{found.version}, needs {minimum}", f'pip install --upgrade "{wanted}"')
    return Check(name, "ok", f"{found.version}, {found.remark}" if found.remark else found.version)


def torch(found: Package, minimum: str | None) -> Check:
    """Checks PyTorch, and whether it finds the GPU that it was built for."""
    check = package("torch", found, minimum)
    name = "PyTorch"
    if check.status == "ok" and "finds no GPU" in found.remark:
        fix = (
            "If this machine has an NVIDIA GPU: `nvidia-smi` must list it, and its driver must be new enough for "
            "this build of PyTorch. If it has none, nothing is wrong"
        )
        return Check(name, "warning", check.found, fix)
    return Check(name, check.status, check.found, check.fix)
