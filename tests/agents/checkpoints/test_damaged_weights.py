"""Weight files that are damaged or made to do harm: our own error, in bounded time and memory."""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.support.limited import outcome
from tests.support.malicious_pickles import FORMS, call, found, group, number, text, whole
from tests.support.published_files import SMALL_1X, write_model
from vpt_gym.agents.checkpoints.errors import CheckpointError, CorruptCheckpoint, UnsafeCheckpoint, WrongFile
from vpt_gym.agents.checkpoints.policy import load_weights
from vpt_gym.agents.checkpoints.tensor_index import check_legacy_index, check_zip_index
from vpt_gym.agents.checkpoints.weights_file import is_tensor_file, read_weights
from vpt_gym.agents.describe import describe
from vpt_gym.agents.policy.policy import VPTPolicy

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:Sparse", "ignore:The PyTorch API")

STATE = {f"net.layer{n}.weight": torch.arange(6.0).reshape(2, 3) + n for n in range(3)}


def saved(path: Path, state: object = STATE, zipped: bool = True) -> Path:
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    return path


def read(path: Path) -> str:
    """Returns what reading gives as text."""
    try:
        return ", ".join(read_weights(path))
    except CheckpointError as error:
        return f"{type(error).__name__}: {error}"


def flips(path: Path, count: int, seed: int) -> list[bytes]:
    whole_file = path.read_bytes()
    rng = np.random.default_rng(seed)
    mutants = []
    for _ in range(count):
        damaged = bytearray(whole_file)
        for _ in range(int(rng.integers(1, 4))):
            damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
        mutants.append(bytes(damaged))
    return mutants


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_flipped_byte_gives_our_own_error_or_tensors(tmp_path: Path, form: str) -> None:
    path = tmp_path / ("x.safetensors" if form == "safetensors" else "x.weights")
    if form == "safetensors":
        save_file(STATE, path, metadata={"a": "b"})
    else:
        saved(path, zipped=form == "zip")
    mutants = flips(path, 150, seed=0)

    def all_read() -> list[str]:
        problems = []
        for mutant in mutants:
            path.write_bytes(mutant)
            try:
                tensors = read_weights(path)
                assert all(isinstance(key, str) and isinstance(value, Tensor) for key, value in tensors.items())
            except CheckpointError as error:
                problems.append(str(error))
        return problems

    problems = outcome(all_read)
    assert isinstance(problems, list), problems
    assert len(problems) > 30
    assert all(str(path) in problem for problem in problems)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.weights")
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02")  # the directory's entry of the last member
    flags, name = at + 8, at + 46
    damaged = bytearray(content)
    damaged[flags : flags + 2] = (0x0800).to_bytes(2, "little")  # "the name is UTF-8"
    damaged[name] = 0xFF
    path.write_bytes(damaged)
    with pytest.raises(CorruptCheckpoint, match=r"not a readable archive \(UnicodeDecodeError"):
        read_weights(path)
    assert "not a readable archive" in describe([path])[0].problem


