"""The folder of a saved model: its architecture in ``config.json``, its weights in ``model.safetensors``.

The two files always belong together. A new pair is written in the subfolder ``.saving``. Renaming that to ``.saved``
makes it the model of the folder. Then its files replace those of the folder, and the subfolder is removed. After a
crash in between, readers take what is still in ``.saved``, and the next saving finishes the work.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args

import safetensors
from safetensors.torch import save_file
from torch import nn

from vpt_gym.agents.checkpoints.errors import CorruptCheckpoint, WrongFile
from vpt_gym.agents.checkpoints.finite import not_finite
from vpt_gym.agents.checkpoints.int8_weights import pack
from vpt_gym.agents.checkpoints.load_report import examples
from vpt_gym.agents.policy.architecture import Architecture
from vpt_gym.system.durable import sync
from vpt_gym.system.file_lock import folder_lock
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.user_path import user_path

ConfigT = TypeVar("ConfigT", bound=Architecture)

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
StoredAs: TypeAlias = Literal["fp32", "int8"]
"""Number type of the weights in a file; int8 takes a quarter of the space (``int8_weights``)."""
_WRITTEN, _COMPLETE = ".saving", ".saved"
_MAX_CONFIG_BYTES = 1 << 16
"""A config takes less than 1 kB."""


@dataclass(frozen=True)
class SavedModel:
    """The files of a saved model, which are those of one saving.

    Attributes:
        config_path: ``config.json``.
        weights_path: ``model.safetensors``.
    """

    config_path: Path
    weights_path: Path

    def config(self, config_type: type[ConfigT], kind: str) -> ConfigT:
        """Returns the config.

        Args:
            config_type: Its class.
            kind: The format that the folder must have, such as ``"vpt-gym/1"``.

        Raises:
            WrongFile: The folder is of another format.
            CorruptCheckpoint: ``config.json`` is not JSON, or not the text of a config of this class.
        """
        path = self.config_path
        if (size := path.stat().st_size) > _MAX_CONFIG_BYTES:
            raise CorruptCheckpoint(f"{path} has {size:,} bytes; a config takes less than 1,000. Is it another file?")
        try:
            description = parse_json(path.read_text(encoding="utf-8"))
        except ValueError as error:  # also an integer of thousands of digits, or deep nesting
            raise CorruptCheckpoint(f"{path} is not readable JSON: {error}") from error
        if not isinstance(description, dict) or description.get("format") != kind:
            found = description.get("format") if isinstance(description, dict) else None
            raise WrongFile(f'{path} has the format {found!r}, not "{kind}"')
        try:
            return config_type.from_json(json.dumps(description.get("config")))
        except (TypeError, ValueError) as error:
            raise CorruptCheckpoint(f"{path} holds no usable config: {error}") from error


def has_model(folder: str | Path) -> bool:
    """Returns whether a folder has the config of a saved model, which may be damaged."""
    return _newest(user_path(folder), CONFIG_NAME).is_file()


@contextmanager
def open_folder(folder: str | Path) -> Iterator[SavedModel]:
    """Finds the files of a saved model, and keeps them from being replaced until the context ends.

    Raises:
        WrongFile: A file is missing.
    """
    folder = user_path(folder)
    with folder_lock(folder, shared=True):
        paths = [_newest(folder, name) for name in (CONFIG_NAME, WEIGHTS_NAME)]
        for path in paths:
            if not path.is_file():
                raise WrongFile(f"{folder} has no {path.name}: it is not a folder written by save_pretrained")
        yield SavedModel(*paths)


def write_folder(
    folder: str | Path, module: nn.Module, config: str, *, kind: str, stored_as: StoredAs = "fp32"
) -> None:
    """Writes a model. If this fails at any moment, the folder still holds the model that it held before.

    Args:
        folder: Where to write; made if it does not exist. Other files in it are left alone.
        module: The model whose state is written.
        config: Its config as a JSON object.
        kind: The format of the folder, such as ``"vpt-gym/1"``.
        stored_as: Number type of the large matrices in the file.

    Raises:
        ValueError: The parameters are not float32, hold NaN or infinity, or there is no such number type.
        OSError: The files cannot be written, for example because the disk is full.
    """
    if stored_as not in get_args(StoredAs):
        raise ValueError(f"stored_as is {stored_as!r}; it must be {' or '.join(get_args(StoredAs))}")
    state = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    if other := {str(value.dtype) for value in state.values()} - {"torch.float32"}:
        raise ValueError(f"the parameters are {', '.join(sorted(other))}; files hold float32: save model.float()")
    if bad := not_finite(state.items()):  # no reader takes such a file, and it would replace one that is good
        raise ValueError(
            f"{folder} is not written, since the parameters hold NaN or infinity in {len(bad)} tensor(s)"
            f"{examples(bad)}: the training has diverged. Continue from an earlier checkpoint"
        )
    if stored_as == "int8":
        state = pack(state)
    folder = user_path(folder)
    make_directory(folder)
    description = {"format": kind, "config": json.loads(config)}
    written = folder / _WRITTEN
    with folder_lock(folder):
        _finish(folder)
        shutil.rmtree(written, ignore_errors=True)  # left by a process that was killed
        try:
            written.mkdir()
            (written / CONFIG_NAME).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
            save_file(state, written / WEIGHTS_NAME)
            # safetensors makes files that only their owner can read; the config has the mode of the user's umask
            (written / WEIGHTS_NAME).chmod((written / CONFIG_NAME).stat().st_mode & 0o777)
            for path in (written / CONFIG_NAME, written / WEIGHTS_NAME, written):
                sync(path)
        except BaseException as error:
            shutil.rmtree(written, ignore_errors=True)
            if isinstance(error, safetensors.SafetensorError):
                raise OSError(f"{folder / WEIGHTS_NAME} cannot be written: {error}") from error
            raise
        written.rename(folder / _COMPLETE)
        sync(folder)
        _finish(folder)


def _newest(folder: Path, name: str) -> Path:
    """Returns the path of a file of the folder's model."""
    waiting = folder / _COMPLETE / name
    return waiting if waiting.is_file() else folder / name


def _finish(folder: Path) -> None:
    """Moves the files of a complete pair to their place."""
    complete = folder / _COMPLETE
    if not complete.is_dir():
        return
    for name in (CONFIG_NAME, WEIGHTS_NAME):
        if (complete / name).is_file():
            os.replace(complete / name, folder / name)
    sync(folder)
    shutil.rmtree(complete)  # other programs may have put files of their own into it
