from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.published_files import SMALL_1X, EvalPayload, Payload, model_content, write_model
from vpt_gym.agents.checkpoints import model_file
from vpt_gym.agents.checkpoints.errors import CheckpointError, CorruptCheckpoint, UnsafeCheckpoint, WrongFile
from vpt_gym.agents.checkpoints.model_file import read_policy_config
from vpt_gym.agents.policy.config import NAMED, VPTConfig


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_published_model_files_are_read_whatever_their_pickle_protocol(tmp_path: Path, protocol: int) -> None:
    config = replace(SMALL_1X, pi_head_temperature=3.0)
    assert read_policy_config(write_model(tmp_path / "x.model", config, protocol)) == config
    assert "gym3" not in sys.modules


@pytest.mark.parametrize("payload", [Payload, EvalPayload])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_model_file_with_code_is_refused_and_nothing_runs(
    tmp_path: Path, payload: type[Payload], protocol: int
) -> None:
    witness = tmp_path / "witness"
    path = tmp_path / "evil.model"
    path.write_bytes(pickle.dumps(model_content(SMALL_1X, extra_args=payload(witness)), protocol=protocol))
    with pytest.raises(UnsafeCheckpoint, match=r"system|eval") as info:
        read_policy_config(path)
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
        read_policy_config(path)


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
            read_policy_config(path)
    assert attributes() == before


def test_numpy_numbers_are_read(tmp_path: Path) -> None:
    content = model_content(NAMED["1x"])
    content["model"]["args"]["net"]["args"]["hidsize"] = np.int64(1024)
    content["model"]["args"]["pi_head_opts"]["temperature"] = np.float32(2.5)
    path = tmp_path / "numpy.model"
    path.write_bytes(pickle.dumps(content))
    assert read_policy_config(path) == replace(NAMED["1x"], pi_head_temperature=2.5)


def test_a_numpy_number_of_another_length_is_damage(tmp_path: Path) -> None:
    content = pickle.dumps(model_content(NAMED["1x"], extra_args=np.int32(0x41424344)), protocol=3)
    path = tmp_path / "short.model"
    path.write_bytes(content.replace(b"C\x04DCBA", b"C\x03DCB"))
    with pytest.raises(CorruptCheckpoint, match="of type i4 comes with 3 bytes of data"):
        read_policy_config(path)


def test_big_endian_numbers_are_refused(tmp_path: Path) -> None:
    content = model_content(NAMED["1x"], extra_args=np.int64(3))
    path = tmp_path / "big.model"
    path.write_bytes(pickle.dumps(content).replace(b"<", b">"))
    with pytest.raises(UnsafeCheckpoint, match="big-endian"):
        read_policy_config(path)


def test_damaged_model_files_are_refused_at_every_length(tmp_path: Path) -> None:
    whole = write_model(tmp_path / "whole.model", SMALL_1X).read_bytes()
    path = tmp_path / "cut.model"
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptCheckpoint, match="truncated or damaged"):
            read_policy_config(path)


def test_flipped_bytes_never_do_more_than_raise_or_change_a_number(tmp_path: Path) -> None:
    whole = write_model(tmp_path / "whole.model", SMALL_1X).read_bytes()
    path = tmp_path / "flipped.model"
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            config = read_policy_config(path)
        except (CheckpointError, ValueError):
            continue
        assert isinstance(config, VPTConfig)


def test_other_files_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "x.model"
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(WrongFile, match="zip archive of tensors"):
        read_policy_config(path)
    path.write_bytes(bytes(2 << 20))
    with pytest.raises(WrongFile, match="2,097,152 bytes"):
        read_policy_config(path)
    path.write_bytes(pickle.dumps({"net.final_ln.weight": [1.0]}))
    with pytest.raises(WrongFile, match="not of a VPT model"):
        read_policy_config(path)
    path.write_bytes(pickle.dumps({"model": {"args": {"net": {"args": [1]}, "pi_head_opts": {}}}}))
    with pytest.raises(WrongFile, match="dictionaries"):
        read_policy_config(path)
    with pytest.raises(FileNotFoundError):
        read_policy_config(tmp_path / "absent.model")