def repacked(path: Path, kind: int, *, more: tuple[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in [*members, *([more] if more else [])]:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packed_members_are_refused_before_they_are_unpacked(tmp_path: Path, kind: int) -> None:
    path = repacked(saved(tmp_path / "x.weights"), kind, more=("x/bomb", bytes(300 << 20)))
    assert path.stat().st_size < 2 << 20
    assert outcome(read, path, seconds=3, megabytes=200).startswith("CorruptCheckpoint: ")
    with pytest.raises(CorruptCheckpoint, match=r"its members are packed, which torch\.save never does"):
        read_weights(path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
@pytest.mark.parametrize("content", [{"a": 1}, {}, OrderedDict(a=1)])
def test_a_pickle_of_another_program_is_named(tmp_path: Path, protocol: int, content: object) -> None:
    (tmp_path / "x.weights").write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(WrongFile, match=r"is a pickle, but torch\.save did not write it"):
        read_weights(tmp_path / "x.weights")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = repacked(saved(tmp_path / "x.weights"), zipfile.ZIP_STORED, more=("x/version", b"3\n"))
    with pytest.raises(CorruptCheckpoint, match="two of its members have the same name"):
        read_weights(path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.weights"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/readme.txt", "hello")
    with pytest.raises(CorruptCheckpoint, match=r"no index of tensors \(data.pkl\)"):
        read_weights(path)


ODD_TENSORS = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "values": lambda: torch.empty(3, device="meta"),
    "nested": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    "quantised": lambda: torch.quantize_per_tensor(torch.zeros(3), 1.0, 0, torch.qint8),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ODD_TENSORS)
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_that_are_not_dense_are_named(tmp_path: Path, kind: str, zipped: bool) -> None:
    path = saved(tmp_path / "x.weights", {**STATE, "net.odd": ODD_TENSORS[kind]()}, zipped)
    with pytest.raises(WrongFile, match=rf"it holds (tensors without )?{kind}.*dense"):
        read_weights(path)
    assert describe([path])[0].problem


def doubled(levels: int) -> bytes:
    return b")q\x00" + b"".join(
        b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(levels)
    )


def storage(length: int, kind: str = "FloatStorage", key: str = "0") -> bytes:
    return group(text("storage"), found("torch", kind), text(key), text("cpu"), number(length)) + b"Q"


def tensor(storage: bytes, shape: bytes, stride: bytes) -> bytes:
    arguments = group(storage, number(0), shape, stride, b"\x89", call(found("collections", "OrderedDict")))
    return found("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def named(tensor: bytes) -> bytes:
    return b"}" + text("a") + tensor + b"s"


LONG, ONE, NO_STRIDE = b"\x8a\x08" + struct.pack("<q", 1 << 60), group(number(1)), group(number(0), number(0))
GIB = number(1 << 30)
INDICES = {
    "a key of doubled tuples": b"}" + doubled(45) + b"Ns",
    "a key of 5,000 tuples": b"}N" + b"\x85" * 5_000 + b"Ns",
    "an OrderedDict of doubled tuples": call(found("collections", "OrderedDict"), b"](" + doubled(45) + b"N\x86e"),
    "an allocated storage": found("torch.storage", "UntypedStorage") + group(GIB) + b"\x81",
    "an allocated storage of floats": call(found("torch", "FloatStorage"), GIB),
    "an allocated tensor": found("torch", "Tensor") + group(GIB) + b"\x81",
    "an allocated bytearray": call(found("builtins", "bytearray"), GIB),
    "a storage larger than the file": named(tensor(storage(1 << 29), ONE, ONE)),
    "a shape larger than memory": named(tensor(storage(6), group(LONG), ONE)),
    "a shape that overflows": named(tensor(storage(6), group(LONG, LONG), NO_STRIDE)),
    "a negative shape": named(tensor(storage(6), group(number(-1)), ONE)),
    "a storage without a type": named(tensor(b"K\x05Q", ONE, ONE)),
    "a storage named by doubled tuples": doubled(45)
    + named(
        tensor(
            group(text("storage"), found("torch", "FloatStorage"), b"h\x2d", text("cpu"), number(6)) + b"Q", ONE, ONE
        )
    ),
    "deep nesting": b"]" * 20_000 + b"a" * 19_999,
}


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("form", FORMS)
def test_an_index_cannot_take_much_memory_or_time(tmp_path: Path, name: str, form: str) -> None:
    path = tmp_path / "x.weights"
    FORMS[form](path, b"\x80\x02" + INDICES[name] + b".")
    message = outcome(read, path, seconds=8)
    assert isinstance(message, str), message
    assert message.startswith(("CorruptCheckpoint: ", "UnsafeCheckpoint: ", "WrongFile: ")), message
    assert len(message) < 1_000


BYTES = {"Byte": 1, "Bool": 1, "Half": 2, "BFloat16": 2, "Short": 2, "Int": 4, "Float": 4, "Long": 8, "Double": 8}
BYTES |= {"ComplexFloat": 8, "ComplexDouble": 16}


@pytest.mark.parametrize("kind", BYTES)
def test_storages_may_have_as_many_bytes_as_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.weights"

    def write(*lengths: int) -> int:
        tensors = [
            text(str(n)) + tensor(storage(length, f"{kind}Storage", str(n)), ONE, ONE)
            for n, length in enumerate(lengths)
        ]
        FORMS["zip"](path, whole(b"}(" + b"".join(tensors) + b"u"))
        return path.stat().st_size

    most, rest = divmod(write(1, 1), BYTES[kind])
    assert write(most - 5, 5) - rest == most * BYTES[kind]
    check_zip_index(path)
    write(most - 5, 6)
    described = re.escape(f"{(most + 1) * BYTES[kind]:,} bytes and has only {path.stat().st_size:,}")
    with pytest.raises(CorruptCheckpoint, match=f"describes tensors of {described}: truncated or damaged"):
        check_zip_index(path)


@pytest.mark.parametrize("sizes", [(6, 1 << 29), (1 << 29, 6)])
def test_the_largest_size_of_a_storage_counts(tmp_path: Path, sizes: tuple[int, int]) -> None:
    """A file could describe a storage twice: in one pickle, or in two of the old format."""
    first, second = (tensor(storage(size), ONE, ONE) for size in sizes)
    path = tmp_path / "x.weights"
    FORMS["zip"](path, whole(b"}(" + text("a") + first + text("b") + second + b"u"))
    with pytest.raises(CorruptCheckpoint, match=r"describes tensors of 2,147,483,648 bytes"):
        check_zip_index(path)
    FORMS["old"](path, whole(named(first)) + whole(named(second)))
    with pytest.raises(CorruptCheckpoint, match=r"describes tensors of 2,147,483,648 bytes"):
        check_legacy_index(path)


@pytest.mark.parametrize("key", ["0", "a"])
def test_a_storage_may_not_have_more_bytes_than_its_member(tmp_path: Path, key: str) -> None:
    """An older PyTorch may read what follows it in memory."""
    path = tmp_path / "x.weights"

    def write(length: int) -> None:
        FORMS["zip"](path, whole(named(tensor(storage(length, key=key), ONE, ONE))))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"archive/data/{key.upper()}", bytes(4 * 25))
            archive.writestr("archive/more", bytes(400))

    write(25)
    check_zip_index(path)
    write(26)
    with pytest.raises(CorruptCheckpoint, match=rf"104 bytes of the storage {key}, which has only 100"):
        check_zip_index(path)


@pytest.mark.parametrize(("length", "kind"), [(-1, "FloatStorage"), (6, "Size")])
def test_a_storage_that_cannot_be_is_damage(tmp_path: Path, length: int, kind: str) -> None:
    FORMS["zip"](tmp_path / "x.weights", whole(named(tensor(storage(length, kind), ONE, ONE))))
    with pytest.raises(CorruptCheckpoint, match=f"a storage of {length} numbers"):
        read_weights(tmp_path / "x.weights")


def test_the_global_that_is_refused_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.weights"
    FORMS["zip"](path, whole(INDICES["an allocated bytearray"]))
    with pytest.raises(UnsafeCheckpoint, match=r"'builtins.bytearray'; no file of tensors needs it\. Nothing was"):
        read_weights(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_every_number_type_and_without_values_are_read(tmp_path: Path, zipped: bool) -> None:
    numbers = ("float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "bool", "complex64", "complex128")
    state = {name: torch.ones(20_000, dtype=getattr(torch, name)) for name in numbers}
    state |= {"none": torch.zeros(0), "one": torch.ones(()), "tied": state["float64"]}
    found = read_weights(saved(tmp_path / "x.weights", state, zipped))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], value) and found[key].dtype == value.dtype for key, value in state.items())


def test_an_index_of_more_than_8_mib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.weights"
    for size, refused in ((1 << 23, False), ((1 << 23) + 1, True)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", b"\x80\x02N.".ljust(size))
        assert ("has an index of 8,388,609 bytes" in read(path)) is refused


def test_a_tensor_repeated_by_strides_is_not_made(tmp_path: Path) -> None:
    """Its shape fits, but its values take more memory than the file has bytes."""
    state = {key: torch.zeros(()).expand(value.shape) for key, value in VPTPolicy(SMALL_1X).state_dict().items()}
    with pytest.raises(CorruptCheckpoint, match=r"has [\d,]+ values, and the file holds fewer"):
        load_weights(VPTPolicy(SMALL_1X), saved(tmp_path / "x.weights", state))


def write_safetensors(path: Path, header: object, values: bytes = b"") -> Path:
    text_ = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text_)) + text_ + values)
    return path


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [0, 1 << 63], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [0, (1 << 63) - 1, 1 << 62], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [0] * 5_000, "data_offsets": [0, 0]}},
        {"a": {"dtype": "F33", "shape": [0], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}},
        b"[" * 50_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b"",
    ],
)
def test_an_odd_header_of_safetensors(tmp_path: Path, header: object) -> None:
    path = write_safetensors(tmp_path / "x.safetensors", header)
    message = outcome(read, path)
    assert isinstance(message, str), message
    assert message.startswith("CorruptCheckpoint: ") or message == "a"
    assert describe([path])[0].problem


