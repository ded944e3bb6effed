"""Reads files of tensors by name, ``.weights`` and ``.safetensors``, without executing anything in them."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.torch_version import TorchVersion

from vpt_gym.agents.checkpoints.errors import CorruptCheckpoint, UnsafeCheckpoint, WrongFile
from vpt_gym.agents.checkpoints.int8_weights import unpack
from vpt_gym.agents.checkpoints.tensor_index import check_legacy_index, check_zip_index
from vpt_gym.agents.checkpoints.zip_directory import has_one_directory
from vpt_gym.system.printable import printable_name, shown
from vpt_gym.system.user_path import user_path

LEGACY_TORCH_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
"""The number at the start of a file that ``torch.save`` wrote in its format before zip."""


def is_tensor_file(path: Path) -> bool:
    """Returns whether a file begins like one that ``torch.save`` wrote; a ``.model`` file does not."""
    with path.open("rb") as file:
        head = file.read(64)
    return head.startswith(b"PK") or LEGACY_TORCH_MAGIC in head


def read_weights(path: str | Path, *, inside: str = "") -> dict[str, Tensor]:
    """Reads the tensors of a ``.weights`` file (``torch.save``) or of a ``.safetensors`` file, on the CPU.

    Matrices that are stored as int8 (``int8_weights``) are returned as float32.

    Args:
        path: The file.
        inside: Where a file of ``torch.save`` has a dictionary under this key, its tensors are read instead.

    Raises:
        UnsafeCheckpoint: Reading the file would import or call something, or take much more memory or time than it has
            bytes. Nothing in it has been executed.
        CorruptCheckpoint: It is truncated or damaged.
        WrongFile: It is not a file of dense tensors by name.
        RuntimeError: The installed PyTorch is older than 2.6.
        FileNotFoundError: There is no such file.
    """
    path = user_path(path)
    if path.is_dir():
        raise WrongFile(f"{path} is a folder; VPTAgent.from_pretrained reads folders")
    with path.open("rb") as file:
        head = file.read(64)
    if path.suffix == ".safetensors":
        try:
            tensors = load_file(path)
        except Exception as error:  # besides SafetensorError, what PyTorch raises for a shape that cannot be
            raise CorruptCheckpoint(
                f"{path} is not a readable safetensors file ({shown(error)}): truncated?"
            ) from error
        return unpack(tensors, printable_name(str(path)))
    if head.startswith(b"PK"):
        _check_archive(path)
        check_zip_index(path)
    elif LEGACY_TORCH_MAGIC not in head:
        if head.startswith(b"\x80") or head[:1] in (b"(", b"c", b"}"):
            raise WrongFile(
                f"{path} is a pickle, but torch.save did not write it. Is it the .model file? "
                "Give that first: from_pretrained(model_path, weights_path)"
            )
        raise CorruptCheckpoint(f"{path} is not a weight file: it begins with {head[:8]!r}. Truncated or damaged?")
    else:
        check_legacy_index(path)
    content = _torch_load(path)
    if inside and isinstance(content, Mapping) and isinstance(content.get(inside), Mapping):
        content = content[inside]
    if not isinstance(content, Mapping) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()
    ):
        hint = ""
        if isinstance(content, Mapping):
            inner = [printable_name(k) for k, v in content.items() if isinstance(k, str) and isinstance(v, Mapping)]
            hint = f"; it holds {', '.join(inner[:5])}: save only that" if inner else ""
        raise WrongFile(f"{path} is not a dictionary of tensors by name (a state dict){hint}")
    for key, value in content.items():
        if value.layout != torch.strided or value.is_nested or value.is_quantized or value.device.type != "cpu":
            raise WrongFile(f"{path}: {printable_name(key)} is not a dense tensor on the CPU: convert and save it")
    return dict(content)


def _check_archive(path: Path) -> None:
    """Verifies the checksums of a zip archive, which PyTorch's reader does not, and that its members are its bytes.

    What is verified here is what PyTorch reads afterwards only if both find the same members.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            packed = [info.filename for info in members if info.compress_type != zipfile.ZIP_STORED]
            if packed or sum(info.file_size for info in members) > path.stat().st_size:
                damaged, problem = None, "its members are packed, which torch.save never does"
            elif len({info.filename for info in members}) < len(members):
                damaged, problem = None, "two of its members have the same name"
            elif any(info.filename != info.orig_filename for info in members):  # as PyTorch reads it
                damaged, problem = None, "the name of a member can be read in two ways"
            elif not has_one_directory(path):
                damaged, problem = None, "the list of its members is not at its end, or can be read in two ways"
            else:
                damaged, problem = archive.testzip(), ""
    except Exception as error:  # a damaged archive can raise any: UnicodeDecodeError for a name, OSError for a position
        damaged, problem = None, f"{type(error).__name__}: {error}"
    if problem:
        raise CorruptCheckpoint(
            f"{path} is not a readable archive ({printable_name(problem)}): truncated or damaged. Download it again "
            "and compare its size"
        )
    if damaged is not None:
        raise CorruptCheckpoint(
            f"{path} is damaged: the checksum of {printable_name(damaged)} is wrong. Download it again (or save it "
            "again, if it was saved under torch.serialization.set_crc32_options(False))"
        )


def require_safe_torch(version: str = torch.__version__) -> None:
    """Raises RuntimeError if ``weights_only=True`` can be bypassed (PyTorch before 2.6, CVE-2025-32434)."""
    if TorchVersion(version) < "2.6":
        raise RuntimeError(
            f"PyTorch {version} can be made to execute code by a weight file even with weights_only=True "
            "(CVE-2025-32434): install torch>=2.6"
        )


def _torch_load(path: Path) -> Any:
    require_safe_torch()
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+\.\w+)(?![\w.])", str(error))
        if found is None:
            raise CorruptCheckpoint(f"{path}: its index of tensors is damaged ({shown(error)})") from error
        raise UnsafeCheckpoint(
            f"{path} asks for the global '{found[1]}'; no file of tensors needs it. "
            "Nothing was executed; do not load it with weights_only=False"
        ) from error
    except Exception as error:  # a damaged file can raise any error
        raise CorruptCheckpoint(f"{path} cannot be read ({type(error).__name__}: {shown(error)})") from error
