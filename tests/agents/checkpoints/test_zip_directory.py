"""Archives in which PyTorch and Python find different members: what one has checked, the other must read."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vpt_gym.agents.checkpoints.errors import CorruptCheckpoint
from vpt_gym.agents.checkpoints.weights_file import read_weights
from vpt_gym.agents.checkpoints.zip_directory import has_one_directory

NAME = "net.layer.weight"


def repacked(path: Path, values: Tensor, kind: int) -> tuple[bytes, bytes, int]:
    """Returns the members, the directory and the number of members of an archive that Python wrote."""
    torch.save({NAME: values}, path)
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", kind) as archive:
        for member in members:
            archive.writestr(*member)
    content = path.read_bytes()
    count, size, position = struct.unpack("<HLL", content[-12:-2])
    return content[:position], content[position : position + size], count


def test_an_archive_with_another_directory_for_pytorch_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.weights"
    packed, directory, count = repacked(path, torch.zeros(1 << 20), zipfile.ZIP_DEFLATED)  # 4 MiB in 6 kB
    shown, decoy, _ = repacked(path, torch.ones(3), zipfile.ZIP_STORED)
    entries, at = bytearray(decoy), 0
    while at < len(entries):  # Python adds the difference between where the directory is and where it is said to be
        (begin,) = struct.unpack_from("<L", entries, at + 42)
        struct.pack_into("<L", entries, at + 42, begin + len(packed) - len(shown))
        at += 46 + sum(struct.unpack_from("<3H", entries, at + 28))
    assert len(entries) == len(directory)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entries), len(packed), 0)
    path.write_bytes(packed + directory + shown + bytes(entries) + end)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
    with pytest.raises(CorruptCheckpoint, match="can be read in two ways"):
        read_weights(path)


def test_what_torch_and_python_write_has_one(tmp_path: Path) -> None:
    torch.save({NAME: torch.ones(3)}, tmp_path / "x")
    assert has_one_directory(tmp_path / "x")
    with zipfile.ZipFile(tmp_path / "y", "w") as archive:
        archive.writestr("a", b"b")
    assert has_one_directory(tmp_path / "y")


@pytest.mark.parametrize("at", [-98, -66, -58, -50, -42, -34, -22, -12, -10, -6, -2])
def test_every_number_of_its_place_counts(tmp_path: Path, at: int) -> None:
    """From the 64-bit record to the end: signatures, members, sizes, positions and the length of a comment."""
    path = tmp_path / "x"
    torch.save({NAME: torch.ones(3)}, path)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert not has_one_directory(path)


@pytest.mark.parametrize("content", [b"", b"PK\5\6", b"PK\5\6" + bytes(19)])
def test_what_has_no_end_has_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert not has_one_directory(tmp_path / "x")


def test_a_name_with_a_zero_is_refused(tmp_path: Path) -> None:
    """Python ends the name there."""
    path = tmp_path / "x.weights"
    torch.save({NAME: torch.ones(3)}, path)
    path.write_bytes(path.read_bytes().replace(b"x/version", b"x/ver\0ion"))
    with pytest.raises(CorruptCheckpoint, match="the name of a member can be read in two ways"):
        read_weights(path)
