"""What the pages import from vpt_gym is public, and has an entry in the API reference."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.docs.test_code_blocks import PAGES, blocks
from tests.support.paths import ROOT

REFERENCE = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))


def offered(module: str) -> set[str]:
    """Returns ``__all__`` of a package as its stub or its file states it, without importing what it needs."""
    folder = ROOT.joinpath(*module.split("."))
    files = [folder / "__init__.pyi", folder / "__init__.py"]
    tree = ast.parse(next(file for file in files if file.exists()).read_text(encoding="utf-8"))
    lists = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return set(ast.literal_eval(lists[0]))


def public_names() -> dict[str, set[str]]:
    """Returns the names that each module with an entry in the API reference offers."""
    names = {"vpt_gym": offered("vpt_gym")}
    for module, options in re.findall(r"^::: (vpt_gym[\w.]*)\n((?: +.*\n)*)", REFERENCE, re.MULTILINE):
        chosen = re.search(r"members: \[(.+)\]", options)
        names[module] = set(chosen[1].split(", ")) if chosen else offered(module)
    return names


def imports(page: Path) -> list[tuple[str, str]]:
    """Returns (module, name) for each name of this package that the Python blocks of a page import."""
    nodes = [node for info, _, code in blocks(page) if info[0] == "python" for node in ast.walk(ast.parse(code))]
    return [
        (node.module, alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.split(".")[0] == "vpt_gym"
        for alias in node.names
    ]


def test_pages_import_public_names_only() -> None:
    public = public_names()
    found = [(page.name, module, name) for page in PAGES for module, name in imports(page)]
    assert len(found) > 50
    assert [place for place in found if place[2] not in public.get(place[1], ())] == []
