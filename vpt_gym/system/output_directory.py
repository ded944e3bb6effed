"""Makes the directories that programs write into."""

from __future__ import annotations

import os
from pathlib import Path


def make_directory(path: str | os.PathLike[str]) -> Path:
    """Makes a directory and those that it is in, unless they exist; returns its path.

    Raises:
        NotADirectoryError: It is a file, or one of those that it would be in is.
        OSError: It cannot be made for another reason.
    """
    directory = Path(path)
    check_not_a_file(directory)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def check_not_a_file(directory: Path) -> None:
    """Checks that neither a directory nor one of those that it is or would be in is a file.

    Raises:
        NotADirectoryError: One of them is.
    """
    for part in (directory, *directory.parents):
        # in this order, since another program may make the directory between the two
        if (part.exists() or part.is_symlink()) and not part.is_dir():
            what = "is a file" if part.exists() else "is a link to nothing"
            of_whole = "" if part == directory else f", so there is no directory {directory} in it"
            raise NotADirectoryError(f"{part} {what} and no directory{of_whole}; choose another")
        if part.is_dir():
            return
