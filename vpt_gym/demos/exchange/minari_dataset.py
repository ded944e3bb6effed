"""Writing one Minari dataset, episode by episode, and publishing it under its name when it is complete."""

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
from gymnasium.envs.registration import EnvSpec, WrapperSpec

from vpt_gym._version import __version__
from vpt_gym.actions.human import no_op
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.exchange.action_spaces import ActionKind, encode
from vpt_gym.demos.exchange.exporting import exported_metadata, has_labels
from vpt_gym.demos.exchange.game_state import state_texts
from vpt_gym.demos.exchange.importing import SourceError, reading
from vpt_gym.demos.files.records import stack_actions
from vpt_gym.frames import Frame, FrameKey
from vpt_gym.system.durable import sync
from vpt_gym.system.printable import printable, printable_name
from vpt_gym.system.require import require

DEMO_KEY = "vpt_gym_demo"
"""Key of an episode's metadata in Minari that holds the demo's metadata, as JSON."""

ABOUT = {"author", "author_email", "algorithm_name", "code_permalink", "description"}
"""Minari's keys for information about a dataset."""


def require_minari() -> Any:
    """Returns the module ``minari``.

    Raises:
        DependencyNotInstalled: Minari, or h5py, is not installed.
    """
    note = "Minari needs Python 3.11 or newer" if sys.version_info < (3, 11) else ""
    require("h5py", "minari", purpose="Minari", note=note)  # Minari imports it too late for a good message
    return require("minari", "minari", purpose="the exchange with Minari", note=note)


def datasets_directory() -> Path:
    """Returns the directory of Minari's datasets."""
    from minari.storage import get_dataset_path

    return Path(get_dataset_path())


def path_of(dataset_id: str) -> Path:
    """Returns the path that a dataset with this id has or would have.

    Raises:
        ValueError: The id is invalid.
    """
    from minari.dataset.minari_dataset import parse_dataset_id

    try:
        parse_dataset_id(dataset_id)
    except (ValueError, TypeError) as error:  # without a version Minari fails with a TypeError
        raise ValueError(
            f"{dataset_id!r} is not an id of a Minari dataset: it must be a name with a version, optionally after a "
            "namespace, such as vpt/harvest-1-log-v0"
        ) from error
    return datasets_directory() / dataset_id


_MOST_COMPRESSED = 1032
"""The most that deflate, the compression of HDF5, shrinks anything."""
_MOST_METADATA_BYTES = 1 << 24


def check_dataset_files(path: Path) -> None:
    """Checks that a dataset on disk does not claim to hold more than its files can, so that reading it stays in memory.

    Args:
        path: The directory of the dataset.

    Raises:
        SourceError: An array is larger than its file can hold, or a file is damaged.
    """
    import h5py

    for file in sorted((path / "data").iterdir()):
        if file.suffix == ".json" and file.stat().st_size > _MOST_METADATA_BYTES:
            raise SourceError(f"{file} has {file.stat().st_size:,} bytes; metadata take less than a megabyte")
        if file.suffix != ".hdf5":
            continue
        most = _MOST_COMPRESSED * file.stat().st_size
        too_large: list[str] = []

        def visit(name: str, item: Any, most: int = most, too_large: list[str] = too_large) -> None:
            if isinstance(item, h5py.Dataset) and (item.nbytes > most or item.external):
                too_large.append(f"{printable_name(name)}, {item.dtype} {item.shape}")

        with reading(file, "is damaged and cannot be read"), h5py.File(file, "r") as content:
            content.visititems(visit)
        if too_large:
            raise SourceError(f"{file} is damaged: it cannot hold {too_large[0]}; export or download it again")


_ACTION_WRAPPERS: dict[ActionKind, str] = {"human": "HumanActionWrapper", "codes": "VPTActionWrapper"}
"""The wrappers whose actions are those of a dataset; none has factored actions."""


