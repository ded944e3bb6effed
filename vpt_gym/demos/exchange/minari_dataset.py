"""Writing one Minari dataset, episode by episode, and giving it its name when it is whole."""

from __future__ import annotations

import copy
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from vpt_gym._version import __version__
from vpt_gym.actions.human import no_op
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.exchange.action_spaces import ActionKind, encode
from vpt_gym.demos.exchange.exporting import exported_metadata, has_labels
from vpt_gym.demos.files.atomic import sync
from vpt_gym.demos.files.records import stack_actions
from vpt_gym.frames import Frame
from vpt_gym.system.require import require

DEMO_KEY = "vpt_gym_demo"
"""Key of an episode's metadata in Minari: the metadata of the demo, as JSON."""

ABOUT = {"author", "author_email", "algorithm_name", "code_permalink", "description"}
"""What may be told of a dataset, in Minari's words."""


def require_minari() -> Any:
    """Returns the module ``minari``.

    Raises:
        DependencyNotInstalled: Minari, or h5py, is not installed.
    """
    note = "Minari needs Python 3.11 or newer" if sys.version_info < (3, 11) else ""
    require("h5py", "minari", purpose="Minari", note=note)  # Minari imports it too late for a good message
    return require("minari", "minari", purpose="the exchange with Minari", note=note)


def datasets_directory() -> Path:
    """Returns where Minari keeps its datasets."""
    from minari.storage import get_dataset_path

    return Path(get_dataset_path())


def path_of(dataset_id: str) -> Path:
    """Returns where the dataset of an id is, or would be.

    Raises:
        ValueError: It is no id.
    """
    from minari.dataset.minari_dataset import parse_dataset_id

    try:
        parse_dataset_id(dataset_id)
    except (ValueError, TypeError) as error:  # without a version Minari fails with a TypeError
        raise ValueError(
            f"{dataset_id!r} is no id of a Minari dataset: it is a name with a version, and a namespace where wanted, "
            "such as vpt/harvest-1-log-v0"
        ) from error
    return datasets_directory() / dataset_id


def env_spec_of(environments: list[tuple[str, dict[str, Any]] | None]) -> tuple[EnvSpec | None, tuple[str, ...]]:
    """Returns what makes the environment of all the demos, or why there is none."""
    if len(environments) != 1:
        return None, (f"the demos come from {len(environments)} environments, so none can be recovered",)
    if environments[0] is None:
        return None, ("the demos do not say their environment, so none can be recovered",)
    env_id, kwargs = environments[0]
    try:
        spec = copy.deepcopy(gym.spec(env_id))
    except gym.error.Error:
        return None, (f"{env_id} is not registered with Gymnasium, so it cannot be recovered",)
    spec.kwargs = kwargs
    try:
        spec.to_json()
    except (TypeError, ValueError) as error:  # its entry point is not a name, say
        return None, (f"{env_id} cannot be recovered, since what makes it cannot be written down: {error}",)
    return spec, ()


def write_episode(storage: Any, index: int, demo: Demo, observations: Frame, actions: ActionKind) -> None:
    """Writes a demo as the next episode.

    Args:
        storage: A ``MinariStorage``.
        index: How many episodes it has.
        demo: The demo.
        observations: Its frames, uint8 (T + 1, H, W, 3).
        actions: What its actions are said in.
    """
    from minari.data_collector import EpisodeBuffer

    last = np.zeros(len(demo), np.bool_)
    last[-1] = True
    terminated = demo.metadata.get("ended") == "terminated"
    infos: dict[str, Any] = {}
    if demo.success is not None:
        infos["success"] = np.append([False], last & demo.success)
    if has_labels(demo):
        executed = encode(demo.executed, actions)
        infos["executed"] = _after_reset(executed, encode(stack_actions([no_op()]), actions))
    seed = demo.metadata.get("seed")
    storage.update_episodes(
        [
            EpisodeBuffer(
                id=index,
                seed=seed if isinstance(seed, int) else None,
                observations=observations,
                actions=encode(demo.actions, actions),
                rewards=demo.rewards,
                terminations=last & terminated,
                truncations=last & (not terminated),
                infos=infos,
            )
        ]
    )
    metadata = exported_metadata(demo)
    told = {"demo_id": demo.id, "success": demo.success}
    told |= {name: metadata.get(name) for name in ("env_id", "task", "ended")}
    told = {name: value for name, value in told.items() if value is not None}  # HDF5 has no word for None
    storage.update_episode_metadata([{**told, DEMO_KEY: json.dumps(metadata)}], [index])


def _after_reset(actions: Any, at_reset: Any) -> Any:
    """Returns actions as infos: what goes with the reset first, then those of the steps."""
    if isinstance(actions, Mapping):
        return {name: _after_reset(entry, at_reset[name]) for name, entry in actions.items()}
    return np.concatenate([at_reset, actions])


def dataset_metadata(dataset_id: str, actions: ActionKind, about: Mapping[str, str]) -> dict[str, Any]:
    """Returns what Minari is told of a dataset; ``about`` has entries of ``ABOUT``."""
    import minari

    told: dict[str, Any] = {name: value for name, value in about.items() if not name.startswith("author")}
    told |= {name: {value} for name, value in about.items() if name.startswith("author")}  # Minari has sets of these
    return {
        "dataset_id": dataset_id,
        "minari_version": minari.__version__,
        "description": "Demonstrations of vpt-gym. The last observation of an episode repeats the one before it.",
        "requirements": [f"vpt-gym>={__version__}"],
        "vpt_gym": {"version": __version__, "actions": actions},
        **told,
    }


def publish(dataset: Path, final: Path, dataset_id: str) -> None:
    """Gives a whole dataset its final name; what has this name already is put beside ``dataset``."""
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.namespace import create_namespace, list_local_namespaces

    for path in (dataset / "data").iterdir():
        sync(path)
    namespace = parse_dataset_id(dataset_id)[0]
    if namespace is not None and namespace not in list_local_namespaces():
        create_namespace(namespace)
    if not final.exists():
        os.replace(dataset, final)
        return
    former = dataset.with_name("replaced")
    os.replace(final, former)
    try:
        os.replace(dataset, final)
    except BaseException:
        os.replace(former, final)
        raise
