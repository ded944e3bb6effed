"""The Python requirements of MineDojo. They cover failures that were seen with ``minedojo`` 0.1."""

from __future__ import annotations

from vpt_gym.cli.doctor.check import Check, release
from vpt_gym.cli.doctor.probe import MineDojoInstall, Package, SystemInfo
from vpt_gym.minedojo.shims import INSTALL

PYPI_TASKS, MAIN_TASKS = 1572, 1581
"""Programmatic task ids in the two releases that both have the version 0.1."""


def checks(info: SystemInfo) -> list[Check]:
    """Returns the checks of MineDojo's Python requirements."""
    packages = info.packages
    return [
        system(info.system),
        minedojo(info.minedojo),
        gym(packages["gym"], info.python),
        numpy(packages["numpy"]),
        omegaconf(packages["omegaconf"]),
        others(info.not_found),
    ]


def system(name: str) -> Check:
    """Checks the operating system."""
    if name == "Windows":
        return Check(
            "operating system",
            "problem",
            "Windows: MineDojo raises `ValueError: TODO` when it launches Minecraft",
            "Use Linux, also in WSL 2; or the embedded world, which needs no MineDojo",
        )
    if name == "Linux":
        return Check("operating system", "ok", name)
    shown = "macOS" if name == "Darwin" else name
    return Check(
        "operating system",
        "warning",
        f"{shown}: vpt-gym has not been tried with MineDojo there",
        "If MineDojo fails here, try it on Linux first",
    )


def minedojo(found: MineDojoInstall | None) -> Check:
    """Checks which of the two ``minedojo`` 0.1 is installed; both work."""
    if found is None:
        return Check("minedojo", "problem", "not installed", INSTALL)
    if found.task_ids == PYPI_TASKS:
        return Check(
            "minedojo",
            "ok",
            f"{found.version} of PyPI, {PYPI_TASKS:,} tasks (minedojo.make takes each id once a process, "
            "vpt_gym.minedojo.make any number of times)",
        )
    if found.task_ids == MAIN_TASKS:
        return Check("minedojo", "ok", f"{found.version} of GitHub's main branch, {MAIN_TASKS:,} tasks")
    return Check(
        "minedojo",
        "warning",
        f"{found.version} with {found.task_ids:,} tasks: neither PyPI's ({PYPI_TASKS:,}) nor GitHub's ({MAIN_TASKS:,})",
        f"vpt-gym knows these two. Where this one fails: {INSTALL}",
    )


def gym(found: Package, python: tuple[int, int, int]) -> Check:
    """Checks the old gym, from which MineDojo's classes derive."""
    fix = "pip install gym==0.25.2"
    if found.version is None:
        return Check("gym", "problem", "not installed", fix)
    version = release(found.version)
    if version >= (0, 26):
        return Check("gym", "problem", f"{found.version}: MineDojo's wrappers fail with its 5-tuple step", fix)
    if version[:2] == (0, 21) and python >= (3, 12):
        cause = f"{found.version}, which Python 3.12 and newer cannot import ('EntryPoints' object has no ...)"
        return Check("gym", "problem", cause, fix)
    if version[:2] == (0, 21):
        return Check("gym", "ok", found.version)
    if version >= (0, 22):
        return Check(
            "gym",
            "ok",
            f"{found.version} (with vpt_gym.minedojo.make; minedojo.make itself then fails with "
            "'please use this wrapper with event_level_control = True')",
        )
    return Check("gym", "warning", f"{found.version}: not tried with MineDojo", fix)


def numpy(found: Package) -> Check:
    """Checks NumPy for MineDojo."""
    if found.version is None:
        return Check("NumPy for MineDojo", "problem", "not installed", "pip install numpy")
    if release(found.version) >= (2,):
        return Check(
            "NumPy for MineDojo",
            "ok",
            f"{found.version} (with vpt_gym.minedojo.make; minedojo.make itself needs numpy<2: `np.unicode_` was "
            "removed)",
        )
    return Check("NumPy for MineDojo", "ok", found.version)


def omegaconf(found: Package) -> Check:
    """Checks OmegaConf, whose limit MineDojo's task file exceeds."""
    if found.version is None:
        return Check("omegaconf", "problem", "not installed", 'pip install "omegaconf>=2.3"')
    if release(found.version) >= (2, 4):
        return Check(
            "omegaconf",
            "ok",
            f"{found.version} (with vpt_gym.minedojo.make; a plain `import minedojo` needs omegaconf<2.4 or "
            "OMEGACONF_MAX_YAML_EXPANDED_NODES=none)",
        )
    return Check("omegaconf", "ok", found.version)


def others(missing: tuple[str, ...]) -> Check:
    """Checks the other packages that MineDojo imports."""
    if missing:
        return Check("other packages", "problem", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return Check("other packages", "ok", "all there")
