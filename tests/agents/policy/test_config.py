from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.published_files import SMALL_1X, EvalPayload, Payload, model_content, published_kwargs, write_model
from vpt_gym.agents.checkpoints import model_file
from vpt_gym.agents.checkpoints.errors import CheckpointError, CorruptCheckpoint, UnsafeCheckpoint, WrongFile
from vpt_gym.agents.policy.config import NAMED, VPTConfig


def test_named_architectures() -> None:
    assert VPTConfig.named("2x").channels == (128, 256, 256)
    assert VPTConfig.named("3x").head_size == 128
    assert (VPTConfig.named("1x").context, VPTConfig.named("1x").memory_length) == (128, 127)
    assert VPTConfig.named("nano").context == 16
    with pytest.raises(ValueError, match=r"'4x'; there are nano, 1x, 2x, 3x"):
        VPTConfig.named("4x")


def test_config_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        NAMED["1x"].hidsize = 3  # type: ignore[misc]


@pytest.mark.parametrize("config", [*NAMED.values(), SMALL_1X], ids=[*NAMED, "other"])
def test_json_round_trip(config: VPTConfig) -> None:
    assert VPTConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidsize": 0}, "hidsize must be a positive integer, got 0"),
        ({"hidsize": 64.0}, "hidsize must be a positive integer, got 64.0"),
        ({"n_recurrence_layers": True}, "n_recurrence_layers must be a positive integer"),
        ({"attention_heads": 7}, "1024 is not a multiple of attention_heads 7"),
        ({"impala_width": -1}, "impala_width must be a positive number"),
        ({"impala_width": 0.01}, "leaves a stack without channels"),
        ({"impala_chans": (16, 32)}, "three integers"),
        ({"pi_head_temperature": float("nan")}, "pi_head_temperature must be a positive number"),
        ({"timesteps": 256}, "must exceed timesteps"),
        ({"stem_pool": 3}, "1, 2, 4 or 8, got 3"),
    ],
)
def test_bad_values_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(NAMED["1x"], **change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "JSON object"),
        ('{"hidsize": 4, "width": 3}', "unknown config fields: width"),
        ("{}", "lacks attention_heads"),
    ],
)
def test_bad_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VPTConfig.from_json(text)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_published_model_files_are_read_whatever_their_pickle_protocol(tmp_path: Path, protocol: int) -> None:
    config = replace(SMALL_1X, pi_head_temperature=3.0)
    assert VPTConfig.from_model_file(write_model(tmp_path / "x.model", config, protocol)) == config
    assert "gym3" not in sys.modules


def test_temperature_may_be_an_integer_or_absent() -> None:
    kwargs = published_kwargs(NAMED["2x"])
    assert VPTConfig.from_published(kwargs, {"temperature": 2}) == NAMED["2x"]
    assert VPTConfig.from_published(kwargs, {}).pi_head_temperature == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attention_mask_style": "none"}, "attention_mask_style='none' is not supported"),
        ({"recurrence_type": "lstm"}, "recurrence_type='lstm'"),
        ({"img_shape": (64, 64, 3)}, "img_shape"),
        ({"conv3d_params": {"inchan": 3}}, "inverse dynamics model"),
    ],
)
def test_other_architectures_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VPTConfig.from_published({**published_kwargs(NAMED["1x"]), **change}, {"temperature": 2.0})
    with pytest.raises(ValueError, match="lacks hidsize"):
        VPTConfig.from_published({"attention_heads": 2, "impala_width": 1}, {})


