"""An agent's predictions compared with labels: values, memory, and computation in the background."""

from __future__ import annotations

import http.client
import json
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

from tests.support.counter_demos import write_counter_demo
from tests.support.running_view import running_view
from vpt_gym.actions import codec
from vpt_gym.agents import VPTConfig, VPTPolicy
from vpt_gym.agents.engine import available_precisions
from vpt_gym.demos import Demo, DemoError, read_demo
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.frames import to_size
from vpt_gym.view.predictions import Cancelled, Prediction, Predictions, predict
from vpt_gym.view.server import state_of

TICKS = 75  # more than two chunks


@pytest.fixture(scope="module")
def policy() -> VPTPolicy:
    torch.manual_seed(0)
    policy = VPTPolicy(VPTConfig.named("nano")).eval()
    with torch.no_grad():  # fresh heads are nearly uniform
        for parameter in policy.pi_head.parameters():
            parameter.mul_(100.0)
    return policy


def poll(predictions: Predictions, demo: Demo) -> Prediction | int:
    return predictions.poll(demo, state_of(demo.files))


def wait(predictions: Predictions, path: Path) -> Prediction:
    demo = read_demo(path)
    for _ in range(6000):
        found = poll(predictions, demo)
        if not isinstance(found, int):
            return found
        assert 0 <= found <= TICKS
        time.sleep(0.01)
    raise AssertionError("no prediction after a minute")


def test_predictions_equal_those_of_the_complete_episode_at_once(tmp_path: Path, policy: VPTPolicy) -> None:
    demo = read_demo(write_counter_demo(tmp_path, ticks=TICKS))
    frames = torch.from_numpy(np.stack([to_size(frame) for frame in demo.frames()]))[None]
    first = torch.zeros(1, TICKS, dtype=torch.bool)
    first[:, 0] = True
    with torch.inference_mode():
        pi = policy(frames, first).pi
        log_prob = pi.log_prob(torch.from_numpy(demo.codes)[None])[0].numpy()
        most_probable = pi.mode()
        of_mode = pi.log_prob(most_probable)[0].exp().numpy()
    done: list[int] = []
    found = predict(policy, demo, progress=done.append)
    np.testing.assert_allclose(found.nll.sum(axis=1), -log_prob, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found.codes, codec.canonical(most_probable[0].numpy()))
    np.testing.assert_allclose(found.probability, of_mode, rtol=1e-3, atol=1e-6)
    assert done[-1] == TICKS
    assert done == sorted(done)
    assert len(done) > 2
    assert found.nll.std() > 0.1  # it does depend on the frames


