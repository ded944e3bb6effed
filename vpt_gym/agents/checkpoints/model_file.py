"""Reads a published ``.model`` file (a pickle of constructor arguments) without executing anything in it."""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vpt_gym.agents.checkpoints.errors import CheckpointError, CorruptCheckpoint, UnsafeCheckpoint, WrongFile
from vpt_gym.agents.checkpoints.limited_pickle import PLAIN_CLASSES, LimitedUnpickler, Limits
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.system.printable import printable_name, shown
from vpt_gym.system.user_path import user_path

ConfigT = TypeVar("ConfigT")

MAX_MODEL_FILE_BYTES = 1 << 16
"""A ``.model`` file holds a few dozen numbers (the published ones take a few kB); a larger file is something else."""
_MAX_VALUES = 20_000
"""How many values a file may describe, each counted as often as it is referred to."""

_PLACEHOLDER_MODULES = ("gym3.types",)
"""Modules whose classes are replaced by empty placeholders. The published files describe their spaces with gym3's."""

_NO_DESCRIPTION_DOES = (
    "; no model description does. Nothing was executed; do not open this file with pickle or torch.load"
)

_NUMPY_SCALARS = frozenset({"b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"})


class _Placeholder:
    """Replaces an object of a class that this package does not need; accepts any state and discards it."""

    def __new__(cls, *args: object, **kwargs: object) -> _Placeholder:
        return object.__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _NumpyDtype(_Placeholder):
    """Replaces ``numpy.dtype(code)``; accepts only the codes of plain numbers, and keeps the code."""

    code: str

    def __new__(cls, code: object = None, *args: object) -> _NumpyDtype:
        if not isinstance(code, str) or code not in _NUMPY_SCALARS:
            raise UnsafeCheckpoint(f"the pickle builds numpy.dtype({shown(code)}); only plain numbers are accepted")
        self = object.__new__(cls)
        self.code = code
        return self

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and ">" in state:
            raise UnsafeCheckpoint("the pickle holds big-endian numbers; no published file does")


def _numpy_scalar(dtype: object, data: object = b"") -> int | float | bool:
    if not isinstance(dtype, _NumpyDtype) or not isinstance(data, bytes | str):
        raise UnsafeCheckpoint("the pickle builds a numpy scalar that is not a plain number")
    raw = data if isinstance(data, bytes) else data.encode("latin-1")
    if len(raw) != np.dtype(dtype.code).itemsize:
        raise CorruptCheckpoint(f"a numpy scalar of type {dtype.code} comes with {len(raw)} bytes of data")
    value: int | float | bool = np.frombuffer(raw, np.dtype(dtype.code).newbyteorder("<"))[0].item()
    return value


