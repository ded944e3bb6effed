"""Exported ONNX files: they play as the policy does, say how to use them, and need no torch."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tests.agents.checkpoints.test_saved_folder import killed_at
from tests.support.missing_package import run_without
from tests.support.paths import ROOT
from tests.support.small_policy import SMALL, small_policy
from tests.support.vpt_goldens import arrays, tiny_policy
from vpt_gym import VPTAgent
from vpt_gym.actions.codec import N_CAMERA, decode
from vpt_gym.agents import VPTPolicy, export_onnx
from vpt_gym.agents.onnx_export import put_in_place
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.cli import main
from vpt_gym.system.file_lock import folder_lock

UNKNOWN = "tests.support.eyes_env:Eyes-v0"
TOLERANCE = 5e-3
"""As in tests/agents/policy/test_policy.py, between two fp32 implementations."""
MEMORY = ("keys", "values", "valid")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small network of the goldens, from the command line."""
    folder = tmp_path_factory.mktemp("onnx")
    VPTAgent(tiny_policy()).save_pretrained(folder / "tiny")
    assert main(["export", str(folder / "tiny"), "--format", "onnx", "-o", str(folder / "tiny.onnx")]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["tiny", "tiny.onnx"]
    return folder / "tiny.onnx"


class Played:
    """A file, played without torch; the memory is carried from one step to the next."""

    def __init__(self, path: Path, streams: int) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        types = {"tensor(uint8)": np.uint8, "tensor(bool)": np.bool_, "tensor(float)": np.float32}
        self.inputs = {
            one.name: np.zeros((streams, *one.shape[1:]), types[one.type]) for one in self.session.get_inputs()
        }

    @property
    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.session.get_modelmeta().custom_metadata_map["vpt_gym"])
        return found

    def step(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        self.inputs |= inputs
        names = [one.name for one in self.session.get_outputs()]
        output = dict(zip(names, self.session.run(names, self.inputs), strict=True))
        self.inputs |= {name: output[f"next_{name}"] for name in MEMORY}
        return output


def test_it_plays_as_the_published_network_with_episodes_that_begin_anywhere(published: Path) -> None:
    golden, data, played = arrays("tiny_golden"), arrays("tiny_frames"), Played(published, streams=2)
    steps = [played.step(frame=data["frames"][:, t], first=data["first"][:, t]) for t in range(48)]
    out = {name: np.stack([step[name] for step in steps], 1) for name in ("buttons", "camera", "value")}
    for name, right in (("buttons", "b_buttons_every8"), ("camera", "b_camera"), ("value", "b_vpred_denorm")):
        found = out[name][:, ::8] if name == "buttons" else out[name]
        np.testing.assert_allclose(found, golden[right].reshape(found.shape), rtol=0, atol=TOLERANCE)
    assert np.array_equal(out["buttons"].argmax(-1), golden["b_argmax_buttons"][..., 0])
    assert np.array_equal(out["camera"].argmax(-1), golden["b_argmax_camera"][..., 0])
    for layer in range(2):  # the published memory has one more row, which is never seen
        mask, keys, values = (golden[f"b_state_final_layer{layer}_{name}"] for name in ("mask", "K", "V"))
        assert np.array_equal(played.inputs["valid"], mask[:, 0, 1:])
        seen = played.inputs["valid"]
        np.testing.assert_allclose(played.inputs["keys"][:, layer][seen], keys[:, 1:][seen], atol=TOLERANCE)
        np.testing.assert_allclose(played.inputs["values"][:, layer][seen], values[:, 1:][seen], atol=TOLERANCE)


def test_any_number_of_environments_plays(published: Path) -> None:
    frames = arrays("tiny_frames")["frames"]
    together, alone = Played(published, streams=2), Played(published, streams=1)
    for t in range(3):
        first = np.full(2, t == 0)
        both, one = together.step(frame=frames[:, t], first=first), alone.step(frame=frames[1:, t], first=first[1:])
        np.testing.assert_allclose(one["camera"], both["camera"][1:], atol=TOLERANCE)


def test_the_metadata_decode_every_code_as_the_package_does(published: Path) -> None:
    metadata = Played(published, streams=1).metadata
    assert (metadata["format"], metadata["config"]["hidsize"]) == ("vpt-gym-onnx/1", 32)
    assert (metadata["frame"]["shape"], metadata["frame"]["channels"]) == ([128, 128, 3], "RGB")
    assert metadata["source"].endswith("tiny")
    action = metadata["action"]
    assert (action["outputs"], action["sizes"]) == (["buttons", "camera"], [8641, 121])
    buttons, camera = np.arange(8641), np.arange(8641) % N_CAMERA
    right = decode(np.stack([buttons, camera], -1))
    inventory = buttons == action["buttons"]["inventory"]
    assert np.array_equal(right["inventory"], inventory)
    number = buttons.copy()
    for group in reversed(action["buttons"]["groups"]):
        number, digit = np.divmod(number, len(group) + 1)
        if group == ["camera"]:
            moves = (digit == 1) | inventory
            continue
        for position, key in enumerate(group, start=1):
            assert np.array_equal(right[key], (digit == position) & ~inventory), key
    degrees = np.array(action["camera"]["degrees"])
    wanted = np.stack([degrees[camera // 11], degrees[camera % 11]], -1) * moves[:, None]
    np.testing.assert_allclose(right["camera"], wanted, atol=1e-5)


def test_goals_another_action_space_pooled_frames_and_weights_of_two_gigabytes_are_exported_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as if these weights had two gigabytes
    monkeypatch.setattr("torch.onnx._internal.exporter._onnx_program._LARGE_MODEL_THRESHOLD", 0)
    (tmp_path / f"x.{'0' * 12}.onnx.data").write_bytes(b"the weights of an earlier export")
    config = replace(SMALL, n_recurrence_layers=1, goal_size=6, action_sizes=(5, 3))
    torch.manual_seed(0)
    policy = VPTPolicy(config)
    exported = export_onnx(policy, tmp_path / "x.onnx")
    graph, weights = exported.files
    assert {*tmp_path.iterdir()} == {graph, weights}
    assert graph == tmp_path / "x.onnx"
    assert weights.name.encode() in graph.read_bytes()
    assert exported.difference < 1e-5
    played, rng, memory = Played(tmp_path / "x.onnx", streams=4), np.random.default_rng(1), policy.initial_memory(4)
    assert played.metadata["action"]["sizes"] == [5, 3]
    assert played.metadata["goal"]["size"] == 6
    for t in range(12):  # longer than the memory
        frame, first = rng.integers(0, 256, (4, 128, 128, 3), dtype=np.uint8), rng.random(4) < (0.2 if t else 1)
        goal = rng.normal(size=(4, 6)).astype(np.float32)
        output = played.step(frame=frame, first=first, goal=goal)
        with torch.no_grad():
            right = policy(*(torch.from_numpy(x)[:, None] for x in (frame, first)), memory, torch.from_numpy(goal))
        memory = right.memory
        for k, head in enumerate(right.pi.log_probs):
            np.testing.assert_allclose(output[f"choice_{k}"], head[:, 0].numpy(), atol=1e-4)
        found = Memory(*(torch.from_numpy(output[f"next_{name}"]) for name in MEMORY))
        assert torch.equal(found.valid, memory.valid)
        torch.testing.assert_close(found.keys, memory.keys, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "result"),
    [
        ([], "no success after 5 ticks"),
        (["--env", UNKNOWN, "--env-key", "eyes.left"], "success not known after 3 ticks"),
    ],
    ids=["the world", "an environment of one's own"],
)
def test_the_example_plays_an_episode_without_torch(published: Path, options: list[str], result: str) -> None:
    script = str(ROOT / "examples" / "play_onnx.py")
    code = (
        f"import runpy, sys; sys.argv = {[script, str(published), '--ticks', '5', *options]!r}\n"
        f"runpy.run_path({script!r}, run_name='__main__')\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{result}\nFalse\n"


def test_the_example_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    example = runpy.run_path(str(ROOT / "examples" / "play_onnx.py"))
    with pytest.raises(ValueError, match="there is no file"):
        example["Args"](tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(SystemExit, match="cannot be read"):
        example["open_session"](tmp_path / "text.onnx")
    identity = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "other",
        *([onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])] for name in "xy"),
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(identity, ir_version=8, opset_imports=opset), tmp_path / "other.onnx")
    with pytest.raises(SystemExit, match="not one that `vpt-gym export` wrote"):
        example["open_session"](tmp_path / "other.onnx")


def test_a_kill_leaves_an_export_with_its_own_weights(tmp_path: Path) -> None:
    def export(name: str) -> None:
        """Puts two files in place, of which the first names the second."""
        folder = tmp_path / f".{name}"
        folder.mkdir()
        graph = folder / f"x.{name}.onnx"
        graph.write_text(f"{graph.name}.data")
        (folder / f"{graph.name}.data").write_text(name)
        put_in_place(graph, tmp_path / "x.onnx")

    found, kills = [], 0
    while True:
        export("0" * 12)
        killed = killed_at(kills, lambda: export("1" * 12))
        weights = tmp_path / (tmp_path / "x.onnx").read_text()
        found.append(weights.read_text()[0])
        export("2" * 12)
        assert [path.name for path in tmp_path.glob("*.data")] == [f"x.{'2' * 12}.onnx.data"]  # whatever was left
        for folder in tmp_path.glob(".*"):
            shutil.rmtree(folder)
        if not killed:
            break
        kills += 1
    assert found == sorted(found)
    assert set(found) == {"0", "1"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_two_exports_are_put_in_place_one_after_the_other(tmp_path: Path) -> None:
    """Each removes the weights that are not its own."""
    graph = tmp_path / "new" / f"x.{'0' * 12}.onnx"
    graph.parent.mkdir()
    graph.touch()
    putting = threading.Thread(target=put_in_place, args=(graph, tmp_path / "x.onnx"))
    with folder_lock(tmp_path):
        putting.start()
        time.sleep(0.2)
        assert not (tmp_path / "x.onnx").exists()
    putting.join()
    assert (tmp_path / "x.onnx").exists()


def test_without_the_package_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    done = run_without("onnxscript", "export", tmp_path, "-o", tmp_path / "x.onnx")
    assert done.returncode == 1
    assert 'exporting to ONNX needs onnxscript: pip install "vpt-gym[onnx]"' in done.stderr


def test_mistakes_are_named_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"x\.pt must end in \.onnx"):
        export_onnx(small_policy(), tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"torch\.float64; export policy\.float\(\)"):
        export_onnx(small_policy().double(), tmp_path / "x.onnx")
    assert main(["export", "nowhere", "-o", str(tmp_path / "none" / "x.onnx")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "agent"), "-o", str(tmp_path / "x.onnx")]) == 2
    assert "there is no file or folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
