"""Loads a policy from files, a saved folder, a published name, or an id of the Hugging Face Hub."""

from __future__ import annotations

import os
from pathlib import Path

from vpt_gym.agents.checkpoints.errors import WrongFile
from vpt_gym.agents.checkpoints.load_report import LoadReport
from vpt_gym.agents.checkpoints.policy import load_folder, load_pair
from vpt_gym.agents.checkpoints.sources.bundled import INVERSE_DYNAMICS, find_bundled
from vpt_gym.agents.checkpoints.sources.download import download
from vpt_gym.agents.checkpoints.sources.hub import download_folder
from vpt_gym.agents.checkpoints.sources.published import find_published, suggestion
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.hub.upload import is_repo_id
from vpt_gym.system.printable import printable_name, shown
from vpt_gym.system.user_path import is_there, user_path

_FILE_SUFFIXES = (".model", ".weights", ".safetensors", ".json", ".pt", ".pth", ".zip")


def load_pretrained(
    source: str | Path, weights_path: str | Path | None = None, *, revision: str | None = None
) -> tuple[VPTPolicy, LoadReport]:
    """Makes a policy from a checkpoint.

    An existing file or folder takes precedence over a name. ``"runs/agent"`` has the form of an id of the Hub: it is
    taken for a path if there is a folder ``runs`` and no revision is given.

    Args:
        source: A ``.model`` file; a folder of a saved agent; ``"nano-foundation"``, which comes with this package; the
            name of a published checkpoint, such as ``"foundation-1x"``, which is downloaded unless it is in the cache;
            or an id of the Hugging Face Hub, ``"organisation/name"``, of such a folder.
        weights_path: The ``.weights`` file that belongs to a ``.model`` file.
        revision: Branch, tag or commit on the Hub.

    Raises:
        CheckpointError: A file is unsafe, damaged, of another kind or of another model.
        DownloadError: The checkpoint is not on this machine and cannot be downloaded.
        FileNotFoundError: There is no such file, folder or name.
        ImportError: The source is an id of the Hub, and huggingface_hub is not installed.
        TypeError: The source is neither text nor a path.
        ValueError: The source is empty, the ``.model`` file comes without its weights, another source comes with
            weights, or a source that is not on the Hub comes with a revision.
    """
    check_source(source)
    path = user_path(source)
    if is_there(path):
        _refuse_revision(revision, f"{path} is on this machine")
        if path.is_dir():
            _refuse_weights(weights_path, f"{path} is a folder and holds its own weights")
            return load_folder(path)
        if weights_path is None:
            if path.suffix in (".weights", ".safetensors"):
                problem = "holds weights alone; give the .model file first"
            elif path.suffix == ".onnx":
                raise ValueError(f"{path} is an export, which is no agent: name the agent that it was exported from")
            elif path.suffix != ".model":
                raise ValueError(f"{path} is neither the folder of a saved agent nor a .model file with its .weights")
            else:
                problem = "describes an architecture; give its weights too"
            raise ValueError(f"{path} {problem}: from_pretrained(model_path, weights_path)")
        return load_pair(path, weights_path)
    name = str(source)
    if (folder := find_bundled(name)) is not None:
        _refuse_revision(revision, f"{folder.name} comes with this package")
        _refuse_weights(weights_path, f"{folder.name} comes with its own weights")
        if folder.name == INVERSE_DYNAMICS:
            raise WrongFile(f"{folder.name} is an inverse dynamics model, not a policy: IDMAgent loads it")
        return load_folder(folder)
    if (published := find_published(name)) is not None:
        _refuse_revision(revision, f"{published.name} is not on the Hugging Face Hub")
        _refuse_weights(weights_path, f"{published.name} comes with its own weights")
        if published.inverse_dynamics:
            raise WrongFile(f"{published.name} is an inverse dynamics model, not a policy: IDMAgent loads it")
        files = download(published.name)
        return load_pair(files.model, files.weights)
    if is_hub_id(name) and (revision is not None or not is_there(Path(name).parent)):
        _refuse_weights(weights_path, f"{name} is on the Hugging Face Hub and comes with its own weights")
        return load_folder(download_folder(name, revision))
    first = name.replace(os.sep, "/").partition("/")[0]  # not path.parts: Path drops a leading ./
    if os.path.dirname(name) and (first in ("", ".", "..") or first.startswith("~") or os.path.isdir(first)):
        hub = "; to load this name from the Hugging Face Hub, pass revision='main'" if is_hub_id(name) else ""
        raise FileNotFoundError(f"there is no file or folder {path}: {_neighbours(path)}{hub}")
    raise FileNotFoundError(
        f"there is no file or folder {path}"
        + ("" if path.suffix in _FILE_SUFFIXES else f", and no published checkpoint of that name; {suggestion(name)}")
    )


def check_source(source: object) -> None:
    """Checks what is to be loaded, before it is taken for the current folder.

    Raises:
        TypeError: It is neither text nor a path.
        ValueError: It is empty.
    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"an agent is loaded from a path or a name, got {shown(source)}")
    if not str(source).strip():
        raise ValueError(
            f"the source is {shown(source)}: give a folder of save_pretrained, a .model file with its weights, or a "
            'name such as "foundation-1x"; the current folder is "."'
        )


def is_hub_id(name: str) -> bool:
    """Returns whether a name has the form ``organisation/name`` of the Hugging Face Hub, unlike a path."""
    return is_repo_id(name) and not name.endswith(_FILE_SUFFIXES)


def _neighbours(path: Path, most: int = 10) -> str:
    """Returns a description of the contents of the deepest folder of a path that exists."""
    folder = next((parent for parent in path.parents if os.path.isdir(parent)), None)
    if folder is None:
        return "none of its folders exists"
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() or entry.suffix in _FILE_SUFFIXES)
    except PermissionError:
        return f"{folder} cannot be read"
    shown_names = ", ".join(map(printable_name, names[:most]))
    if not names:
        return f"{folder} has no folder and no checkpoint"
    return f"{folder} has {shown_names}" + (f" and {len(names) - most} more" if len(names) > most else "")


def _refuse_weights(weights_path: str | Path | None, why: str) -> None:
    if weights_path is not None:
        raise ValueError(f"{why}; leave weights_path out")


def _refuse_revision(revision: str | None, why: str) -> None:
    if revision is not None:
        raise ValueError(f"{why}; leave revision={revision!r} out")
