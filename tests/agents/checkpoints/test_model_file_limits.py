"""A small file cannot take much time or memory, whatever its pickle describes."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import pytest

from tests.support.limited import outcome
from tests.support.malicious_pickles import found, text, whole
from tests.support.published_files import SMALL_1X, model_content, published_kwargs
from vpt_gym.agents.checkpoints.errors import CheckpointError, UnsafeCheckpoint
from vpt_gym.agents.checkpoints.model_file import read_policy_config


def get(index: int) -> bytes:
    return b"j" + struct.pack("<I", index)


def put(index: int) -> bytes:
    return b"r" + struct.pack("<I", index)


def doubled_tuples(levels: int) -> bytes:
    """``((), ())`` of ``((), ())`` and so on: 2**levels empty tuples."""
    return b")" + put(0) + b"".join(get(n) + b"\x86" + put(n + 1) for n in range(levels))


def doubled_lists(levels: int) -> bytes:
    return b"]" + put(0) + b"".join(b"](" + get(n) * 2 + b"e" + put(n + 1) for n in range(levels))


def deep(count: int, inner: bytes = b"N") -> bytes:
    return inner + b"\x85" * count


COPIES = put(0) + (found("builtins", "list") + get(0) + b"\x85R") * 1_000
NUMBER = b"\x8b" + struct.pack("<i", 30_000) + b"\x7f" * 30_000
VALUES = {
    "a memo of 2**28 entries": b"N" + put(1 << 28),
    "a memo of 2**31 entries": b"N" + put((1 << 31) - 1),
    "a memo by text": b"Np2000000000\n",
    "a key of doubled tuples": b"}" + doubled_tuples(45) + b"Ns",
    "keys of doubled tuples": b"}(" + doubled_tuples(45) + b"Nu",
    "a dict of doubled tuples": b"(" + doubled_tuples(45) + b"Nd",
    "a set of doubled tuples": b"\x8f(" + doubled_tuples(45) + b"\x90",
    "a frozenset of doubled tuples": b"(" + doubled_tuples(45) + b"\x91",
    "a set that is called": found("builtins", "set") + b"](" + doubled_tuples(45) + b"e\x85R",
    "a dict that is called": found("builtins", "dict") + b"](" + doubled_tuples(45) + b"N\x86e\x85R",
    "an OrderedDict by INST": b"(](" + doubled_tuples(45) + b"N\x86eicollections\nOrderedDict\n",
    "doubled lists": doubled_lists(30),
    "a list that holds itself": b"]" + put(0) + get(0) + b"a",
    "100,000 levels": deep(60_000),
    "a key of 60,000 levels": b"}" + deep(60_000) + b"Ns",
    "many copies of a list": b"](" + b"N" * 10_000 + b"e" + COPIES,
    "many copies of a set": b"\x8f(" + b"".join(b"J" + struct.pack("<i", n) for n in range(3_000)) + b"\x90" + COPIES,
    "a number of 240,000 bits": NUMBER,
    "a number of 60,000 digits": b"L" + b"9" * 60_000 + b"L\n",
    "8 GiB of bytes": b"\x8e" + struct.pack("<Q", 1 << 33),
    "8 GiB of a bytearray": b"\x96" + struct.pack("<Q", 1 << 33),
    "a frame of 8 GiB": b"\x95" + struct.pack("<Q", 1 << 33) + b"N",
    "text of 2**62 characters": b"\x8d" + struct.pack("<Q", 1 << 62),
}


HARMLESS = {name for name in VALUES if "memo" in name} | {"a frame of 8 GiB"}
"""Those that announce much and hold nothing, so that a description with them is read."""


def read(path: Path) -> str:
    """Returns what reading the file gives as text, in a process that cannot return a large value."""
    try:
        return repr(read_policy_config(path))
    except (CheckpointError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("name", VALUES)
def test_nothing_that_a_file_describes_takes_all_memory_or_time(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.model"
    path.write_bytes(whole(VALUES[name]))
    assert "Checkpoint: " in outcome(read, path) or name in HARMLESS
    for setting in ("extra_args", "hidsize", "img_shape", "impala_chans", "temperature"):
        content = model_content(SMALL_1X, extra_args="HERE" if setting == "extra_args" else "")
        arguments = content["model"]["args"]
        if setting == "temperature":
            arguments["pi_head_opts"] = {"temperature": "HERE"}
        elif setting != "extra_args":
            arguments["net"]["args"] = {**published_kwargs(SMALL_1X), setting: "HERE"}
        path.write_bytes(pickle.dumps(content, protocol=2).replace(text("HERE"), VALUES[name]))
        message = outcome(read, path)
        assert isinstance(message, str), message
        assert len(message) < 2_000
        assert "Error: " in message or "Checkpoint: " in message or name in HARMLESS, (setting, message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (doubled_lists(30), "more than 20,000 values"),
        (b"}" + doubled_tuples(45) + b"Ns", "more than (20,000 values|32 containers)"),
        (deep(1_000), "nests more than 32 containers"),
        (NUMBER, "holds an integer of 239,?999 bits"),
    ],
)
def test_the_error_says_what_is_too_much(tmp_path: Path, value: bytes, message: str) -> None:
    path = tmp_path / "x.model"
    path.write_bytes(whole(value))
    with pytest.raises(UnsafeCheckpoint, match=message) as caught:
        read_policy_config(path)
    assert str(path) in str(caught.value)
    assert "Nothing was executed" in str(caught.value)


def test_a_description_of_64_kib_is_the_largest(tmp_path: Path) -> None:
    path = tmp_path / "x.model"
    shorter = len(pickle.dumps(model_content(SMALL_1X, extra_args="x" * 60_000))) - 60_000
    path.write_bytes(pickle.dumps(model_content(SMALL_1X, extra_args="x" * ((1 << 16) - shorter))))
    assert path.stat().st_size == 1 << 16
    assert read_policy_config(path) == SMALL_1X
    path.write_bytes(path.read_bytes() + b".")
    with pytest.raises(CheckpointError, match=r"has 65,537 bytes"):
        read_policy_config(path)
