"""Loads and saves inverse dynamics models: the published pair of files, and this package's own folders."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from vpt_gym.agents.checkpoints.errors import WrongFile
from vpt_gym.agents.checkpoints.load_report import LoadReport
from vpt_gym.agents.checkpoints.model_file import published_config
from vpt_gym.agents.checkpoints.policy import load_weights
from vpt_gym.agents.checkpoints.pretrained import check_source, is_hub_id
from vpt_gym.agents.checkpoints.saved_folder import StoredAs, open_folder, write_folder
from vpt_gym.agents.checkpoints.sources.bundled import INVERSE_DYNAMICS, find_bundled
from vpt_gym.agents.checkpoints.sources.download import download
from vpt_gym.agents.checkpoints.sources.hub import download_folder
from vpt_gym.agents.checkpoints.sources.published import find_published, suggestion
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.agents.idm.model import InverseDynamicsModel
from vpt_gym.system.user_path import is_there, user_path

FORMAT = "vpt-gym-idm/1"
"""The format in ``config.json``; another number is another layout."""


def read_idm_config(path: str | Path) -> IDMConfig:
    """Reads the architecture of an inverse dynamics model from a ``.model`` file; executes nothing in it.

    Raises:
        CheckpointError: The file is unsafe, damaged or something else (see ``model_file.read_model_file``), or
            describes an architecture that is not an inverse dynamics model's.
        FileNotFoundError: There is no such file.
    """
    return published_config(path, IDMConfig.from_published)


def load_idm(
    source: str | Path, weights_path: str | Path | None = None, *, revision: str | None = None
) -> tuple[InverseDynamicsModel, LoadReport]:
    """Makes an inverse dynamics model from a checkpoint.

    Args:
        source: A ``.model`` file; a folder written by :func:`save_idm`; ``"nano-idm"``, which comes with this package;
            the name of the published one, ``"idm-4x"``, which is downloaded unless it is in the cache; or an id of the
            Hugging Face Hub, ``"organisation/name"``, of such a folder.
        weights_path: The ``.weights`` file that belongs to a ``.model`` file.
        revision: Branch, tag or commit on the Hub.

    Raises:
        CheckpointError: A file is unsafe, damaged, of another kind or of another model.
        DownloadError: The published model is not on this machine and cannot be downloaded.
        FileNotFoundError: There is no such file, folder or name.
        ImportError: The source is an id of the Hub, and huggingface_hub is not installed.
        ValueError: A ``.model`` file comes without its weights or describes a policy, another source comes with
            weights, or a source that is not on the Hub comes with a revision.
    """
    check_source(source)
    path = user_path(source)
    on_hub = (
        not is_there(path)
        and find_published(str(source)) is None
        and is_hub_id(str(source))
        and (revision is not None or not is_there(path.parent))
    )
    if on_hub and weights_path is not None:
        raise ValueError(f"{source} is on the Hugging Face Hub and comes with its own weights; leave the weights out")
    if on_hub:
        path = download_folder(str(source), revision)
    elif revision is not None:
        raise ValueError(f"{source} is not on the Hugging Face Hub; leave revision={revision!r} out")
    if not is_there(path) and (bundled := find_bundled(str(source))) is not None:
        path = bundled
    if os.path.isfile(path):
        if weights_path is None:
            raise ValueError(f"{path} describes an architecture; give its weights too")
        return _loaded(read_idm_config(path), weights_path)
    if os.path.isdir(path):
        if weights_path is not None:
            raise ValueError(f"{path} is a folder and holds its own weights; leave the weights out")
        try:
            with open_folder(path) as saved:
                return _loaded(saved.config(IDMConfig, FORMAT), saved.weights_path)
        except WrongFile as error:
            raise WrongFile(f"{error}; a folder of a policy is for VPTAgent.from_pretrained") from error
    name = str(source)
    published = find_published(name)
    if published is None:
        raise FileNotFoundError(
            f"there is no file or folder {path}: give a .model file with its weights, a folder of a saved inverse "
            f'dynamics model, or "{INVERSE_DYNAMICS}" or "idm-4x"; {suggestion(name)}'
        )
    if not published.inverse_dynamics:
        raise WrongFile(f'{published.name} is a policy, not an inverse dynamics model; that is "idm-4x"')
    if weights_path is not None:
        raise ValueError(f"{published.name} comes with its own weights; leave the weights out")
    files = download(published.name)
    return _loaded(read_idm_config(files.model), files.weights)


def save_idm(model: InverseDynamicsModel, folder: str | Path, stored_as: StoredAs = "fp32") -> None:
    """Writes ``config.json`` and ``model.safetensors``; :func:`load_idm` reads the folder.

    Raises:
        ValueError: The parameters are not float32, or there is no such number type.
        OSError: The files cannot be written.
    """
    write_folder(folder, model, model.config.to_json(), kind=FORMAT, stored_as=stored_as)


def _loaded(config: IDMConfig, weights_path: str | Path) -> tuple[InverseDynamicsModel, LoadReport]:
    # On the device meta no time is spent on initial values; every key of an IDM is required.
    with torch.device("meta"):
        model = InverseDynamicsModel(config)
    return model, load_weights(model, weights_path)
