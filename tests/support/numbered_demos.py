"""Small demos whose frames identify episode and tick, and datasets of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from tests.support.frame_counter_env import counter_frame
from vpt_gym.actions.human import HumanAction, human_action, no_op
from vpt_gym.demos import DemoDataset, DemoWriter, SequenceBatch

SIZE = (32, 48)
FRAME_BYTES = SIZE[0] * SIZE[1] * 3


def action_at(episode: int, tick: int) -> HumanAction:
    """An action that identifies its episode by a hotbar key; null in every fourth tick; motion in ticks 10 to 12."""
    if tick % 4 == 3:
        return no_op()
    return human_action(f"hotbar.{episode % 9 + 1}", camera=(0.0, 5.0 if 10 <= tick <= 12 else 0.0))


def write_episode(directory: Path, episode: int, ticks: int) -> Path:
    """Returns the ``<id>.json``."""
    with DemoWriter(directory) as writer:
        for t in range(ticks):
            writer.append(counter_frame(t, SIZE, episode), action_at(episode, t))
        path = writer.close()
    assert path is not None
    return path


def write_episodes(directory: Path, lengths: Iterable[int]) -> Path:
    """Writes an episode of each length; returns the directory."""
    for episode, ticks in enumerate(lengths):
        write_episode(directory, episode, ticks)
    return directory


def make_dataset(demos: Any, **options: Any) -> DemoDataset:
    return DemoDataset(demos, **{"seq_len": 8, "batch_size": 3, "frame_size": SIZE, "drop_null": "mask", **options})


def equal(one: SequenceBatch, other: SequenceBatch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
