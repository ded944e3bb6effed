"""What `make audit` and `make sbom` do with the packages of this environment; a program.

    python -m tests.support.supply_chain audit PIP_AUDIT
    python -m tests.support.supply_chain complete FILE

The first looks for known vulnerabilities with pip-audit, and fails unless there are none and each package was looked
up: without a network pip-audit leaves all out, reports none and ends with 0. Packages are looked up without the local
part of their version, since no advisory names torch 2.13.0+cpu. The second adds to a bill of materials the version of
vpt-gym, which CycloneDX does not find, since it is computed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

OWN = "vpt-gym"


def installed() -> dict[str, str]:
    """Returns the published version of each installed package except this one, by its normalised name."""
    packages = {}
    for package in distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        packages[name] = package.version.partition("+")[0]
    packages.pop(OWN, None)
    return dict(sorted(packages.items()))


def verdict(report: Mapping[str, Any], asked: Mapping[str, str]) -> tuple[bool, str]:
    """Returns whether pip-audit's report (JSON) says that no package is vulnerable, and a text about it."""
    found = {re.sub(r"[-_.]+", "-", entry["name"]).lower(): entry for entry in report["dependencies"]}
    lines = [
        f"{name} {entry['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for name, entry in found.items()
        for flaw in entry.get("vulns", ())
    ]
    unknown = [name for name in asked if "vulns" not in found.get(name, {})]
    if unknown:
        named = ", ".join(unknown[:10]) + (f" and {len(unknown) - 10} more" if len(unknown) > 10 else "")
        lines.append(f"{len(unknown)} of {len(asked)} packages could not be looked up ({named}): is there a network?")
    good = not lines
    return good, "\n".join(lines or [f"no known vulnerability in {len(asked)} packages"])


def audit(pip_audit: str) -> int:
    packages = installed()
    with tempfile.TemporaryDirectory() as folder:
        wanted, out = Path(folder, "packages.txt"), Path(folder, "report.json")
        wanted.write_text("".join(f"{name}=={number}\n" for name, number in packages.items()))
        command = [pip_audit, "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
        run = subprocess.run([*command, "--requirement", wanted, "--output", out], stderr=subprocess.PIPE, text=True)
        if not out.exists():
            print(run.stderr, file=sys.stderr)
            return run.returncode or 1
        good, text = verdict(json.loads(out.read_text()), packages)
    print(text)
    return 0 if good else 1


def complete(path: Path) -> int:
    bill = json.loads(path.read_text())
    bill["metadata"]["component"]["version"] = version(OWN)
    path.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    print(f"{len(bill['components'])} packages of {OWN} {version(OWN)}: {path}")
    return 0


if __name__ == "__main__":
    task, argument = sys.argv[1:]
    raise SystemExit(audit(argument) if task == "audit" else complete(Path(argument)))