def env_spec_of(
    environments: list[tuple[str, dict[str, Any]] | None],
    step_limits: set[int | None],
    frame_keys: set[FrameKey | None],
    size: tuple[int, int],
    actions: ActionKind,
) -> tuple[EnvSpec | None, tuple[str, ...]]:
    """Returns the spec of the environment of all demos, or None and the reason why there is none.

    Its wrappers give the observations and the actions of the dataset.

    Args:
        environments: Id and arguments of each different environment of the demos.
        step_limits: Their limits of steps; where there is one, it replaces that of the registration.
        frame_keys: The keys that their frames had in the observations; None where none was chosen.
        size: (height, width) of the dataset's frames.
        actions: The form of its actions.
    """
    if len(environments) != 1:
        return None, (f"the demos come from {len(environments)} environments, so Minari cannot recover one",)
    if environments[0] is None:
        return None, ("the demos do not name their environment, so Minari cannot recover it",)
    env_id, kwargs = environments[0]
    registered = gym.registry.get(env_id)  # gym.spec would import a module that the metadata name
    if registered is None:
        return None, (f"{printable_name(env_id)} is not registered with Gymnasium, so Minari cannot recover it",)
    if len(frame_keys) != 1:
        named = ", ".join(sorted("no chosen one" if key is None else printable(str(key)) for key in frame_keys))
        return None, (f"the demos took their frames from several keys ({named}), so Minari cannot recover one",)
    (key,) = frame_keys
    spec = copy.deepcopy(registered)
    spec.kwargs = kwargs
    if len(step_limits) == 1 and None not in step_limits:
        (spec.max_episode_steps,) = step_limits
    frame: dict[str, Any] = {"size": list(size)} | ({} if key is None else {"key": key})
    wrappers = [WrapperSpec("VPTObsWrapper", "vpt_gym.wrappers:VPTObsWrapper", frame)]
    if actions in _ACTION_WRAPPERS:
        name = _ACTION_WRAPPERS[actions]
        wrappers.append(WrapperSpec(name, f"vpt_gym.wrappers:{name}", {}))
    spec.additional_wrappers = (*spec.additional_wrappers, *wrappers)
    try:
        spec.to_json()
    except (TypeError, ValueError) as error:  # for example, its entry point is not a string
        return None, (f"Minari cannot recover {env_id}, since its spec cannot be written as JSON: {error}",)
    return spec, ()


def write_episode(storage: Any, index: int, demo: Demo, observations: Frame, actions: ActionKind) -> None:
    """Writes a demo as the next episode.

    Args:
        storage: A ``MinariStorage``.
        index: Number of episodes that it already has.
        demo: The demo.
        observations: Its frames, uint8 (T + 1, H, W, 3).
        actions: The form of the actions.
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
    if demo.intervention.any():
        infos["intervention"] = np.append([False], demo.intervention)
    if (states := state_texts(demo)) is not None:
        infos["state"] = [*states, states[-1]]  # of each observation, of which the last is repeated
    seed = demo.metadata.get("seed")
    storage.update_episodes(
        [
            EpisodeBuffer(
                id=index,
                seed=seed if isinstance(seed, int) and abs(seed) < 1 << 63 else None,  # what HDF5 has a type for
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
    entries = {"demo_id": printable_name(demo.id), "success": demo.success}
    said = {name: metadata.get(name) for name in ("env_id", "task", "ended")}
    entries |= {name: printable(value) for name, value in said.items() if isinstance(value, str)}
    entries = {name: value for name, value in entries.items() if value is not None}  # HDF5 cannot store None
    storage.update_episode_metadata([{**entries, DEMO_KEY: json.dumps(metadata)}], [index])


def _after_reset(actions: Any, at_reset: Any) -> Any:
    """Returns actions as infos: first the one for the reset, then those of the steps."""
    if isinstance(actions, Mapping):
        return {name: _after_reset(entry, at_reset[name]) for name, entry in actions.items()}
    return np.concatenate([at_reset, actions])


def dataset_metadata(dataset_id: str, actions: ActionKind, about: Mapping[str, str]) -> dict[str, Any]:
    """Returns the metadata of a dataset for Minari; the keys of ``about`` are from ``ABOUT``."""
    import minari

    entries: dict[str, Any] = {name: value for name, value in about.items() if not name.startswith("author")}
    # Minari stores sets of the authors and of their addresses
    entries |= {name: {value} for name, value in about.items() if name.startswith("author")}
    return {
        "dataset_id": dataset_id,
        "minari_version": minari.__version__,
        "description": "Demonstrations of vpt-gym. The last observation of an episode repeats the one before it.",
        "requirements": [f"vpt-gym>={__version__}"],
        "vpt_gym": {"version": __version__, "actions": actions},
        **entries,
    }


def publish(dataset: Path, final: Path, dataset_id: str) -> None:
    """Renames a complete dataset to its final name; a dataset that has this name is moved next to ``dataset``."""
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
