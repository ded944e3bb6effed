"""A stand-in for a GPU: a second device that computes on the CPU, and refuses what a GPU refuses.

A trainer that forgets to move a tensor works on the CPU, and fails on a GPU that the tests do not have. Inside
``stand_in_device()``, tensors on the device ``STAND_IN`` hold real values and compute them on the CPU. Each operation
that mixes them with CPU tensors raises the error that CUDA would raise (a scalar of no dimension may be mixed, as on
CUDA), and so does reading them as numpy arrays without ``.cpu()``. Use it in a test of a trainer like this::

    with stand_in_device():
        policy = small_policy().to(STAND_IN)
        trainer = Trainer(policy, dataset)   # dataset and envs stay on the CPU
        trainer.update()                     # raises DeviceMismatch if a tensor was not moved
        assert all(on_stand_in(parameter) for parameter in policy.parameters())

An agent is made by ``VPTAgent(policy, device=STAND_IN)``; it acts without a packed engine, as on a GPU.

The device is called ``meta``, because PyTorch needs no library for that name; nothing else of PyTorch's meta device
applies inside. What differs from CUDA is not found: other kernels that lack a type, asynchronous errors, and rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

STAND_IN = torch.device("meta")


_aten = torch.ops.aten
_INDEXING = (_aten.index, _aten.index_put, _aten.index_put_, _aten._index_put_impl_)
"""Operations whose second argument, the indices, may be on the CPU, as on CUDA."""
_MOVING = (_aten._to_copy.default, _aten.copy_.default)
_OF_ONE_TYPE = (_aten.native_group_norm, _aten.native_layer_norm)
"""Operations that take inputs and parameters of different number types on the CPU, but not on CUDA."""


class DeviceMismatch(RuntimeError):
    """An operation mixes tensors of the stand-in device and of the CPU."""


class _StandInTensor(torch.Tensor):
    """A tensor that is said to be on ``STAND_IN``, and keeps its values in a CPU tensor."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> _StandInTensor:
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=STAND_IN,
            requires_grad=inner.requires_grad,
        )

    def __init__(self, inner: torch.Tensor) -> None:
        self.inner = inner

    def __repr__(self) -> str:
        return f"StandIn({self.inner!r})"

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise TypeError("can't convert a tensor on the stand-in device to numpy: use Tensor.cpu() first")
        return self.inner.detach().numpy()

    def tolist(self) -> Any:
        return self.inner.tolist()

    def __array__(self, dtype: Any = None) -> Any:
        return self.numpy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copied = _StandInTensor(self.inner.detach().clone())
        if isinstance(self, torch.nn.Parameter):
            copied = torch.nn.Parameter(copied, requires_grad=self.requires_grad)
        memo[id(self)] = copied
        return copied

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _StandInMode(TorchDispatchMode):
    """Sees the operations without a tensor of the device too: those that create one there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _CreationMode(TorchFunctionMode):
    """Creates tensors from Python values on the CPU and moves them, since PyTorch creates them without values."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            return func(*args, **{**kwargs, "device": "cpu"}).to(kwargs["device"])
        if func is torch.Tensor.new_tensor:
            like, *others = args
            options = {"dtype": like.dtype, "device": like.device, **kwargs}
            return torch.tensor(*others, **{**options, "device": "cpu"}).to(options["device"])
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            tensor, index, *others = args
            return func(tensor, _without_lists(index), *others)
        return func(*args, **kwargs)


def _without_lists(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_without_lists(part) for part in index)
    return torch.tensor(index) if isinstance(index, list) else index


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = _tensors((args, kwargs))
    there = any(isinstance(tensor, _StandInTensor) for tensor in tensors)
    device = kwargs.get("device")
    if there and func not in _MOVING:
        checked = [arg for n, arg in enumerate(args) if n != 1] if func.overloadpacket in _INDEXING else args
        left = [t for t in _tensors((checked, kwargs)) if not isinstance(t, _StandInTensor) and t.dim()]
        if left:
            raise DeviceMismatch(
                f"Expected all tensors to be on the same device, but {func} got a tensor on the CPU, "
                f"{left[0].dtype} {tuple(left[0].shape)}, beside one on the stand-in device"
            )
    if there and func.overloadpacket in _OF_ONE_TYPE and len({tensor.dtype for tensor in tensors}) > 1:
        raise RuntimeError(f"{func} got tensors of several types, {[tensor.dtype for tensor in tensors]}")
    if device is not None:
        there = torch.device(device).type == STAND_IN.type
        kwargs = {**kwargs, "device": torch.device("cpu")}
    with torch.inference_mode(False), torch.no_grad():  # a wrapper cannot be an inference tensor
        return _computed(func, args, kwargs, tensors, there)


def _computed(func: Any, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor], there: bool) -> Any:
    result = func(*tree_map(_unwrap, args), **tree_map(_unwrap, kwargs))
    if func is _aten.copy_.default:
        return args[0]
    if not there:
        return result
    if func._schema.is_mutable:  # the values are changed in place, so the argument itself is returned
        same = {id(tensor.inner): tensor for tensor in tensors if isinstance(tensor, _StandInTensor)}
        return tree_map(lambda value: same.get(id(value), _wrap(value)), result)
    return tree_map(_wrap, result)


def _tensors(values: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    tree_map(lambda value: found.append(value) if isinstance(value, torch.Tensor) else None, values)
    return found


def _unwrap(value: Any) -> Any:
    return value.inner if isinstance(value, _StandInTensor) else value


def _wrap(value: Any) -> Any:
    is_plain = isinstance(value, torch.Tensor) and not isinstance(value, _StandInTensor)
    return _StandInTensor(value) if is_plain else value


def on_stand_in(tensor: torch.Tensor) -> bool:
    """Whether a tensor is on the stand-in device."""
    return tensor.device.type == STAND_IN.type


@contextmanager
def stand_in_device() -> Iterator[torch.device]:
    """Makes ``STAND_IN`` a device with values, until the end of the block."""
    with _StandInMode(), _CreationMode():
        yield STAND_IN
