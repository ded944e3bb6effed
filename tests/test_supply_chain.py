"""`make audit` must not take a lookup that failed for good news. Reports are pip-audit's (2.10)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.version import Version

from tests.support.supply_chain import complete, installed, verdict
from vpt_gym import __version__

ASKED = {"numpy": "2.4.6", "torch": "2.13.0"}
CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
FLAWED = {
    "name": "Torch",
    "version": "2.13.0",
    "vulns": [{"id": "PYSEC-0", "fix_versions": ["2.13.1"], "aliases": [], "description": "..."}],
}
SKIPPED = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited: torch (2.13.0)"}


@pytest.mark.parametrize(
    ("dependencies", "good", "words"),
    [
        ([CLEAN, {**FLAWED, "vulns": []}], True, "no known vulnerability in 2 packages"),
        ([CLEAN, FLAWED], False, "torch 2.13.0: PYSEC-0, fixed in 2.13.1"),
        ([CLEAN, SKIPPED], False, r"1 of 2 packages could not be looked up \(torch\)"),
        ([CLEAN], False, r"1 of 2 packages could not be looked up \(torch\)"),
        ([], False, "2 of 2 packages"),
    ],
)
def test_only_a_lookup_of_every_package_is_good_news(dependencies, good, words):
    verdict_is_good, text = verdict({"dependencies": dependencies, "fixes": []}, ASKED)
    assert verdict_is_good == good
    assert re.search(words, text)


def test_packages_are_asked_about_in_their_published_version():
    packages = installed()
    assert {"torch", "numpy", "opencv-python-headless"} <= set(packages)
    assert "vpt-gym" not in packages
    assert [name for name, number in packages.items() if Version(number).local] == []


def test_a_bill_names_the_version_of_this_package(tmp_path: Path) -> None:
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps({"components": [{}], "metadata": {"component": {"name": "vpt-gym"}}}))
    complete(path)
    assert json.loads(path.read_text())["metadata"]["component"] == {"name": "vpt-gym", "version": __version__}
