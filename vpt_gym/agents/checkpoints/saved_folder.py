"""The folder of a saved model: its architecture in ``config.json``, its weights in ``model.safetensors``."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

from vpt_gym.agents.checkpoints.errors import CorruptCheckpoint, WrongFile

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"


def write_folder(folder: str | Path, module: nn.Module, config: str, *, kind: str) -> None:
    """Writes a model; each file appears complete or not at all.

    Args:
        folder: Where to write; made if it does not exist.
        module: The model whose state is written.
        config: Its config as a JSON object.
        kind: The format of the folder, such as ``"vpt-gym/1"``.

    Raises:
        ValueError: The parameters are not float32.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    if other := {str(value.dtype) for value in state.values()} - {"torch.float32"}:
        raise ValueError(f"the parameters are {', '.join(sorted(other))}; files hold float32: save model.float()")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    description = {"format": kind, "config": json.loads(config)}
    for name in (WEIGHTS_NAME, CONFIG_NAME):
        temporary = folder / f".{name}.partial"
        if name == WEIGHTS_NAME:
            save_file(state, temporary)
        else:
            temporary.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, folder / name)


def read_folder(folder: str | Path, *, kind: str) -> str:
    """Returns the config of a saved model as JSON.

    Raises:
        WrongFile: A file is missing, or the folder is of another format.
        CorruptCheckpoint: ``config.json`` is not JSON.
    """
    folder = Path(folder)
    for name in (CONFIG_NAME, WEIGHTS_NAME):
        if not (folder / name).is_file():
            raise WrongFile(f"{folder} has no {name}: it is not a folder written by save_pretrained")
    try:
        description = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CorruptCheckpoint(f"{folder / CONFIG_NAME} is not readable JSON: {error}") from error
    if not isinstance(description, dict) or description.get("format") != kind:
        found = description.get("format") if isinstance(description, dict) else None
        raise WrongFile(f'{folder / CONFIG_NAME} has the format {found!r}, not "{kind}"')
    return json.dumps(description.get("config"))
