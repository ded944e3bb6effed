"""OpenAI's index files of contractor recordings: reading them, and choosing segments.

An index is a JSON object: ``{"basedir": "https://...", "relpaths": ["data/6.9/<segment>.mp4", ...]}``. Each path stands
for one segment, a recording of up to five minutes: ``<path>.mp4`` and ``<path>.jsonl``. Some of OpenAI's indices have
paths with the suffix, some without. A segment is named ``<player>-<session>-<date>-<time>``.

Source: the readme of openai/Video-Pre-Training, and ``utils/download_dataset.py`` of the baseline of BASALT 2022.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vpt_gym.demos.files.contractor import version_in_name
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.printable import shown

RECORDS, VIDEO = ".jsonl", ".mp4"
"""The suffixes of a segment's two files."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
"""What no file name has on all systems. A backslash and a colon separate folders and drives on some."""


@dataclass(frozen=True)
class Segment:
    """A recording that an index names.

    Attributes:
        path: Its path below the index's address and below the output directory, with slashes, without a suffix.
        base: The address that the path is relative to; it ends with a slash.
    """

    path: str
    base: str

    @property
    def version(self) -> str | None:
        """Version of the recorder, such as "6.9", which is the name of the segment's folder; None if that is none."""
        return version_in_name(PurePosixPath(self.path).parent.name)

    def url(self, suffix: str) -> str:
        """Returns the address of one of its files."""
        return f"{self.base}{urllib.parse.quote(self.path + suffix)}"

    def file(self, folder: Path, suffix: str) -> Path:
        """Returns the path of one of its files in a folder."""
        return folder.joinpath(*f"{self.path}{suffix}".split("/"))


def read_index(path: Path) -> list[Segment]:
    """Returns the segments of an index file, in its order, each once.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not an index, or a path in it would lead out of the output directory.
    """
    try:
        index = parse_json(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; it must be an index file, or the address of one") from None
    except ValueError as error:
        raise ValueError(f"{path} is not an index file: it is not JSON ({error})") from error
    expected = 'it must be {"basedir": "https://...", "relpaths": ["data/6.9/NAME.mp4", ...]}'
    if not isinstance(index, dict):
        raise ValueError(f"{path} is not an index file: {expected}")
    base, paths = index.get("basedir"), index.get("relpaths")
    if not isinstance(base, str) or not re.match(r"https?://[^/]", base):
        raise ValueError(f"{path}: basedir is {shown(base)}, which is no http(s) address: {expected}")
    if not isinstance(paths, list) or not paths:
        raise ValueError(f"{path}: relpaths is {shown(paths)}, which is no list of paths: {expected}")
    base = f"{base.rstrip('/')}/"
    try:
        return [Segment(name, base) for name in dict.fromkeys(map(_stem, paths))]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def choose(
    segments: Sequence[Segment],
    *,
    versions: Iterable[str] = (),
    limit: int | None = None,
    seed: int | None = None,
    leave_out: Callable[[Segment], bool] = lambda _: False,
) -> list[Segment]:
    """Returns some of the segments of an index, in its order.

    Args:
        segments: The segments.
        versions: Keep only these versions of the recorder: ``"6.9"``, or ``"6"`` for all of 6.x. Default: all.
        limit: Keep at most so many.
        seed: Keep a random sample of ``limit`` in place of the first ones. A larger sample of the same seed contains
            a smaller one.
        leave_out: Called with segments in the order in which they are taken, until there are ``limit``. Those for which
            it returns True do not count, and others take their place.

    Raises:
        ValueError: The index has none of a version, ``limit`` is not positive, or there is a seed without a limit.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it must be positive")
    if seed is not None and limit is None:
        raise ValueError(f"seed is {seed}, and there is no limit; a sample needs its size, for example --limit 100")
    kept = list(segments)
    if wanted := list(versions):
        found = {segment.version for segment in segments} - {None}
        for version in wanted:
            if not any(_is_of(one, version) for one in found):
                known = ", ".join(sorted(filter(None, found), key=lambda name: [int(n) for n in name.split(".")]))
                raise ValueError(f"the index has no segment of version {shown(version)}; it has {known or 'none'}")
        kept = [segment for segment in kept if any(_is_of(segment.version, version) for version in wanted)]
    ranked = kept if seed is None else sorted(kept, key=lambda segment: _rank(segment, seed))
    taken = {segment.path for segment in itertools.islice((one for one in ranked if not leave_out(one)), limit)}
    return [segment for segment in kept if segment.path in taken]


def _is_of(version: str | None, wanted: str) -> bool:
    return version is not None and (version == wanted or version.startswith(f"{wanted}."))


def _rank(segment: Segment, seed: int) -> bytes:
    """Returns what a sample is sorted by. It depends on nothing but its arguments, on any machine."""
    return hashlib.sha256(f"{seed} {segment.path}".encode()).digest()


def _stem(path: object) -> str:
    """Returns a path of an index without its suffix.

    Raises:
        ValueError: It is not a relative path, or could lead out of the directory that it is relative to.
    """
    if not isinstance(path, str):
        raise ValueError(f"a path is {shown(path)}; it must be a text")
    stem = path.removesuffix(VIDEO).removesuffix(RECORDS)
    # Hidden names are refused as well: "." and ".." are such, and so is the folder of unfinished downloads.
    if _FORBIDDEN.search(stem) or any(not part or part.startswith(".") for part in stem.split("/")):
        raise ValueError(
            f"the path {shown(path)} is refused: it must be relative and stay in its directory, without empty or "
            "hidden parts or characters that some systems lack in file names"
        )
    return stem
