"""A saved model is always one model: whatever happens while it is replaced, the folder holds the old one or the new."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.published_files import SMALL_1X
from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.checkpoints.errors import CorruptCheckpoint
from vpt_gym.agents.checkpoints.policy import load_folder
from vpt_gym.agents.describe import describe
from vpt_gym.agents.idm.agent import IDMAgent
from vpt_gym.system.file_lock import folder_lock

FILES = ["config.json", "model.safetensors"]
OLD = VPTAgent.from_config(SMALL_1X, seed=1, precision=None)
NEW = VPTAgent.from_config(replace(SMALL_1X, hidsize=32, n_recurrence_layers=2), seed=2, precision=None)
STEPS = ("os.mkdir", "os.rename", "os.chmod", "os.rmdir", "open")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def is_same(one: VPTAgent, other: VPTAgent) -> bool:
    state = other.policy.state_dict()
    return one.policy.config == other.policy.config and all(
        torch.equal(value, state[key]) for key, value in one.policy.state_dict().items()
    )


def in_a_process(action: Callable[[], None]) -> int:
    """Runs an action in a forked process; returns the number of the signal that ended it, 0 if none did."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) * -1


def killed_at(step: int, action: Callable[[], None]) -> int:
    """Runs an action in a process that is killed before its n-th step on files."""

    def run() -> None:
        count = 0

        def kill(event: str, _: tuple[object, ...]) -> None:
            nonlocal count
            if event in STEPS:
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1

        sys.addaudithook(kill)
        action()

    return in_a_process(run)


def test_a_saving_killed_at_any_step_leaves_the_old_or_the_new_agent(tmp_path: Path) -> None:
    found = []
    for step in range(100):
        folder = tmp_path / str(step)
        OLD.save_pretrained(folder)
        killed = killed_at(step, lambda folder=folder: NEW.save_pretrained(folder))
        agent = VPTAgent.from_pretrained(folder, precision=None)
        found.append("old" if is_same(agent, OLD) else "new" if is_same(agent, NEW) else "neither")
        assert describe([folder])[0].ok
        OLD.save_pretrained(folder)  # the next saving cleans up
        assert names(folder) == FILES
        assert is_same(VPTAgent.from_pretrained(folder, precision=None), OLD)
        if not killed:
            break
    assert killed == 0
    assert found.count("old") > 3
    assert found.count("new") > 3
    assert found == sorted(found, reverse=True)  # old until the change, new from then on


def test_files_of_other_programs_do_not_stop_a_saving(tmp_path: Path) -> None:
    OLD.save_pretrained(tmp_path)
    (tmp_path / ".saved").mkdir()
    (tmp_path / ".saved" / ".DS_Store").touch()
    NEW.save_pretrained(tmp_path)
    assert names(tmp_path) == FILES
    assert is_same(VPTAgent.from_pretrained(tmp_path, precision=None), NEW)


def test_another_kind_of_model_replaces_it_whole_too(tmp_path: Path) -> None:
    model = IDMAgent.from_config("tiny", seed=0)
    found = set()
    for step in range(100):
        folder = tmp_path / str(step)
        OLD.save_pretrained(folder)
        killed = killed_at(step, lambda folder=folder: model.save_pretrained(folder))
        [description] = describe([folder])
        assert description.ok, (step, description.problem)
        found.add(description.kind)
        if not killed:
            break
    assert found == {"policy", "inverse dynamics model"}


def test_a_failed_saving_leaves_nothing_behind(tmp_path: Path) -> None:
    OLD.save_pretrained(tmp_path)

    def save() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # like a full disk
        try:
            NEW.save_pretrained(tmp_path)
        except OSError as error:
            if "model.safetensors cannot be written" in str(error):
                os.kill(os.getpid(), signal.SIGUSR1)

    assert in_a_process(save) == signal.SIGUSR1
    assert names(tmp_path) == FILES
    assert is_same(VPTAgent.from_pretrained(tmp_path, precision=None), OLD)


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    OLD.save_pretrained(tmp_path)
    NEW.save_pretrained(tmp_path)
    assert names(tmp_path) == ["README.md", *FILES]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_the_files_have_the_mode_of_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        OLD.save_pretrained(tmp_path)
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in FILES} == {mode}


def test_a_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    OLD.save_pretrained(tmp_path)
    tmp_path.chmod(0o555)
    try:
        assert is_same(VPTAgent.from_pretrained(tmp_path, precision=None), OLD)
    finally:
        tmp_path.chmod(0o755)


def test_a_saving_waits_for_a_reader(tmp_path: Path) -> None:
    """Otherwise the reader could take the old config and the new weights."""
    OLD.save_pretrained(tmp_path)
    saving = threading.Thread(target=NEW.save_pretrained, args=(tmp_path,))
    with folder_lock(tmp_path, shared=True):
        saving.start()
        saving.join(0.2)
        assert saving.is_alive()
        assert is_same(VPTAgent.from_pretrained(tmp_path, precision=None), OLD)  # another reader does not wait
    saving.join()
    assert is_same(VPTAgent.from_pretrained(tmp_path, precision=None), NEW)


@pytest.mark.parametrize(
    "config",
    [
        "[" * 60_000,
        '{"format": "vpt-gym/1", "config": {"hidsize": ' + "9" * 5_000 + "}}",
        '{"format": "vpt-gym/1", "config": {"hidsize": 1e999}}',
        '{"format": "vpt-gym/1", "config": [[[]]]}',
        json.dumps({"format": "vpt-gym/1", "config": {}, "more": "x" * 100_000}),
    ],
)
def test_an_odd_config_is_refused(tmp_path: Path, config: str) -> None:
    OLD.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(CorruptCheckpoint, match=r"config\.json"):
        load_folder(tmp_path)
    assert "config.json" in describe([tmp_path])[0].problem


@pytest.mark.parametrize("stored_as", ["fp32", "int8"])
def test_weights_that_are_not_finite_replace_nothing(tmp_path: Path, stored_as: Any) -> None:
    OLD.save_pretrained(tmp_path)
    diverged = VPTAgent.from_config(SMALL_1X, seed=1, precision=None)
    with torch.no_grad():
        diverged.policy.net.lastlayer.layer.weight[0, 0] = torch.inf
    with pytest.raises(ValueError, match=r"NaN or infinity in 1 tensor\(s\)  net\.lastlayer\.layer\.weight"):
        diverged.save_pretrained(tmp_path, stored_as=stored_as)
    assert is_same(VPTAgent.from_pretrained(tmp_path), OLD)


def test_weights_of_another_number_type_replace_nothing(tmp_path: Path) -> None:
    OLD.save_pretrained(tmp_path)
    half = VPTAgent.from_config(SMALL_1X, seed=3, precision=None)
    half.policy.half()
    with pytest.raises(ValueError, match=r"the parameters are torch\.float16.*; files hold float32: save model\.float"):
        half.save_pretrained(tmp_path)
    assert is_same(VPTAgent.from_pretrained(tmp_path), OLD)