@pytest.mark.parametrize(
    "shapes",
    [
        {"net.img_process.linear.layer.weight": [0, 256]},
        {"net.img_process.linear.layer.weight": [1 << 50, 0]},
        {f"net.recurrent_layer.blocks.{'9' * 5_000}.mlp0.layer.weight": [0, 4]},
    ],
)
def test_tensors_without_values_have_no_architecture(tmp_path: Path, shapes: dict[str, list[int]]) -> None:
    complete = {key: list(value.shape) for key, value in VPTPolicy(SMALL_1X).state_dict().items()}
    hollow = {key: [0, *shape[1:]] for key, shape in complete.items()}
    for every in (shapes, {**complete, **shapes}, {**hollow, **shapes}):
        empty = {key: shape if 0 in shape else [0, *shape] for key, shape in every.items()}
        header = {key: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for key, shape in empty.items()}
        path = write_safetensors(tmp_path / "x.safetensors", header)
        [description] = describe([path])
        assert description.problem
        with pytest.raises(CheckpointError):
            load_weights(VPTPolicy(SMALL_1X), path)


def test_a_file_of_tensors_is_told_from_a_description(tmp_path: Path) -> None:
    for zipped in (True, False):
        assert is_tensor_file(saved(tmp_path / "a", zipped=zipped))
    assert not is_tensor_file(write_model(tmp_path / "a.model", SMALL_1X))


class _Calls:
    def __reduce__(self) -> tuple[object, ...]:
        return os.getcwd, ()


@pytest.mark.parametrize("zipped", [True, False])
def test_the_name_that_a_file_asks_for_is_named(tmp_path: Path, zipped: bool) -> None:
    path = saved(tmp_path / "a.weights", {"a": _Calls()}, zipped=zipped)
    with pytest.raises(
        UnsafeCheckpoint, match=r"a\.weights asks for the global '\w+\.getcwd'; .* Nothing was executed"
    ):
        read_weights(path)


def test_a_folder_and_files_of_other_values_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match=r"is a folder; VPTAgent\.from_pretrained reads folders"):
        read_weights(tmp_path)
    for content in ({1: torch.zeros(1)}, {"a": 1}, [torch.zeros(1)], torch.zeros(1)):
        with pytest.raises(WrongFile, match="is not a dictionary of tensors by name"):
            read_weights(saved(tmp_path / "a.weights", content))
