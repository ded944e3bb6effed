"""Threads and forks that share agents, recorders and caches, with random pauses where work is handed over."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from tests.support.counter_demos import write_counter_demo
from tests.support.frame_counter_env import FrameCounterEnv, read_counter
from tests.support.small_policy import SMALL, small_policy
from vpt_gym import RecorderWrapper, VPTAgent
from vpt_gym.actions.human import no_op
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.demos import DemoWriter, FrameCache, check, list_demos, read_demo, repair
from vpt_gym.learning.features import FeatureCache

fcntl = pytest.importorskip("fcntl")
SIZE = (32, 48)
PAUSE = 0.003
WAIT = 300.0
"""Seconds after which something counts as hanging."""
Given = TypeVar("Given")
Result = TypeVar("Result")


@pytest.fixture(autouse=True)
def _frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def _pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses for a random moment before and after each file that is renamed or locked."""
    rng = random.Random(0)

    def slowed(function: Callable[..., Result]) -> Callable[..., Result]:
        def slow(*args: Any) -> Result:
            time.sleep(rng.uniform(0, PAUSE))
            result = function(*args)
            time.sleep(rng.uniform(0, PAUSE))
            return result

        return slow

    for module, name in ((os, "replace"), (os, "rename"), (fcntl, "flock")):
        monkeypatch.setattr(module, name, slowed(getattr(module, name)))


def in_threads(function: Callable[[Given], Result], arguments: Iterable[Given]) -> list[Result]:
    """Calls a function in a thread for each argument, all at once."""
    given = list(arguments)
    begin = threading.Barrier(len(given))

    def run(argument: Given) -> Result:
        begin.wait()
        return function(argument)

    with ThreadPoolExecutor(len(given)) as pool:
        return list(pool.map(run, given))


