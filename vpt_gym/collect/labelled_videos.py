"""Which videos are demos of a directory already. They are known by content, since names repeat and folders move."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpt_gym.demos.files.made import is_rejected, made_demos

SOURCE_KEY = "source"
"""Key of the metadata of a demo that was made from a video; it describes the video."""
_SAMPLE = 1 << 20  # bytes at each end: they have an index or frames, so no two videos of one length share both


@dataclass(frozen=True)
class VideoIdentity:
    """What distinguishes a video file from others, whatever its name is.

    Attributes:
        size: Bytes.
        sample_sha256: Hash of its first and its last MiB, hexadecimal. To hash all of a long video takes minutes.
    """

    size: int
    sample_sha256: str

    @classmethod
    def of(cls, path: Path) -> VideoIdentity:
        """Returns the identity of a file.

        Raises:
            OSError: It cannot be read.
        """
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest = hashlib.sha256()
            for start in (0, max(0, size - _SAMPLE)):
                file.seek(start)
                digest.update(file.read(_SAMPLE))
        return cls(size, digest.hexdigest())

    @classmethod
    def described(cls, source: Mapping[str, Any]) -> VideoIdentity | None:
        """Returns the identity in a demo's metadata; None if it was made by a version that did not write it."""
        size, sample = source.get("size"), source.get("sample_sha256")
        return cls(size, sample) if isinstance(size, int) and isinstance(sample, str) else None


@dataclass(frozen=True)
class LabelledVideos:
    """The demos of a directory that were made from videos, kept or rejected.

    Attributes:
        known: The ``<id>.json`` of each, by its video.
        named: The same by the video's name, of demos that do not say more of it.
    """

    known: dict[VideoIdentity, Path]
    named: dict[str, Path]

    @classmethod
    def of(cls, directory: Path) -> LabelledVideos:
        """Returns those of a directory. Demos that a killed run left incomplete are not among them.

        Raises:
            DemoError: The metadata of a demo that is kept are damaged.
        """
        known, named = {}, {}
        for path, metadata in made_demos(directory).items():
            source = metadata.get(SOURCE_KEY)
            if not isinstance(source, dict) or (metadata.get("ended") == "recovered" and not is_rejected(path)):
                continue
            identity = VideoIdentity.described(source)
            if identity is not None:
                known[identity] = path
            elif isinstance(source.get("name"), str):
                named[source["name"]] = path
        return cls(known, named)

    def demo_of(self, video: Path, identity: VideoIdentity) -> Path | None:
        """Returns the ``<id>.json`` of the demo of a video, or None."""
        return self.known.get(identity, self.named.get(video.name))
