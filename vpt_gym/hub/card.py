"""Cards: the ``README.md`` of a model or a data set, with front matter in YAML for the Hub and Markdown for people."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vpt_gym.system.printable import printable, printable_name, shown

CARD = "README.md"
"""Name of a card's file."""
LIBRARY = "vpt-gym"
"""The library that the Hub names beside a model."""
_WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./ _-]*[A-Za-z0-9]")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null"}
"""What YAML takes for something else than text."""


@dataclass(frozen=True)
class SuccessRate:
    """How often an agent succeeded, for the figures that the Hub reads.

    Attributes:
        successes: Episodes that succeeded.
        episodes: All episodes.
        environment: Where they were played, such as an id of Gymnasium.
    """

    successes: int
    episodes: int
    environment: str

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.episodes or not self.episodes:
            raise ValueError(f"{self.successes} successes in {self.episodes} episodes; at least one episode is needed")


@dataclass(frozen=True, kw_only=True)
class About:
    """What a card says beside what can be read from the model or the demos. All texts are Markdown; empty: not said.

    Attributes:
        title: Default: the name on the Hub, or of the folder.
        license: As the Hub writes it: ``"mit"``, ``"apache-2.0"``, ``"cc-by-4.0"``, ``"other"``.
        summary: What it is, in one paragraph; default: made from the model or the demos.
        data: What it was trained on, or where it comes from.
        recipe: How it was made.
        figures: How good it is, and how that was measured.
        limits: What it cannot do, or was not tried on.
        tags: Further tags.
        success: Figures for the Hub.

    Raises:
        ValueError: The license is not written as the Hub writes one, or the tags are no texts.
    """

    title: str = ""
    license: str = ""
    summary: str = ""
    data: str = ""
    recipe: str = ""
    figures: str = ""
    limits: str = ""
    tags: Sequence[str] = ()
    success: SuccessRate | None = None

    def __post_init__(self) -> None:
        if self.license and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", self.license):
            raise ValueError(
                f"license is {shown(self.license)}; the Hub writes licences in small letters without spaces, such as "
                '"mit", "apache-2.0" or "cc-by-4.0"; "other" is any other'
            )
        if isinstance(self.tags, str) or not isinstance(self.tags, Iterable):
            raise ValueError(f"tags is {shown(self.tags)}; pass a tuple of texts, such as ('trees',)")
        object.__setattr__(self, "tags", tuple(self.tags))
        if not all(isinstance(tag, str) for tag in self.tags):
            raise ValueError(f"tags are {shown(self.tags)}; each must be a text")

    def points(self) -> dict[str, str]:
        """Returns the texts below the summary by their headings, those that are not empty."""
        licence = f"`{self.license}`" if self.license else "not stated"
        found = {"Data": self.data, "Recipe": self.recipe, "Figures": self.figures, "Limits": self.limits}
        return {**{name: text for name, text in found.items() if text}, "Licence": licence}


@dataclass(frozen=True)
class Card:
    """A card.

    Attributes:
        title: Its heading.
        summary: What it is about, in Markdown.
        load: What loads it: one or more blocks of code, in Markdown.
        points: Texts by their headings, each in Markdown, of one paragraph.
        front: The front matter: text, numbers, and lists and dictionaries of these. None and empty ones are left out.
        more: What follows, in Markdown, such as a table.
    """

    title: str
    summary: str
    load: str
    points: Mapping[str, str]
    front: Mapping[str, Any] = field(default_factory=dict)
    more: str = ""

    def text(self) -> str:
        """Returns the content of ``README.md``."""
        points = "\n".join(_wrapped(f"* **{name}**: {text}", "  ") for name, text in self.points.items())
        parts = [
            f"# {printable_name(self.title)}",
            _wrapped(self.summary),
            self.load.strip(),
            points,
            self.more.strip(),
        ]
        body = "\n\n".join(printable(part) for part in parts if part)
        return f"---\n{front_matter(self.front)}---\n\n{body}\n"


def front_matter(values: Mapping[str, Any]) -> str:
    """Returns values as YAML, one key after the other. None and empty values are left out.

    Text that could be something else, and everything nested, is written as JSON, which is YAML too.
    """
    lines = []
    for key, value in values.items():
        if value is None or (isinstance(value, str | list | tuple | dict) and not value):
            continue
        if isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value):
            lines += [f"{key}:", *(f"- {_yaml(entry)}" for entry in value)]
        else:
            lines.append(f"{key}: {_yaml(value)}")
    return "".join(f"{line}\n" for line in lines)


def code(text: object, *, most: int = 200) -> str:
    """Returns the beginning of a text that comes from a file as code in Markdown, on one line."""
    return f"`{printable_name(text).replace('`', chr(39))[:most]}`"


def success_index(title: str, success: SuccessRate | None) -> list[dict[str, Any]]:
    """Returns a success rate as the Hub's ``model-index``; empty without one."""
    if success is None:
        return []
    metric = {
        "type": "success_rate",
        "name": f"success, {success.episodes} episodes",
        "value": round(success.successes / success.episodes, 4),
    }
    environment = printable_name(success.environment)
    result = {
        "task": {"type": "reinforcement-learning", "name": "reinforcement-learning"},
        "dataset": {"type": environment, "name": environment},
        "metrics": [metric],
    }
    return [{"name": printable_name(title), "results": [result]}]


def _yaml(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return printable(json.dumps(_one_line(value), ensure_ascii=False))


def _one_line(value: Any) -> Any:
    return printable_name(value) if isinstance(value, str) else value


def _wrapped(text: str, indent: str = "") -> str:
    """Breaks lines of a paragraph; of several paragraphs none, since they may be lists or tables."""
    if "\n\n" in text or "|" in text:
        return text
    return textwrap.fill(
        " ".join(text.split()), _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