@pytest.mark.parametrize("payload", [Payload, EvalPayload])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_model_file_with_code_is_refused_and_nothing_runs(
    tmp_path: Path, payload: type[Payload], protocol: int
) -> None:
    witness = tmp_path / "witness"
    path = tmp_path / "evil.model"
    path.write_bytes(pickle.dumps(model_content(SMALL_1X, extra_args=payload(witness)), protocol=protocol))
    with pytest.raises(UnsafeCheckpoint, match=r"system|eval") as info:
        VPTConfig.from_model_file(path)
    assert "Nothing was executed" in str(info.value)
    assert str(path) in str(info.value)
    assert not witness.exists()
    pickle.loads(path.read_bytes())  # the payload is real
    assert witness.exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cbuiltins\ngetattr\n.",
        b"cgym3.types\nos.system\n.",
        b"\x80\x04\x8c\x0agym3.types\x8c\x09os.system\x93.",
        b"cgym3\nbuild\n.",
        b"cnumpy\nload\n.",
        b"cnumpy\ndtype\n(S'O'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(S'f8'\nS'12345678'\ntR.",
        b"ctorch\nload\n.",
        b"c_codecs\nencode\n(S'61'\nS'hex'\ntR.",
    ],
)
def test_every_other_global_is_refused(tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "odd.model"
    path.write_bytes(code)
    with pytest.raises(UnsafeCheckpoint):
        VPTConfig.from_model_file(path)


@pytest.mark.parametrize("target", ["_codecs encode", "numpy.core.multiarray scalar", "gym3.types Real", "numpy dtype"])
def test_a_pickle_cannot_change_what_reads_it(tmp_path: Path, target: str) -> None:
    def attributes() -> dict[str, dict[str, object]]:
        return {name: dict(vars(value)) for name, value in vars(model_file).items() if hasattr(value, "__dict__")}

    path = tmp_path / "meddling.model"
    module, name = target.split()
    before = attributes()
    for state in (b"}S'meddled'\nI1\ns", b"(N}S'meddled'\nI1\nst"):  # attributes, then slots
        path.write_bytes(f"c{module}\n{name}\n".encode() + state + b"b.")
        with pytest.raises(CheckpointError):
            VPTConfig.from_model_file(path)
    assert attributes() == before


def test_numpy_numbers_are_read(tmp_path: Path) -> None:
    content = model_content(NAMED["1x"])
    content["model"]["args"]["net"]["args"]["hidsize"] = np.int64(1024)
    content["model"]["args"]["pi_head_opts"]["temperature"] = np.float32(2.5)
    path = tmp_path / "numpy.model"
    path.write_bytes(pickle.dumps(content))
    assert VPTConfig.from_model_file(path) == replace(NAMED["1x"], pi_head_temperature=2.5)


def test_big_endian_numbers_are_refused(tmp_path: Path) -> None:
    content = model_content(NAMED["1x"], extra_args=np.int64(3))
    path = tmp_path / "big.model"
    path.write_bytes(pickle.dumps(content).replace(b"<", b">"))
    with pytest.raises(UnsafeCheckpoint, match="big-endian"):
        VPTConfig.from_model_file(path)


def test_damaged_model_files_are_refused_at_every_length(tmp_path: Path) -> None:
    whole = write_model(tmp_path / "whole.model", SMALL_1X).read_bytes()
    path = tmp_path / "cut.model"
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptCheckpoint, match="truncated or damaged"):
            VPTConfig.from_model_file(path)


def test_flipped_bytes_never_do_more_than_raise_or_change_a_number(tmp_path: Path) -> None:
    whole = write_model(tmp_path / "whole.model", SMALL_1X).read_bytes()
    path = tmp_path / "flipped.model"
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            config = VPTConfig.from_model_file(path)
        except (CheckpointError, ValueError):
            continue
        assert isinstance(config, VPTConfig)


def test_other_files_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "x.model"
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(WrongFile, match="zip archive of tensors"):
        VPTConfig.from_model_file(path)
    path.write_bytes(bytes(2 << 20))
    with pytest.raises(WrongFile, match="2,097,152 bytes"):
        VPTConfig.from_model_file(path)
    path.write_bytes(pickle.dumps({"net.final_ln.weight": [1.0]}))
    with pytest.raises(WrongFile, match="not of a VPT model"):
        VPTConfig.from_model_file(path)
    path.write_bytes(pickle.dumps({"model": {"args": {"net": {"args": [1]}, "pi_head_opts": {}}}}))
    with pytest.raises(WrongFile, match="dictionaries"):
        VPTConfig.from_model_file(path)
    with pytest.raises(FileNotFoundError):
        VPTConfig.from_model_file(tmp_path / "absent.model")


def test_the_config_and_the_package_of_agents_load_without_torch() -> None:
    code = (
        "import sys, vpt_gym.agents, vpt_gym.agents.policy.config; "
        "print('torch' in sys.modules, 'VPTAgent' in dir(vpt_gym.agents))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == ["False", "True"]


def test_every_exported_name_exists() -> None:
    import vpt_gym.agents

    assert all(getattr(vpt_gym.agents, name).__name__ == name for name in vpt_gym.agents.__all__)
    with pytest.raises(AttributeError, match="VPTAgnt"):
        vpt_gym.agents.VPTAgnt  # noqa: B018
    assert json.loads(NAMED["nano"].to_json())["stem_pool"] == 2
