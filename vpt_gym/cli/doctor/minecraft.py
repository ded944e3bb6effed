"""The requirements of MineDojo's Minecraft: Java 8, a display, memory, ports. They cover failures that users report."""

from __future__ import annotations

import re

from vpt_gym.cli.doctor.check import Check
from vpt_gym.cli.doctor.probe import FIRST_PORT, PORTS_TRIED, Java, MineDojoInstall, SystemInfo

GIB = 2**30
HEAP = 2 * GIB
"""MineDojo's launchClient.sh starts Java with -Xmx2G."""
COMFORT = 4 * GIB
"""Memory for Java's heap, the rest of the JVM, and Python with a policy."""

INSTALL_JAVA = (
    "Install a JDK 8 (`conda install -c conda-forge openjdk=8`, or `sudo apt install openjdk-8-jdk` where the "
    "distribution has it), then: export JAVA_HOME=<its folder> PATH=$JAVA_HOME/bin:$PATH"
)
LOST_PLUGIN = (
    "If it fails with 'Could not resolve com.github.SpongePowered:MixinGradle:dcfaf61': jitpack.io has lost that "
    "plugin. Clone github.com/verityw/MixinGradle-dcfaf61 and put, in {build}, a `maven {{ url 'file:<the clone>' }}` "
    "first into buildscript.repositories"
)


def checks(info: SystemInfo) -> list[Check]:
    """Returns the checks of the requirements of MineDojo's Minecraft."""
    built = info.minedojo is not None and info.minedojo.built
    by_gradle = not built or info.variables.get("MINEDOJO_FORCE_BUILD") == "1"
    return [
        java(info.java_home, info.java_on_path, by_gradle=by_gradle),
        *([minecraft(info.minedojo)] if info.minedojo else []),
        display(info),
        memory(info.memory_free),
        ports(info.ports_free, info.localhost),
    ]


def java_version(output: str) -> tuple[str, int] | None:
    """Returns the version that ``java -version`` prints and its major number, or None if there is none.

    Example:
        >>> java_version('openjdk version "1.8.0_392"')
        ('1.8.0_392', 8)
    """
    match = re.search(r'version "((?:1\.)?(\d+)[^"]*)"', output)
    return (match[1], int(match[2])) if match else None


def java(home: Java | None, on_path: Java | None, *, by_gradle: bool) -> Check:
    """Checks Java: MineDojo needs exactly version 8.

    Args:
        home: The ``java`` of ``JAVA_HOME``; None if it is not set.
        on_path: The first ``java`` on the PATH.
        by_gradle: Whether Gradle builds and starts Minecraft. Gradle prefers ``JAVA_HOME`` and needs a compiler. Once
            Minecraft is built, launchClient.sh starts it with the ``java`` on the PATH.
    """
    used, where = (home, "JAVA_HOME") if by_gradle and home else (on_path, "PATH")
    if used is None:
        return Check("Java", "problem", "there is no java on the PATH; MineDojo needs exactly Java 8", INSTALL_JAVA)
    version = java_version(used.output)
    if version is None:
        output = (used.output.strip().splitlines() or ["nothing"])[0]
        return Check("Java", "problem", f"{used.path} ({where}) prints no version: {output}", INSTALL_JAVA)
    found = f"{version[0]} at {used.path} ({where})"
    if version[1] != 8:
        return Check("Java", "problem", f"{found}; MineDojo needs exactly Java 8", INSTALL_JAVA)
    if by_gradle and not used.compiler:
        cause = f"{found} has no javac: it is a JRE, and Minecraft must still be compiled"
        return Check("Java", "problem", cause, INSTALL_JAVA)
    other = java_version(on_path.output) if on_path else None
    if other is None or other[1] != 8:
        return Check(
            "Java",
            "warning",
            f"{found}, but the java on the PATH is {other[0] if other else 'missing'}",
            "Put $JAVA_HOME/bin first on the PATH: once Minecraft is built, MineDojo starts it with the java on the "
            "PATH",
        )
    return Check("Java", "ok", found)


def minecraft(found: MineDojoInstall) -> Check:
    """Checks whether Minecraft is built, or can be."""
    name = "Minecraft build"
    if found.not_executable:
        scripts = " ".join(str(found.game / script) for script in found.not_executable)
        return Check(name, "problem", f"not executable: {scripts}", f"chmod +x {scripts}")
    if found.built:
        return Check(name, "ok", f"built, in {found.game / 'build'}")
    fix = (
        "Nothing to fix: the first reset of an environment builds it, which takes from minutes to an hour. It prints "
        "nothing unless MINEDOJO_DEBUG_LOG=1 is set"
    )
    if found.lost_plugin:
        fix = f"{fix}. {LOST_PLUGIN.format(build=found.game / 'build.gradle')}"
    return Check(name, "warning", f"not built yet, in {found.game}", fix)


def display(info: SystemInfo) -> Check:
    """Checks where Minecraft can draw: MINEDOJO_HEADLESS=1 and Xvfb, or an X server."""
    headless = info.variables.get("MINEDOJO_HEADLESS")
    if headless == "1":
        missing = [name for name in ("xvfb-run", "xauth") if name not in info.programs]
        if not missing:
            return Check("display", "ok", "MINEDOJO_HEADLESS=1, with xvfb-run")
        cause = f"MINEDOJO_HEADLESS=1, but there is no {' and no '.join(missing)}"
        return Check("display", "problem", cause, "sudo apt install xvfb xauth")
    if info.system == "Darwin":
        return Check("display", "ok", "macOS needs no X server")
    shown = info.variables.get("DISPLAY")
    found = f"DISPLAY={shown}" if shown else "DISPLAY is not set"
    if shown and info.display_answers:
        return Check("display", "ok", found)
    if shown:
        found += ", where no X server answers"
    found += f"; MINEDOJO_HEADLESS={headless} (only 1 counts)" if headless else " and MINEDOJO_HEADLESS is not set"
    fix = "export MINEDOJO_HEADLESS=1"
    if not {"xvfb-run", "xauth"} <= info.programs:
        fix = f"sudo apt install xvfb xauth && {fix}"
    return Check("display", "problem", found, fix)


def memory(free: int) -> Check:
    """Checks the free memory, in bytes."""
    found = f"{free / GIB:.1f} GiB free"
    if free < HEAP:
        return Check("memory", "problem", f"{found}; Java's heap alone takes up to 2 GiB", "Free memory, or add some")
    if free < COMFORT:
        cause = f"{found}; Java takes over 2 GiB, and Python with a policy 1 to 3"
        return Check("memory", "warning", cause, "Close other programs; run one environment at a time")
    return Check("memory", "ok", found)


def ports(free: int, localhost: str) -> Check:
    """Checks the loopback ports that MineDojo's Minecraft listens on."""
    name, last = "ports", FIRST_PORT + PORTS_TRIED - 1
    if localhost != "127.0.0.1":
        return Check(
            name,
            "problem",
            f"localhost is not 127.0.0.1 but: {localhost}; MineDojo connects to it by this name",
            "Put the line `127.0.0.1 localhost` into /etc/hosts",
        )
    found = f"{free} of the ports {FIRST_PORT} to {last} are free on 127.0.0.1"
    if free == 0:
        fix = f"Stop the programs that use them: `ss -ltnp | grep 90`. MineDojo's ports begin at {FIRST_PORT}"
        return Check(name, "problem", found, fix)
    if free < PORTS_TRIED // 2:
        return Check(
            name, "warning", found, "Look for Minecraft processes that were left running: `pgrep -af MalmoMod`"
        )
    return Check(name, "ok", found)