def _encode(text: object, encoding: object) -> bytes:
    """Replaces ``_codecs.encode``, with which protocol 2 writes bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise UnsafeCheckpoint("the pickle encodes something other than bytes")
    return text.encode("latin-1")


class _RestrictedUnpickler(LimitedUnpickler):
    """An unpickler for which every global is refused unless it is known to be harmless.

    A pickle can only call what ``find_class`` returns. This one returns built-in containers and numbers, and
    placeholder classes, made for each file, whose constructors ignore their arguments.
    """

    def __init__(self, pickled: bytes, limits: Limits) -> None:
        super().__init__(io.BytesIO(pickled), limits)
        self._placeholders: dict[tuple[str, str], type] = {}

    def find_class(self, module: str, name: str) -> Any:
        key = (module, name)
        if key in PLAIN_CLASSES:
            return PLAIN_CLASSES[key]
        # Functions are wrapped again for each file too: a pickle may set attributes of what it receives.
        if key == ("_codecs", "encode"):
            return lambda *args: _encode(*args)
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "scalar":
            return lambda *args: _numpy_scalar(*args)
        base = _NumpyDtype if key == ("numpy", "dtype") else _Placeholder
        if (base is _NumpyDtype or module in _PLACEHOLDER_MODULES) and name.isidentifier():
            if key not in self._placeholders:
                self._placeholders[key] = type(name, (base,), {"__module__": module})
            return self._placeholders[key]
        raise UnsafeCheckpoint(
            f"the pickle asks for the global '{printable_name(module)}.{printable_name(name)}'; no model description "
            "needs it. Nothing was executed; do not open this file with pickle or torch.load"
        )


def _refuse_extensions(pickled: bytes) -> None:
    """Refuses the opcodes that name a class by a number.

    Python caches the class of such a number, and returns it from then on without calling ``find_class``.
    """
    for opcode, _, _ in pickletools.genops(pickled):
        if opcode.name in ("EXT1", "EXT2", "EXT4"):
            raise UnsafeCheckpoint(
                f"the pickle names a class by a number ({opcode.name}); no model description does. "
                "Nothing was executed; do not open this file with pickle or torch.load"
            )


def read_model_file(path: str | Path) -> dict[str, Any]:
    """Reads a ``.model`` file of the published VPT models.

    Args:
        path: A pickle whose ``["model"]["args"]`` holds ``["net"]["args"]`` (the policy's keyword arguments)
            and ``["pi_head_opts"]`` (the action head's). The unpickler builds containers, strings and numbers,
            replaces gym3's space classes by empty placeholders, and refuses everything else.

    Returns:
        ``{"policy": {...}, "pi_head": {...}}``: the two dictionaries of keyword arguments, as in the file.

    Raises:
        UnsafeCheckpoint: The pickle asks for any other global, or describes more, deeper nested or larger values than
            any model has. Nothing in it has been executed.
        WrongFile: It is a weight file, or a pickle without a model description.
        CorruptCheckpoint: It is truncated or damaged.
        FileNotFoundError: There is no such file.
    """
    path = user_path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith(b"PK"):
            raise WrongFile(
                f"{path} is a zip archive of tensors, not a .model file: "
                "give it as the weights (weights_path= or load_weights)"
            )
        if size > MAX_MODEL_FILE_BYTES:
            raise WrongFile(
                f"{path} has {size:,} bytes; a .model file describes an architecture in a few thousand. "
                "Is it a weight file? Give that as weights_path="
            )
        file.seek(0)
        pickled = file.read(MAX_MODEL_FILE_BYTES + 1)
    limits = Limits(_MAX_VALUES, _NO_DESCRIPTION_DOES)
    try:
        _refuse_extensions(pickled)
        content = _RestrictedUnpickler(pickled, limits).load()
        limits.check(content)
    except CheckpointError as error:
        raise type(error)(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle can raise any error
        raise CorruptCheckpoint(
            f"{path} is not a readable pickle ({type(error).__name__}: {shown(error)}): truncated or damaged. "
            "Download it again and compare its size"
        ) from error
    try:
        arguments = content["model"]["args"]
        policy, pi_head = arguments["net"]["args"], arguments["pi_head_opts"]
    except (KeyError, TypeError, IndexError) as error:
        raise WrongFile(
            f"{path} is a pickle, but not of a VPT model: "
            'it lacks ["model"]["args"]["net"]["args"] and ["pi_head_opts"]'
        ) from error
    if not isinstance(policy, dict) or not isinstance(pi_head, dict):
        raise WrongFile(f"{path}: the arguments of the net and of the action head must be dictionaries")
    return {"policy": dict(policy), "pi_head": dict(pi_head)}


def read_policy_config(path: str | Path) -> VPTConfig:
    """Reads the architecture of a policy from a ``.model`` file; executes nothing in it.

    Raises:
        CheckpointError: The file is unsafe, damaged or something else (see :func:`read_model_file`), or describes an
            architecture that is not a VPT policy's.
        FileNotFoundError: There is no such file.
    """
    return published_config(path, VPTConfig.from_published)


def published_config(path: str | Path, from_published: Callable[[dict[str, Any], dict[str, Any]], ConfigT]) -> ConfigT:
    """Returns the config that a ``.model`` file describes.

    Args:
        path: The file.
        from_published: Makes the config from the arguments of the net and of the action head.

    Raises:
        CheckpointError: As for :func:`read_policy_config`.
        FileNotFoundError: There is no such file.
    """
    content = read_model_file(path)
    try:
        return from_published(content["policy"], content["pi_head"])
    except (TypeError, ValueError) as error:
        raise WrongFile(f"{path} describes a network that is not supported: {error}") from error
