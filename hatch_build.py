"""Makes the long description for a package index: the README, with links and pictures that lead out of the index."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<before>\]\()(?P<path>(?![a-z]+:|#)[^)\s]+)")
_PICTURE = re.compile(r"(?P<before>(?:src=\"|!\[[^\]]*\]\())(?P<path>(?![a-z]+:)[^\")\s]+)")


def absolute(readme: str, repository: str) -> str:
    """Returns a readme whose relative links and pictures are addresses in a repository on GitHub."""
    readme = _PICTURE.sub(rf"\g<before>{repository}/raw/main/\g<path>", readme)
    return _LINK.sub(rf"\g<before>{repository}/blob/main/\g<path>", readme)


class ReadmeHook(MetadataHookInterface):
    """Sets the field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Adds the readme to the metadata of the project."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        readme = absolute(text, metadata["urls"]["Source"])
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}
