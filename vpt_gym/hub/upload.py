"""Uploads folders to the Hugging Face Hub (extra ``[hub]``)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeAlias

from vpt_gym.system.printable import printable_name, shown
from vpt_gym.system.require import require

RepoType: TypeAlias = Literal["model", "dataset"]


class UploadError(RuntimeError):
    """Something could not be published on the Hugging Face Hub; the message has the cause and the remedy."""


def is_repo_id(name: str) -> bool:
    """Returns whether a name has the form ``organisation/name``."""
    return bool(re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name))


def check_repo_id(repo_id: str) -> None:
    """Raises a ``ValueError`` if an id is not ``organisation/name``."""
    if not is_repo_id(repo_id):
        raise ValueError(
            f"{shown(repo_id)} is not an id of the Hugging Face Hub: it must be organisation/name, or your name there "
            'and the name of the repository, such as "minecraft-lab/wood-nano"'
        )


def require_hub(repo_id: str) -> Any:
    """Returns the module ``huggingface_hub``, for publishing under an id.

    Raises:
        DependencyNotInstalled: It is not installed; the error is also an ``ImportError``.
        ValueError: The id is not ``organisation/name``.
    """
    check_repo_id(repo_id)
    return require("huggingface_hub", "hub", purpose="publishing on the Hugging Face Hub")


def upload(
    folder: Path,
    repo_id: str,
    *,
    repo_type: RepoType,
    private: bool = False,
    revision: str | None = None,
    message: str = "",
) -> str:
    """Uploads all files of a folder, and returns the address of the repository, which is made if it does not exist.

    Files of the repository that the folder lacks stay. The settings of huggingface_hub apply: ``HF_TOKEN``,
    ``HF_ENDPOINT``, ``HF_HUB_OFFLINE``.

    Args:
        folder: The folder.
        repo_id: ``"organisation/name"``.
        repo_type: The kind of the repository.
        private: Make a private repository. One that exists must be private.
        revision: Branch to commit to, made if it does not exist; default: the main branch.
        message: Message of the commit.

    Raises:
        DependencyNotInstalled: huggingface_hub is not installed.
        UploadError: The Hub cannot be reached, or refuses, or the repository exists and is public.
        ValueError: The id is not ``organisation/name``.
    """
    hub = require_hub(repo_id)
    same: dict[str, Any] = {"repo_id": repo_id, "repo_type": repo_type}
    try:
        url = str(hub.create_repo(**same, private=private, exist_ok=True))
        public = private and not hub.HfApi().repo_info(**same).private
        if not public:
            if revision is not None:
                hub.create_branch(**same, branch=revision, exist_ok=True)
            hub.upload_folder(
                **same, folder_path=str(folder), revision=revision, commit_message=message or "Upload with vpt-gym"
            )
    except Exception as error:  # of httpx or requests, by the version of huggingface_hub, and its own
        status = getattr(getattr(error, "response", None), "status_code", None)
        remedy = "; log in with `hf auth login`, or set HF_TOKEN to a token that may write there"
        reason = printable_name(f"{type(error).__name__}: {error}")[:500]
        raise UploadError(
            f"{repo_id} cannot be published ({reason}){remedy if status in (401, 403) else ''}"
        ) from error
    if public:
        raise UploadError(
            f"{repo_id} exists and is public, so nothing was uploaded; choose another name, or leave private"
        )
    return url


def link(files: Iterable[Path], folder: Path) -> None:
    """Makes links to files in a folder, under their names; copies where the system has no links."""
    for file in files:
        try:
            os.symlink(file.resolve(), folder / file.name)
        except OSError:
            shutil.copyfile(file, folder / file.name)
