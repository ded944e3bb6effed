"""Recording on a real Ray cluster of two nodes: the demos of one process, whatever dies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.ray_cluster import NODE, two_nodes
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.rollouts import Episode
from vpt_gym.collect.run import record
from vpt_gym.collect.session import Recording
from vpt_gym.demos import check, list_demos, read_demo

RAY = RayArgs(address="auto", workers=2)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_nodes() as cluster:
        yield cluster


def counter(
    directory: Path, env: str = "tests.support.scripted_counter:ScriptedCounter-v0", **kwargs: Any
) -> Recording:
    return Recording(
        out=directory,
        env=EnvArgs(env, json.dumps(kwargs)),
        expert=("tests.support.scripted_counter:CounterExpert",),
        episodes=8,
        disturbance=0.3,
        num_envs=4,
    )


def contents(directory: Path) -> dict[int, tuple[bytes, bytes]]:
    """The records and the video of each demo, by its seed; a seed that is there twice fails."""
    found: dict[int, tuple[bytes, bytes]] = {}
    for path in list_demos(directory):
        seed = read_demo(path).metadata["seed"]
        assert seed not in found
        found[seed] = path.with_suffix(".jsonl").read_bytes(), path.with_suffix(".mp4").read_bytes()
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[bytes, bytes]]:
    directory = tmp_path_factory.mktemp("one_process")
    record(replace(counter(directory), num_envs=1))
    return contents(directory)


def test_the_demos_are_those_of_one_process(cluster: Any, tmp_path: Path, expected: Any) -> None:
    seen: list[Episode] = []
    recorded = record(counter(tmp_path), ray=RAY, on_episode=seen.append)
    assert contents(tmp_path) == expected
    assert check(tmp_path) == []
    assert sorted(episode.seed for episode in seen) == list(range(12))[: len(seen)]
    assert recorded.demos == 8
    assert recorded.played == len(seen)
    assert record(counter(tmp_path), ray=RAY).played == 0


def test_a_worker_that_is_killed_loses_no_episode_and_doubles_none(cluster: Any, tmp_path: Path, expected: Any) -> None:
    killed = tmp_path / "killed"
    mortal = counter(tmp_path / "demos", "tests.support.mortal_env:MortalCounter-v0", killed=str(killed), seed=3)
    seen: list[Episode] = []
    record(mortal, ray=RAY, on_episode=seen.append)
    assert killed.exists()
    assert contents(tmp_path / "demos") == expected
    assert len({episode.seed for episode in seen}) == len(seen)


def test_a_node_that_dies_loses_no_episode_and_doubles_none(cluster: Any, tmp_path: Path, expected: Any) -> None:
    node = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    seen: list[Episode] = []

    def remove_node(episode: Episode) -> None:
        if not seen:
            cluster.remove_node(node, allow_graceful=False)
        seen.append(episode)

    # three workers, and room for two after the death: the third waits for room, which must delay nothing
    slow = counter(tmp_path, pause=0.05)
    record(slow, ray=replace(RAY, workers=3), on_episode=remove_node)
    assert {seed: records for seed, (records, _) in contents(tmp_path).items()} == {
        seed: records for seed, (records, _) in expected.items()
    }
    assert len({episode.seed for episode in seen}) == len(seen)


def test_an_error_in_a_worker_is_raised_here(cluster: Any, tmp_path: Path) -> None:
    recording = replace(counter(tmp_path), expert=("tests.support.scripted_counter:FailingExpert",))
    with pytest.raises(ArithmeticError, match="wits' end"):
        record(recording, ray=RAY)
    assert list_demos(tmp_path) == []
