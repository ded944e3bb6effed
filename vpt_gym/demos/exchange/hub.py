"""The card of a directory of demos, and its upload to the Hugging Face Hub as a data set."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpt_gym.demos.demo import Demo
from vpt_gym.demos.exchange.exporting import DemoSelection, LeftOut
from vpt_gym.demos.files.names import CONTRACTOR_FORMAT
from vpt_gym.hub.card import CARD, About, Card, code
from vpt_gym.hub.upload import link, require_hub, upload
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.plural import counted

_TAGS = ("vpt-gym", "vpt", "minecraft")
_SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
"""The Hub's names for numbers of examples, by the number that each is below."""
_NAMED = 8


@dataclass(frozen=True)
class PushedDemos:
    """What ``push_demos`` published.

    Attributes:
        url: The address of the repository.
        episodes: Number of demos.
        ticks: Number of ticks in them.
        left_out: The demos that were not uploaded.
    """

    url: str
    episodes: int
    ticks: int
    left_out: LeftOut


@checks_flags
def push_demos(
    directory: str | os.PathLike[str],
    repo_id: str,
    *,
    card: About | str = About(),  # noqa: B008 (frozen)
    private: bool = False,
    revision: str | None = None,
    message: str = "",
    keep: Callable[[Demo], bool | None] | None = None,
) -> PushedDemos:
    """Publishes the intact demos of a directory, as they are, and a card, as a data set on the Hugging Face Hub.

    ``hf download ID --repo-type dataset --local-dir DIRECTORY`` makes them a directory of demos again.

    Args:
        directory: The directory of demos.
        repo_id: ``"organisation/name"``; the repository is made if it does not exist. Files in it that the directory
            lacks stay.
        card: What to say about the demos in the card, or the text of the whole card.
        private: Make a private repository. One that exists must be private.
        revision: Branch to commit to, made if it does not exist; default: the main branch.
        message: Message of the commit.
        keep: Called with each demo, which is left out if it returns False. Default: keep all.

    Raises:
        FileNotFoundError: There is no such directory.
        ImportError: huggingface_hub is not installed.
        UploadError: The Hub cannot be reached, or refuses.
        ValueError: There is no intact demo, or the id is not ``organisation/name``.
    """
    require_hub(repo_id)
    content = _Content(directory, keep)
    with tempfile.TemporaryDirectory() as folder:
        link(content.files, Path(folder))
        text = content.card(card, repo_id).text() if isinstance(card, About) else card
        (Path(folder) / CARD).write_text(text, encoding="utf-8")
        url = upload(Path(folder), repo_id, repo_type="dataset", private=private, revision=revision, message=message)
    return PushedDemos(url, content.episodes, content.ticks, content.left_out)


def demos_card(
    directory: str | os.PathLike[str],
    about: About,
    *,
    repo_id: str = "ORGANISATION/NAME",
    keep: Callable[[Demo], bool | None] | None = None,
) -> Card:
    """Returns the card of a directory of demos.

    Args:
        directory: The directory.
        about: What its author says about it.
        repo_id: The id on the Hub.
        keep: As for :func:`push_demos`.

    Raises:
        FileNotFoundError: There is no such directory.
        ValueError: There is no intact demo.
    """
    return _Content(directory, keep).card(about, repo_id)


class _Content:
    """What a directory has to publish."""

    def __init__(self, directory: str | os.PathLike[str], keep: Callable[[Demo], bool | None] | None) -> None:
        self.files: list[Path] = []
        self.episodes = self.ticks = 0
        self._seconds = 0.0
        self._outcomes: Counter[bool | None] = Counter()
        self._said: dict[str, Counter[Any]] = {"env_id": Counter(), "task": Counter(), "recorded_by": Counter()}
        self._contractors = self._people = self._lossy = 0
        selection = DemoSelection(directory, keep)
        for demo in selection:
            self._see(demo)
        self.left_out = selection.left_out
        self._sizes = sorted(selection.frame_sizes)

    def card(self, about: About, repo_id: str) -> Card:
        """Returns the card."""
        title = about.title or repo_id.rpartition("/")[2]
        folder = f"demos/{repo_id.rpartition('/')[2]}"
        load = (
            f"```console\nhf download {repo_id} --repo-type dataset --local-dir {folder}\nvpt-gym view {folder}\n```"
            "\n\n"
            f'```python\nfrom vpt_gym.demos import DemoDataset\n\ndataset = DemoDataset("{folder}")\n```'
        )
        points = about.points()
        made = {"Data": self._data(), "Figures": self._figures(), "Limits": self._limits()}
        points = {**points, **{name: f"{text} {points.get(name, '')}".strip() for name, text in made.items()}}
        order = ("Data", "Recipe", "Figures", "Limits", "Licence")
        summary = about.summary or (
            "Recorded episodes of play (demos) in the format of [vpt-gym](https://github.com/vpt-gym/vpt-gym), which "
            "extends that of OpenAI's contractor recordings: of each, a video, the actions of each tick, and metadata."
        )
        return Card(
            title,
            summary,
            load,
            {name: points[name] for name in order if name in points},
            {
                "license": about.license,
                "pretty_name": title,
                "task_categories": ["reinforcement-learning"],
                "tags": list(dict.fromkeys((*_TAGS, "imitation-learning", *about.tags))),
                "size_categories": [next((name for most, name in _SIZES.items() if self.episodes < most), "n>1M")],
                "viewer": False,  # the Hub's viewer does not know this format
            },
        )

    def _see(self, demo: Demo) -> None:
        files = [demo.files.video, demo.files.records]
        self.files += [*files, demo.files.metadata] if demo.files.metadata.is_file() else files
        self.episodes += 1
        self.ticks += len(demo)
        self._seconds += len(demo) / float(demo.metadata.get("fps", 20))
        self._outcomes[demo.success] += 1
        self._people += bool(demo.intervention.any())
        self._contractors += demo.metadata.get("format") == CONTRACTOR_FORMAT
        self._lossy += not demo.metadata.get("lossless", False)
        for key, counts in self._said.items():
            if isinstance(value := demo.metadata.get(key), str):
                counts[value] += 1

    def _data(self) -> str:
        sizes = ", ".join(f"{height}x{width}" for height, width in self._sizes)
        text = f"{counted(self.episodes, 'episode')}, {counted(self.ticks, 'tick')}"
        text += f", {self._seconds / 3600:.1f} hours; frames of {sizes}."
        names = {"env_id": "Environments", "task": "Tasks", "recorded_by": "Recorded by"}
        for key, name in names.items():
            if counts := self._said[key].most_common():
                listed = ", ".join(f"{code(value)} ({count:,})" for value, count in counts[:_NAMED])
                text += f" {name}: {listed}{' and others' if len(counts) > _NAMED else ''}."
        if self._contractors:
            text += f" {self._contractors:,} are recordings of OpenAI's contractors."
        if self._people:
            text += f" In {self._people:,} a person took over from an agent."
        return text

    def _figures(self) -> str:
        yes, no, unknown = (self._outcomes[outcome] for outcome in (True, False, None))
        return f"{counted(yes, 'episode')} succeeded, {no:,} failed, of {unknown:,} it is unknown."

    def _limits(self) -> str:
        return "Frames are stored as H.264 video, with some loss." if self._lossy else ""