@contextmanager
def fork() -> Iterator[None]:
    """A copy of this process that lives until the block ends, with all files that are open now."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 and newer warn of threads, which is what this tests
        child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    try:
        yield
    finally:
        os.close(writer)
        os.waitpid(child, 0)


def within(seconds: float, function: Callable[[], Result]) -> Result:
    """Calls a function that would otherwise wait forever."""
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"it still waits after {seconds} s"
    return results[0]


def test_threads_make_the_agents_of_their_seeds() -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        return [*VPTAgent.from_config(SMALL, seed=seed).policy.state_dict().values()]

    state = torch.get_rng_state()
    alone = [weights(seed) for seed in range(4)]
    for _ in range(3):
        for made, expected in zip(in_threads(weights, range(4)), alone, strict=True):
            assert all(map(torch.equal, made, expected))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("precision", [None, "fp32"])
def test_agents_in_threads_share_a_policy_and_act_as_each_would_alone(precision: Any) -> None:
    policy = VPTAgent.from_config("nano", seed=0).policy
    frames = np.random.default_rng(0).integers(0, 256, (6, 128, 128, 3), np.uint8)

    def codes(seed: int) -> list[list[int]]:
        agent, rng = VPTAgent(policy, precision=precision), random.Random(seed)
        agent.reset(seed=seed)
        acted = []
        for tick, frame in enumerate(frames):
            acted.append(agent.act(np.roll(frame, seed, 0), first=tick == 0).tolist())
            time.sleep(rng.uniform(0, PAUSE))
        return acted

    alone = [codes(seed) for seed in range(3)]
    assert in_threads(codes, range(3)) == alone


@pytest.mark.usefixtures("_pauses")
def test_recorders_in_threads_share_a_directory_which_others_check_and_repair(tmp_path: Path) -> None:
    (tmp_path / "demos").mkdir()
    recording = threading.Event()
    recording.set()
    found: list[object] = []

    def record(name: int) -> None:
        env = RecorderWrapper(FrameCounterEnv(size=SIZE), tmp_path / "demos", metadata={"name": name})
        rng = random.Random(name)
        for episode in range(4):
            env.unwrapped.length = rng.choice([1, 9, 10, 11, 25])
            env.reset(options={"episode": 10 * name + episode})
            while not env.step(no_op())[2]:
                time.sleep(rng.choice([0.0, 0.0, PAUSE]))
        env.close()

    def look(name: int) -> None:
        while recording.is_set():
            for path in list_demos(tmp_path / "demos"):
                read_demo(path)
            found.extend(repair(tmp_path / "demos", interrupted_only=True))
            time.sleep(PAUSE)

    with ThreadPoolExecutor(2) as pool:
        looking = pool.submit(look, 0)
        try:
            in_threads(record, range(3))
        finally:
            recording.clear()
        looking.result()
    # a recorder that has made the file of records and not locked it yet may lose it to `repair`, and makes another
    assert [str(each) for each in found if not str(each).endswith("its files were removed")] == []
    demos = [read_demo(path) for path in list_demos(tmp_path / "demos")]
    assert len(demos) == 12
    for demo in demos:
        shown = [read_counter(frame) for frame in demo.frames()]
        assert shown == [(tick, shown[0][1]) for tick in range(len(demo))]
        assert shown[0][1] // 10 == demo.metadata["name"]
    assert check(tmp_path / "demos") == []


@pytest.mark.usefixtures("_pauses")
def test_threads_fill_one_cache_of_features_and_get_the_same(tmp_path: Path) -> None:
    demo = read_demo(write_counter_demo(tmp_path / "demos", ticks=5, size=SIZE))
    policy = small_policy()
    freeze(policy, "net.img_process.*")
    caches = [FeatureCache(policy, directory=tmp_path / "cache") for _ in range(3)]
    found = in_threads(lambda cache: np.array(cache.frames(demo)), caches)
    assert all(np.array_equal(features, found[0]) for features in found)
    assert found[0].any()
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_fork_at_a_hand_over_of_the_cache_does_not_keep_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demos = [read_demo(write_counter_demo(tmp_path / "demos", ticks=5, size=SIZE)) for _ in range(2)]
    cache = FrameCache(size=SIZE, max_bytes=0, directory=tmp_path / "cache")
    replace, forks = os.replace, []

    def replace_in_a_forked_process(source: Any, target: Any) -> None:
        forks.append(fork())  # as a training does that makes its envs while the cache is filled
        forks[-1].__enter__()
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_in_a_forked_process)
    cache.frames(demos[0])
    monkeypatch.undo()
    try:
        other = FrameCache(size=SIZE, max_bytes=0, directory=tmp_path / "cache")
        frames = within(WAIT, lambda: [len(other.frames(demo)) for demo in demos])
    finally:
        for each in forks:
            each.__exit__(None, None, None)
    assert frames == [5, 5]
    assert len(forks) == 1


def test_a_fork_of_a_recording_process_does_not_keep_the_finished_demo_locked(tmp_path: Path) -> None:
    writer = DemoWriter(tmp_path)
    for tick in range(12):
        writer.append(np.full((*SIZE, 3), tick, np.uint8), no_op())
    with fork():
        path = writer.close()
        assert path is not None
        records = path.with_suffix(".jsonl")
        records.write_bytes(records.read_bytes()[:-5])  # damaged later, while the fork is still alive
        (done,) = repair(tmp_path)
        assert done.ticks == 11
    assert len(read_demo(path)) == 11


def test_a_fork_acts_as_its_parent_does() -> None:
    """With one thread of torch: others do not survive a fork, and it would wait for them forever."""
    agent, other = (VPTAgent(small_policy(), precision=None) for _ in range(2))
    frames = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    reader, writer = os.pipe()
    try:
        agent.reset(seed=0)
        expected = agent.act(frames, first=np.ones(4, bool))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            try:
                other.reset(seed=0)
                os.write(writer, b"01"[np.array_equal(other.act(frames, first=np.ones(4, bool)), expected) :][:1])
            finally:
                os._exit(0)
        try:
            assert within(WAIT, lambda: os.read(reader, 1)) == b"1"
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    finally:
        torch.set_num_threads(threads)
        os.close(reader)
        os.close(writer)
