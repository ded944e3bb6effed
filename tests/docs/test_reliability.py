"""Each promise of docs/reliability.md has a test: every name on the page is a test function."""

from __future__ import annotations

import re

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
DEFINED = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^ *def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
}


def test_every_named_test_exists() -> None:
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) > 60
    assert [name for name in named if name not in DEFINED] == []


def test_every_row_names_a_test() -> None:
    tables = re.findall(r"^\|.*\| test \|\n\|[-:| ]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert len(tables) == PAGE.count("| test |") == 5
    rows = [row for table in tables for row in table.splitlines()]
    assert [row for row in rows if not re.search(r"`test_\w+`[^|]*\|$", row)] == []


def test_every_reader_of_the_fuzzing_test_is_on_the_page() -> None:
    source = (ROOT / "tests" / "fuzz" / "test_readers.py").read_text(encoding="utf-8")
    cases = re.search(r"^CASES, LONG_CASES = (\d+), ([\d_]+)$", source, re.MULTILINE)
    assert cases is not None
    assert f"| {cases[1]} each |" in PAGE
    assert f"makes {int(cases[2]):,} of each" in PAGE
