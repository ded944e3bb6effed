"""Downloads published checkpoints, and finds those that have been downloaded."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

from vpt_gym.agents.checkpoints.errors import DownloadError
from vpt_gym.agents.checkpoints.sources.published import Published, RemoteFile, find_published, suggestion
from vpt_gym.system.transfer import Progress, Record, fetch, hash_of
from vpt_gym.system.user_path import user_path

CACHE_VARIABLE = "VPT_GYM_CACHE"
MIRROR_VARIABLE = "VPT_GYM_MIRROR"


class CheckpointFiles(NamedTuple):
    """The files of a checkpoint on this machine."""

    model: Path
    weights: Path
    prior: Path | None = None


def cache_folder() -> Path:
    """Returns the folder of downloads.

    It is ``$VPT_GYM_CACHE``, else ``$XDG_CACHE_HOME/vpt-gym``, else ``~/.cache/vpt-gym``.
    """
    if own := os.environ.get(CACHE_VARIABLE):
        return user_path(own)
    return user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "vpt-gym"


def download(
    name: str,
    *,
    to: str | Path | None = None,
    mirror: str | None = None,
    offline: bool = False,
    verify: bool = False,
    show: bool = True,
) -> CheckpointFiles:
    """Returns the files of a published checkpoint, and downloads those that are missing.

    The network is used only for files that are missing or have the wrong size. A download shows a progress bar on
    stderr if that is a terminal; ``transfer.fetch`` describes how interrupted ones are continued.

    Args:
        name: A name of :data:`vpt_gym.agents.checkpoints.sources.published.PUBLISHED`.
        to: The folder of the files; default: :func:`cache_folder`. Files copied there by hand, under their published
            names, are used.
        mirror: Address of a folder with the files under their published names, used instead of OpenAI's server;
            default: ``$VPT_GYM_MIRROR``.
        offline: Use no network: all files must be on this machine.
        verify: Also read existing files and compare their hashes, where these are known.
        show: Show the progress bar.

    Raises:
        ValueError: No checkpoint has this name, or the mirror is not an http(s) address.
        DownloadError: A file is missing (offline), cannot be downloaded, or is not the published one. The message
            explains how to get the files by hand.
    """
    checkpoint = find_published(name)
    if checkpoint is None:
        raise ValueError(f"no published checkpoint is called {name!r}; {suggestion(name)}")
    folder = cache_folder() if to is None else user_path(to)
    mirror = mirror or os.environ.get(MIRROR_VARIABLE) or None
    try:
        for file in checkpoint.files:
            if (state := _state(file, folder / file.name, verify)) == "":
                continue
            if offline:
                raise DownloadError(f"{state}, and nothing is downloaded offline")
            if (folder / file.name).exists():
                warnings.warn(f"{state}: it is downloaded again", stacklevel=2)
                Record.path(folder / file.name).unlink(missing_ok=True)
            with _progress(file.name) if show else nullcontext() as progress:
                fetch(
                    address(file, mirror),
                    folder / file.name,
                    size=file.size,
                    sha256=file.sha256,
                    progress=progress,
                )
            if state := _state(file, folder / file.name, verify=False):
                raise DownloadError(f"{state}: {address(file, mirror)} has no such checkpoint")
    except (DownloadError, OSError) as error:
        raise DownloadError(f"{error}\n{_by_hand(checkpoint, folder, mirror)}") from error
    return CheckpointFiles(*(folder / file.name for file in checkpoint.files))


def address(file: RemoteFile, mirror: str | None = None) -> str:
    """Returns the address from which a file is downloaded."""
    return file.url if mirror is None else f"{mirror.rstrip('/')}/{file.name}"


def _state(file: RemoteFile, path: Path, verify: bool) -> str:
    """Returns what is wrong with the local copy of a file; empty if nothing is."""
    if not path.is_file():
        return f"{path} does not exist"
    record = Record.of(path)
    if not path.stat().st_size:
        return f"{path} is empty"
    size = file.size or (None if record is None else record.size)
    if size is not None and path.stat().st_size != size:
        return f"{path} has {path.stat().st_size:,} bytes instead of {size:,}"
    sha256 = file.sha256 or (None if record is None else record.sha256)
    if verify and sha256 is not None and hash_of(path) != sha256:
        return f"{path} is damaged: its SHA-256 is not {sha256}"
    return ""


def _by_hand(checkpoint: Published, folder: Path, mirror: str | None) -> str:
    lines = [
        f"{checkpoint.name} can be downloaded by hand: get these files on any machine, and put them into {folder}",
        *(f"  {_named(address(file, mirror), file.name)}" for file in checkpoint.files),
    ]
    if mirror is None:
        lines.append(f"or use a mirror that has them: vpt-gym download --mirror URL, or {MIRROR_VARIABLE}=URL")
    return "\n".join(lines)


def _named(url: str, name: str) -> str:
    """Returns an address, with the name of the file where the address does not end with it."""
    return url if url.endswith(f"/{name}") else f"{name}: {url}"


@contextmanager
def _progress(name: str) -> Iterator[Progress | None]:
    """Shows a progress bar on stderr if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bars(*columns, TimeRemainingColumn(), console=console) as bars:
        task = bars.add_task(name, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
