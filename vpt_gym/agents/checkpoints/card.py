"""The model card of a saved model, and its upload to the Hugging Face Hub."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from torch import nn

from vpt_gym.agents.checkpoints.saved_folder import open_folder
from vpt_gym.agents.policy.architecture import Architecture
from vpt_gym.agents.policy.config import NAMED, VPTConfig
from vpt_gym.agents.policy.trainable import count_parameters
from vpt_gym.hub.card import CARD, LIBRARY, About, Card, success_index
from vpt_gym.hub.upload import require_hub, upload
from vpt_gym.system.user_path import user_path

_HOME = "https://github.com/vpt-gym/vpt-gym"
_TAGS = ("vpt-gym", "vpt", "minecraft")
_LIMITS = {
    "VPTAgent": "It sees 20 frames of 128x128 pixels in a second, and nothing else. How it acts in pictures of another "
    "game than that of its data is unknown.",
    "IDMAgent": "It knows the pictures of its data alone. A key without a visible effect cannot be seen.",
}


def model_card(network: nn.Module, config: Architecture, about: About, *, source: str) -> Card:
    """Returns the card of a model.

    Args:
        network: The policy or the inverse dynamics model.
        config: Its config.
        about: What its author says about it.
        source: What ``from_pretrained`` is given: the id on the Hub, or a folder.
    """
    agent = "VPTAgent" if isinstance(config, VPTConfig) else "IDMAgent"
    title = about.title or Path(source).name
    load = f"```python\nfrom vpt_gym import {agent}\n\nagent = {agent}.from_pretrained({_literal(source)})\n```"
    if isinstance(config, VPTConfig) and config.goal_size is None and config.action_sizes is None:
        load += f"\n\n```console\nvpt-gym play --agent {shlex.quote(source)} --agent-first\n```"
    points = {"Limits": _LIMITS[agent], **about.points()}
    order = ("Data", "Recipe", "Figures", "Limits", "Licence")
    return Card(
        title,
        about.summary or _summary(network, config),
        load,
        {name: points[name] for name in order if name in points},
        {
            "license": about.license,
            "library_name": LIBRARY,
            "pipeline_tag": "reinforcement-learning" if agent == "VPTAgent" else None,
            "tags": list(dict.fromkeys((*_TAGS, *about.tags))),
            "model-index": success_index(title, about.success),
        },
    )


def push_model(
    save: Callable[[Path, str], None],
    repo_id: str,
    *,
    private: bool,
    revision: str | None,
    message: str,
) -> str:
    """Saves a model in a folder of its own and uploads it; returns the address.

    Args:
        save: Writes the model and its card, given the folder and the name under which it will be loaded.
        repo_id: ``"organisation/name"``.
        private: As for ``hub.upload.upload``, like the rest.
        revision: See there.
        message: See there.

    Raises:
        DependencyNotInstalled: huggingface_hub is not installed.
        UploadError: The Hub cannot be reached, or refuses.
        ValueError: The id is not ``organisation/name``.
    """
    require_hub(repo_id)
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder), repo_id)
        return upload(Path(folder), repo_id, repo_type="model", private=private, revision=revision, message=message)


def push_folder(folder: Path, repo_id: str, *, card: str, private: bool, revision: str | None, message: str) -> str:
    """Uploads a saved model as it is, with a card; returns the address. Arguments and errors as :func:`push_model`.

    Args:
        folder: The folder of the model.
        repo_id: ``"organisation/name"``.
        card: The text of the card.
        private: As for ``hub.upload.upload``, like the rest.
        revision: See there.
        message: See there.
    """

    def copy(target: Path, source: str) -> None:
        with open_folder(folder) as saved:
            for path in (saved.config_path, saved.weights_path):
                shutil.copyfile(path, target / path.name)
        (target / CARD).write_text(card, encoding="utf-8")

    return push_model(copy, repo_id, private=private, revision=revision, message=message)


def write_card(
    folder: str | Path, card: About | str, network: nn.Module, config: Architecture, *, source: str | None = None
) -> None:
    """Writes the card of a saved model beside it.

    Args:
        folder: The folder of the model.
        card: What its author says, or the whole text.
        network: The model.
        config: Its config.
        source: What ``from_pretrained`` will be given; default: the folder.
    """
    if isinstance(card, About):
        card = model_card(network, config, card, source=str(folder) if source is None else source).text()
    (user_path(folder) / CARD).write_text(card, encoding="utf-8")


def _literal(text: str) -> str:
    """Returns a text as one of Python's, in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def _summary(network: nn.Module, config: Architecture) -> str:
    millions = count_parameters(network).total / 1e6
    size = next((f" of size `{name}`" for name, known in NAMED.items() if known == config), "")
    if not isinstance(config, VPTConfig):
        return (
            f"An inverse dynamics model ({millions:,.1f} million parameters) for [vpt-gym]({_HOME}): it infers the "
            "action of each tick from a video."
        )
    acts = "VPT's actions: 8,641 combinations of buttons and 121 camera movements"
    if config.action_sizes is not None:
        acts = f"an environment's own actions, of {', '.join(map(str, config.action_sizes))} alternatives"
    goals = f" It acts on goals, embeddings of {config.goal_size} values." if config.goal_size else ""
    return (
        f"A VPT policy{size} ({millions:,.1f} million parameters) for [vpt-gym]({_HOME}). It sees a frame of the game "
        f"and chooses among {acts}.{goals}"
    )
