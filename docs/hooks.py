"""What MkDocs does to each page of the site before it renders it.

* ```` ```python notest ```` marks a block that the tests do not run; the site shows it as plain Python.
* A page with ``include: FILE`` in its front matter shows that file of the repository's root. Its links are rewritten:
  those into ``docs/`` point to pages of the site, all others become plain code.
* A console block without ``$`` has commands only. The site shows it as a shell script, since Pygments would take its
  lines for output and grey them out.
* Columns of tables with long texts are marked, so that ``style.css`` can keep them readable on a phone.
* ``<!-- frame costs: NAME -->`` becomes a table that ``frame_costs.py`` computes from the benchmarks' results.
"""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from frame_costs import insert_tables, read_results

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(!?)\[([^\]]+)\]\((?!https?:|#)([^)\s]+)\)")
CONSOLE = re.compile(r"^(?P<start> *```)console\n(?P<code>.*?)(?=^ *```$)", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
LONG = 50
"""Characters from which a text of a cell counts as long."""
ROOT_PAGES = {"ARCHITECTURE.md": "architecture.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Returns the Markdown that MkDocs renders for a page."""
    if (name := page.meta.get("include")) is not None:
        markdown = LINK.sub(_site_link, (ROOT / name).read_text(encoding="utf-8"))
    if "<!-- frame costs:" in markdown:
        markdown = insert_tables(markdown, read_results())
    markdown = CONSOLE.sub(_highlighted, markdown)
    return re.sub(r"^(\s*```python) notest$", r"\1", markdown, flags=re.MULTILINE)


def on_page_content(html: str, **_: Any) -> str:
    """Returns the HTML of a page with ``class="long"`` in the heads of columns that have long texts."""
    return TABLE.sub(_with_long_columns, html)


def _highlighted(match: re.Match[str]) -> str:
    prompted = re.search(r"^\s*\$ ", match["code"], re.MULTILINE)
    return match[0] if prompted else f"{match['start']}bash\n{match['code']}"


def _with_long_columns(match: re.Match[str]) -> str:
    rows = [[len(re.sub(r"<[^>]+>", "", cell)) for cell in CELL.findall(row)] for row in match[0].split("</tr>")]
    longest = [max(column) for column in itertools.zip_longest(*rows, fillvalue=0)]
    marks = iter(' class="long"' if length > LONG else "" for length in longest)
    return re.sub(r"<th(?=[ >])", lambda _: f"<th{next(marks, '')}", match[0])


def _site_link(match: re.Match[str]) -> str:
    image, text, target = match.groups()
    if target.startswith("docs/"):
        return f"{image}[{text}]({target.removeprefix('docs/')})"
    if target in ROOT_PAGES:
        return f"[{text}]({ROOT_PAGES[target]})"
    return text if text.startswith("`") else f"`{text}`"