@pytest.mark.skipif("fp32" not in available_precisions(), reason="no engine on this machine")
def test_an_engine_predicts_as_the_policy_does_one_demo_after_the_other(tmp_path: Path, policy: VPTPolicy) -> None:
    paths = [write_counter_demo(tmp_path / name, ticks=TICKS) for name in ("a", "b")]
    predictions = Predictions(policy, "nano", "fp32")
    for path in paths:
        found, expected = wait(predictions, path), predict(policy, read_demo(path))
        np.testing.assert_allclose(found.nll, expected.nll, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(found.codes, expected.codes)
    predictions.close()


def test_what_the_page_gets(tmp_path: Path, policy: VPTPolicy) -> None:
    demo = read_demo(write_counter_demo(tmp_path, ticks=TICKS))
    found = predict(policy, demo)
    perfect = Prediction(found.nll, demo.codes.copy(), found.probability, demo.codes).as_json()
    assert perfect["agrees"] == [True] * TICKS
    assert perfect["probable"]["buttons"] == {"attack": [[15, 30], [40, 41]], "forward": [[0, 20]]}
    drawn = found.as_json()
    assert all(len(drawn[name]) == TICKS for name in ("nll", "nll_buttons", "nll_camera", "probability", "agrees"))
    np.testing.assert_allclose(np.add(drawn["nll_buttons"], drawn["nll_camera"]), drawn["nll"], atol=1e-3)
    assert drawn["agrees"] == (found.codes == demo.codes).all(axis=1).tolist()
    json.dumps(drawn, allow_nan=False)


def test_a_demo_is_computed_once_and_again_when_it_changes(tmp_path: Path, policy: VPTPolicy) -> None:
    path = write_counter_demo(tmp_path, ticks=TICKS)
    predictions = Predictions(policy, "nano")
    found = wait(predictions, path)
    assert poll(predictions, read_demo(path)) is found
    DemoLibrary(tmp_path).reject(path.stem)
    moved = tmp_path / "rejected" / path.name
    assert poll(predictions, read_demo(moved)) is found
    records = moved.with_suffix(".jsonl")
    records.write_text(records.read_text().replace("key.keyboard.w", "key.keyboard.s"))
    again = wait(predictions, moved)
    assert again is not found
    assert (again.nll[:20] != found.nll[:20]).any()
    predictions.close()


def test_an_episode_that_was_left_before_its_turn_is_not_computed(tmp_path: Path, policy: VPTPolicy) -> None:
    running, left, wanted = (read_demo(write_counter_demo(tmp_path, ticks=4)) for _ in range(3))
    begun, go_on = threading.Event(), threading.Event()

    def takes_long(*_: object) -> None:
        begun.set()
        go_on.wait(60)

    hook = policy.net.register_forward_pre_hook(takes_long)
    predictions = Predictions(policy, "nano")
    assert poll(predictions, running) == 0
    assert begun.wait(60)
    assert [poll(predictions, demo) for demo in (left, wanted)] == [0, 0]
    go_on.set()
    wait(predictions, wanted.files.video)
    assert not isinstance(poll(predictions, running), int)
    go_on.clear()
    assert poll(predictions, left) == 0  # it begins only now
    go_on.set()
    wait(predictions, left.files.video)
    predictions.close()
    hook.remove()


def test_a_demo_that_was_moved_since_it_was_read_is_answered(tmp_path: Path, policy: VPTPolicy) -> None:
    path = write_counter_demo(tmp_path, ticks=4)
    predictions = Predictions(policy, "nano")
    found = wait(predictions, path)
    demo = read_demo(path)
    state = state_of(demo.files)
    DemoLibrary(tmp_path).reject(path.stem)
    assert predictions.poll(demo, state) is found
    assert state_of(demo.files) == (None, None, None)
    predictions.close()


@pytest.mark.parametrize("ending", ["fails", "ends"])
def test_a_computation_that_ends_while_it_is_asked_for_is_answered_once(
    tmp_path: Path, policy: VPTPolicy, ending: str
) -> None:
    class Ending(Future[Prediction]):
        """Ends when somebody has asked whether it has."""

        def done(self) -> bool:
            before = super().done()
            if not before and ending == "fails":
                self.set_exception(RuntimeError("CUDA out of memory"))
            elif not before:
                self.cancel()  # as another window does, for another episode
            return before

    demo = read_demo(write_counter_demo(tmp_path, ticks=4))
    predictions = Predictions(policy, "nano")
    submit, predictions._executor.submit = predictions._executor.submit, lambda *_: Ending()  # type: ignore[assignment]
    assert poll(predictions, demo) == 0
    if ending == "fails":
        with pytest.raises(RuntimeError, match="out of memory"):
            poll(predictions, demo)
        predictions._executor.submit = submit  # type: ignore[method-assign]
        wait(predictions, demo.files.video)  # it is not answered with the same failure again
    predictions.close()


def test_closing_gives_up(tmp_path: Path, policy: VPTPolicy) -> None:
    demo = read_demo(write_counter_demo(tmp_path, ticks=TICKS))
    stop = threading.Event()
    with pytest.raises(Cancelled, match="after 32 ticks"):
        predict(policy, demo, progress=lambda ticks: stop.set(), stop=stop)


def test_a_damaged_video_is_reported_at_every_request(tmp_path: Path, policy: VPTPolicy) -> None:
    path = write_counter_demo(tmp_path, ticks=TICKS)
    video = path.with_suffix(".mp4")
    content = bytearray(video.read_bytes())
    start = content.rindex(b"mdat")
    content[start + 40 : start + 400] = bytes(byte ^ 0x5A for byte in content[start + 40 : start + 400])
    video.write_bytes(content)
    predictions = Predictions(policy, "nano")
    for _ in range(2):
        with pytest.raises(DemoError, match="cannot be decoded"):
            wait(predictions, path)
    predictions.close()


def test_another_action_space_is_refused(policy: VPTPolicy) -> None:
    with pytest.raises(ValueError, match=r"grid has another action space, \(4,\)"):
        Predictions(policy.with_action_space(spaces.Discrete(4)), "grid")


def test_a_failure_is_answered_with_its_cause_and_the_next_request_tries_again(
    tmp_path: Path, policy: VPTPolicy
) -> None:
    path = write_counter_demo(tmp_path, ticks=TICKS)

    def fails(*_: object) -> None:
        raise RuntimeError("CUDA out of memory")

    hook = policy.net.register_forward_pre_hook(fails)
    with running_view(DemoLibrary(tmp_path), Predictions(policy, "nano")) as server:

        def answer() -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
            status = 202
            while status == 202:
                connection.request("GET", f"/{server.token}/api/episodes/{path.stem}/predictions")
                response = connection.getresponse()
                status, body = response.status, response.read().decode()
            connection.close()
            return status, body

        assert answer() == (500, '{"error": "CUDA out of memory"}')
        hook.remove()
        assert answer()[0] == 200


def test_the_server_returns_the_progress_and_then_the_result(tmp_path: Path, policy: VPTPolicy) -> None:
    path = write_counter_demo(tmp_path, ticks=TICKS)
    predictions = Predictions(policy, "nano")
    with running_view(DemoLibrary(tmp_path), predictions) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        status, content = 202, {"done": 0, "ticks": TICKS}
        while status == 202:
            assert content["ticks"] == TICKS
            assert 0 <= content["done"] <= TICKS
            connection.request("GET", f"/{server.token}/api/episodes/{path.stem}/predictions")
            answer = connection.getresponse()
            status, content = answer.status, json.loads(answer.read())
        assert status == 200
        assert content == wait(predictions, path).as_json()
        connection.request("GET", f"/{server.token}/api/episodes")
        assert json.loads(connection.getresponse().read())["agent"] == "nano"
        connection.close()
