"""What MkDocs does to each page of the site before it renders it.

* ```` ```python notest ```` marks a block that the tests do not run; the site shows it as plain Python.
* A page with ``include: FILE`` in its front matter shows that file of the repository's root. Its links are rewritten:
  those into ``docs/`` point to pages of the site, all others become plain code.
* ``<!-- frame costs: NAME -->`` becomes a table that ``frame_costs.py`` computes from the benchmarks' results.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from frame_costs import insert_tables, read_results

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(!?)\[([^\]]+)\]\((?!https?:|#)([^)\s]+)\)")
ROOT_PAGES = {"ARCHITECTURE.md": "architecture.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Returns the Markdown that MkDocs renders for a page."""
    if (name := page.meta.get("include")) is not None:
        markdown = LINK.sub(_site_link, (ROOT / name).read_text(encoding="utf-8"))
    if "<!-- frame costs:" in markdown:
        markdown = insert_tables(markdown, read_results())
    return re.sub(r"^(\s*```python) notest$", r"\1", markdown, flags=re.MULTILINE)


def _site_link(match: re.Match[str]) -> str:
    image, text, target = match.groups()
    if target.startswith("docs/"):
        return f"{image}[{text}]({target.removeprefix('docs/')})"
    if target in ROOT_PAGES:
        return f"[{text}]({ROOT_PAGES[target]})"
    return text if text.startswith("`") else f"`{text}`"
