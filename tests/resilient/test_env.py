"""ResilientEnv: crashes, hangs and errors of real envs in real processes, and what remains of them."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tests.support.frame_counter_env import FrameCounterEnv
from tests.support.leftovers import left
from tests.support.misbehaving_env import BadActionError, MisbehavingEnv, act
from vpt_gym import ResilientEnv
from vpt_gym.actions import translator_for
from vpt_gym.actions.human import no_op
from vpt_gym.legacy_gym import env_name
from vpt_gym.resilient.env import EnvFailure
from vpt_gym.world.env import VoxelEnv
from vpt_gym.wrappers.success import success_of

pytestmark = pytest.mark.filterwarnings("ignore:the env failed:RuntimeWarning")


def test_it_plays_as_the_env_itself_does(resilient):
    direct = gym.make("vpt_gym/Harvest1Log-v0", disable_env_checker=True)
    env = resilient(partial(gym.make, "vpt_gym/Harvest1Log-v0", disable_env_checker=True))
    assert env.observation_space == direct.observation_space
    assert env.action_space == direct.action_space
    assert env.metadata == direct.metadata
    assert env.spec == direct.spec
    assert env.unwrapped is env
    obs, info = env.reset(seed=3)
    expected, expected_info = direct.reset(seed=3)
    assert info == {**expected_info, "restarts": 0}
    env.action_space.seed(0)
    for _ in range(20):
        assert pickle.dumps(obs) == pickle.dumps(pickle.loads(pickle.dumps(expected)))
        action = env.action_space.sample()
        obs, *rest = env.step(action)
        expected, *expected_rest = direct.step(action)
        assert rest == expected_rest
    assert success_of(env, {}) is None


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_env_checker_is_content(resilient):
    check_env(resilient(partial(VoxelEnv, image_size=(36, 64), render_mode="rgb_array")))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("abort", r"^step: the env's process was killed by signal 6 \(SIGABRT\)$"),
        ("sigkill", r"^step: the env's process was killed by signal 9 \(SIGKILL\)$"),
        ("exit", r"^step: the env's process exited with code 3$"),
        ("hang", r"^step: the env did not answer within 2 s$"),
        ("connection", r"^step: ConnectionResetError: the game hung up$"),
        ("runtime", r"^step: RuntimeError: the game is over$"),
        ("torn json", r"^step: json.decoder.JSONDecodeError: "),
    ],
)
def test_a_failure_truncates_the_episode_and_a_reset_starts_a_new_process(
    resilient, temporary, monkeypatch, fault, words
):
    env = resilient(partial(MisbehavingEnv, spawn=True), step_timeout=60)
    _, info = env.reset()
    last = env.step(act("none"))[0]
    kept = last.copy()
    last += 7  # the caller may do what it likes with an observation
    # a busy machine takes seconds for the exit of an interpreter; only what never answers needs a short limit
    with monkeypatch.context() as patched:
        patched.setattr(env, "_step_timeout", 2 if fault == "hang" else 60)
        obs, reward, terminated, truncated, told = env.step(act(fault))
    np.testing.assert_array_equal(obs, kept)
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert len(info["pids"]) == 3
    assert left(info["pids"]) == []
    assert list(temporary.iterdir()) == []
    assert re.search(words, told["env_error"])
    raised = fault in ("connection", "runtime", "torn json")
    assert ("misbehaving_env.py" in told.get("env_traceback", "")) == raised
    with pytest.raises(gym.error.ResetNeeded):
        env.step(act("none"))
    obs, info = env.reset()
    assert info["restarts"] == 1
    np.testing.assert_array_equal(obs, [1, 0])
    assert env.step(act("none"))[1] == 1.0


def test_a_fork_neither_plays_the_env_nor_ends_it(resilient):
    env = resilient()
    env.reset()
    env.step(act("none"))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        for use in (lambda: env.step(act("none")), env.reset, env.render, lambda: env.volume):
            try:
                use()
            except RuntimeError as error:
                said.append(str(error))
        env.close()
        os.write(write, "\n".join(said).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as answers:
        said = answers.read().splitlines()
    assert len(said) == 4
    assert all("was made in another process, of which this one is a fork" in message for message in said)
    np.testing.assert_array_equal(env.step(act("none"))[0], [1, 2])


@pytest.fixture(scope="module")
def healthy() -> Iterator[ResilientEnv]:
    """Shared by the tests that leave its process running."""
    env = ResilientEnv(MisbehavingEnv)
    yield env
    env.close()


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("value", ValueError, "no such action"),
        ("own value", BadActionError, "not that one"),
        ("odd", RuntimeError, "OddError: 'twoparts'"),
        ("lock", TypeError, "lock"),
    ],
)
def test_a_programming_error_is_raised_and_the_env_goes_on(healthy, fault, error, message):
    _, before = healthy.reset()
    with pytest.raises(error, match=message) as caught:
        healthy.step(act(fault))
    assert "child.py" in str(caught.value.__cause__)
    assert healthy.step(act("none"))[4]["pids"] == before["pids"]
    with pytest.raises(error, match=message):
        healthy.reset(options={"fault": fault})
    with pytest.raises(gym.error.ResetNeeded):
        healthy.step(act("none"))
    assert healthy.reset()[1]["restarts"] == before["restarts"]


def test_a_failure_that_the_env_reports_itself_is_passed_on(healthy):
    _, before = healthy.reset()
    *_, truncated, info = healthy.step(act("report"))
    assert truncated
    assert info["env_error"] == "Java says goodbye"
    assert healthy.reset()[1]["restarts"] == before["restarts"]


def test_seed_and_options_are_passed_on(healthy):
    draws = [healthy.reset(seed=seed)[1]["drawn"] for seed in (5, 5, 6)]
    assert draws[0] == draws[1] != draws[2]
    assert healthy.reset(options={"episode": 4})[1]["options"] == {"episode": 4}
    assert healthy.np_random_seed == 6


class BareReset(MisbehavingEnv):
    def reset(self):
        return super().reset(seed=5)


def test_a_reset_without_seed_and_options_is_called_without_them(resilient, healthy):
    assert resilient(BareReset).reset(options={})[1]["drawn"] == healthy.reset(seed=5)[1]["drawn"]


def test_attributes_and_methods_of_the_env_can_be_used(healthy):
    assert healthy.get_wrapper_attr("volume") == 3
    assert healthy.has_wrapper_attr("volume")
    assert healthy.set_volume(4, louder=1) == 5
    assert healthy.volume == 5
    assert not healthy.has_wrapper_attr("nothing_of_the_kind")
    assert not healthy.has_wrapper_attr("_private")
    with pytest.raises(AttributeError, match="pickled"):
        _ = healthy.lock
    with pytest.raises(AttributeError, match=r"cannot be unpickled in this process .*only_here"):
        _ = healthy.only_here
    with pytest.raises(AttributeError, match="environment"):
        _ = healthy.inner
    with pytest.raises(AttributeError, match="env_fn"):
        healthy.set_wrapper_attr("volume", 2)
    assert healthy.set_wrapper_attr("of_mine", 2)
    assert healthy.of_mine == 2


def test_the_worker_has_its_own_temporary_directory_and_the_given_working_directory(resilient, temporary, tmp_path):
    env = resilient(note_directories, cwd=tmp_path)
    ours, theirs = env.directories
    assert ours == str(tmp_path)
    assert Path(theirs).parent == temporary
    env.close()
    assert not Path(theirs).exists()


def note_directories() -> MisbehavingEnv:
    env = MisbehavingEnv()
    env.directories = (os.getcwd(), tempfile.gettempdir())
    return env


def test_a_thread_that_comes_late_leaves_the_next_process_alone(resilient, monkeypatch):
    env = resilient()
    env.reset()
    worker = env._worker
    asked, go_on = threading.Event(), threading.Event()
    exchange = worker.exchange

    def late(*arguments):
        asked.set()
        assert go_on.wait(60)
        return exchange(*arguments)

    monkeypatch.setattr(worker, "exchange", late)
    with ThreadPoolExecutor(1) as threads:
        picture = threads.submit(env.render)
        assert asked.wait(60)
        env._lose_worker(worker, EnvFailure("step: the env did not answer"))
        env.reset()
        go_on.set()
        with pytest.raises(EnvFailure, match="render"):
            picture.result(60)
    assert env.step(act("none"))[1] == 1.0


def test_a_hanging_reset_is_tried_again(resilient, tmp_path):
    env = resilient(reset_timeout=2)
    first = env.reset()[1]["pids"]
    with pytest.warns(RuntimeWarning, match=r"reset: the env did not answer within 2 s"):
        _, info = env.reset(seed=1, options={"fault": "hang", "once": str(tmp_path / "hung")})
    assert info["restarts"] == 1
    assert left(first) == []


def test_a_reset_that_always_fails_reports_every_cause(resilient, temporary, tmp_path):
    env = resilient(reset_attempts=2)
    with pytest.raises(EnvFailure, match=r"reset failed 2 times: 1\. reset: Conn.*; 2\. reset: Conn") as caught:
        env.reset(options={"fault": "connection"})
    assert caught.value.traceback.count("the game hung up") >= 2
    assert list(temporary.iterdir()) == []
    assert env.reset()[1]["restarts"] == 2


def test_an_env_that_cannot_be_made_again_fails_the_reset(resilient, tmp_path):
    flag = tmp_path / "made"
    env = resilient(partial(only_once, flag), reset_attempts=2)
    env.reset()
    env.step(act("sigkill"))
    with pytest.raises(EnvFailure, match=r"reset failed 2 times: 1\. make: ValueError: no more"):
        env.reset()


def only_once(flag: Path) -> MisbehavingEnv:
    if flag.exists():
        raise ValueError("no more")
    flag.touch()
    return MisbehavingEnv()


def end_abruptly() -> None:
    os._exit(7)


def never_end() -> None:
    time.sleep(600)


@pytest.mark.parametrize(
    ("env_fn", "words", "cause"),
    [
        (partial(MisbehavingEnv, volume=1), r"make: TypeError: .*volume", TypeError),
        (partial(VoxelEnv, level="hard"), r"make: ValueError: level is 'hard'", ValueError),
        (dict, r"make: TypeError: env_fn returned \{\} \(dict\); it must return a gymnasium.Env", TypeError),
        (end_abruptly, r"make: the env's process exited with code 7", EOFError),
        (never_end, r"make: the env did not answer within 1 s", type(None)),
    ],
)
def test_an_env_that_cannot_be_made_is_an_error_of_the_constructor(temporary, env_fn, words, cause):
    with pytest.raises(EnvFailure, match=words) as caught:
        ResilientEnv(env_fn, start_timeout=1 if env_fn is never_end else 60)
    assert isinstance(caught.value.__cause__, cause)
    assert ("Traceback" in caught.value.traceback) == (cause in (TypeError, ValueError))
    assert list(temporary.iterdir()) == []
    assert pickle.loads(pickle.dumps(caught.value)).traceback == caught.value.traceback


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"env_fn": 3}, TypeError, "env_fn is 3"),
        ({"env_fn": threading.Lock().acquire}, TypeError, "inside the function"),
        ({"step_timeout": 0}, ValueError, "step_timeout is 0"),
        ({"reset_timeout": float("inf")}, ValueError, "reset_timeout is inf"),
        ({"close_timeout": "5"}, ValueError, "close_timeout is '5'"),
        ({"start_timeout": float("nan")}, ValueError, "start_timeout is nan"),
        ({"reset_attempts": 0}, ValueError, "reset_attempts is 0"),
        ({"cwd": "/no/such/place"}, NotADirectoryError, "/no/such/place"),
    ],
)
def test_bad_arguments_are_refused(temporary, arguments, error, message):
    with pytest.raises(error, match=message):
        ResilientEnv(**{"env_fn": MisbehavingEnv, **arguments})
    assert list(temporary.iterdir()) == []


def test_after_a_failed_render_the_last_picture_is_returned_and_the_next_step_reports_it(resilient, monkeypatch):
    env = resilient(step_timeout=60)
    env.reset()
    env.step(act("none"))
    assert env.render().max() == 1
    env.set_volume(0)  # from now on it hangs
    with monkeypatch.context() as patched:
        patched.setattr(env, "_step_timeout", 2)
        assert env.render().max() == 1
    *_, truncated, info = env.step(act("none"))
    assert truncated
    assert info["env_error"] == "render: the env did not answer within 2 s"
    assert env.render().max() == 1
    assert not env.has_wrapper_attr("volume")
    env.reset()
    assert env.render().max() == 0


def test_a_copy_is_refused_and_the_original_goes_on(resilient):
    env = resilient(FrameCounterEnv)
    env.reset()
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="a ResilientEnv is a process, which cannot be copied or pickled"):
            copied(env)
    gc.collect()  # a half-made copy would close the pipe
    assert "env_error" not in env.step(no_op())[4]


def crafted_ground() -> gym.Env:
    """An env with MineDojo's space in a package of CraftGround's name, in which equip does nothing."""

    class Ground(gym.Env):
        observation_space = gym.spaces.Box(0, 255, (36, 64, 3), np.uint8)
        action_space = gym.spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36])

    Ground.__module__ = "craftground.environment"
    Ground.__qualname__ = "Ground"
    return Ground()


def test_an_env_in_another_process_is_known_by_its_own_module_and_name(resilient):
    env = resilient(crafted_ground)
    assert (env.env_module, env.env_name) == ("craftground.environment", "Ground")
    for one in (env, crafted_ground()):
        assert env_name(one) == "Ground"
        coverage = translator_for(one).coverage()
        assert coverage.buttons_slow == 0
        assert "It has no hotbar keys" in coverage.notes
