"""Relative links of README, docs and the pages of the root name files and headings that exist.

``make docs`` finds broken links of the site. This also covers the pages that only GitHub shows, in a moment.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from tests.docs.test_code_blocks import FENCE, PAGES, name_of

LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)")


@functools.cache
def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


@functools.cache
def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub and MkDocs make of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    texts = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower()) for text in texts}


def broken(page: Path, text: str) -> list[str]:
    """Returns the links of a text on a page that lead nowhere."""
    found = []
    for name, anchor in LINK.findall(text):
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(f"{name}#{anchor}" if anchor else name)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert broken(page, prose(page)) == []


def test_a_broken_link_is_found() -> None:
    page = next(page for page in PAGES if page.name == "README.md")
    text = "[a](docs/start.md), [b](docs/no.md), [c](docs/start.md#1-install), [d](docs/start.md#no), [e](https://x.y)"
    assert broken(page, text) == ["docs/no.md", "docs/start.md#no"]
