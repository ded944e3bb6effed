"""Checks the name of a file before the work of making its content begins."""

from __future__ import annotations

import os
from pathlib import Path


def check_output_file(path: str | os.PathLike[str]) -> None:
    """Checks that a file can be written there, as far as its name and folder tell.

    Raises:
        FileNotFoundError: Its folder does not exist.
        NotADirectoryError: Its folder is a file.
        IsADirectoryError: It is a folder itself.
        PermissionError: Nobody may write into its folder, or this user may not.
    """
    file = Path(path)
    folder = file.parent
    if (folder.exists() and not folder.is_dir()) or any(parent.is_file() for parent in folder.parents):
        raise NotADirectoryError(f"{file} cannot be written: {folder} is not a folder; choose another")
    if not folder.exists():
        raise FileNotFoundError(f"{file} cannot be written: there is no folder {folder}; create it, or choose another")
    if file.is_dir():
        raise IsADirectoryError(f"{file} cannot be written: it is a folder; name a file in it")
    if not os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(f"{file} cannot be written: {folder} is read-only for this user; choose another folder")
