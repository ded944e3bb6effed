"""Two spaces that Gymnasium lacks: arrays of strings, and one string out of a list.

MineDojo's observations contain arrays of item names. This module also registers how Gymnasium's vector environments
batch them, and how its wrappers stack, delay and flatten them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from gymnasium.spaces import Box, Space, Tuple
from gymnasium.spaces.utils import flatdim, flatten, flatten_space, is_space_dtype_shape_equiv, unflatten
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, create_shared_memory, iterate
from gymnasium.vector.utils.shared_memory import read_from_shared_memory, write_to_shared_memory
from gymnasium.vector.utils.space_utils import batch_differing_spaces
from gymnasium.wrappers.utils import create_zero_array

Array = np.ndarray[Any, Any]

_LAST_CODE_POINT = 0x10FFFF
"""The largest code point of Unicode."""

_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz "))


class Strings(np.ndarray[Any, Any]):
    """A ``'<U'`` array for which ``np.allclose`` means equal.

    ``gymnasium.utils.env_checker.check_env`` compares observations with that function, which NumPy does not define for
    strings. Otherwise it is a NumPy array.
    """

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.allclose:
            return bool(np.array_equal(np.asarray(args[0]), np.asarray(args[1])))
        return super().__array_function__(func, types, args, kwargs)


class TextArray(Space[Array]):
    """Arrays of strings, as NumPy ``'<U'`` arrays.

    Args:
        shape: Shape of the arrays.
        max_length: Maximum length of a string, characters.
        seed: Seed of the sampler.

    Raises:
        ValueError: ``max_length`` is below 1.

    Example:
        >>> names = TextArray((2,), max_length=8)
        >>> names
        TextArray((2,), 8)
        >>> names.contains(np.array(["log", "air"]))
        True
    """

    def __init__(
        self, shape: Sequence[int], max_length: int = 24, seed: int | np.random.Generator | None = None
    ) -> None:
        if max_length < 1:
            raise ValueError(f"max_length is {max_length}; a string needs at least 1 character")
        self.max_length = int(max_length)
        super().__init__(tuple(int(n) for n in shape), np.dtype(f"<U{self.max_length}"), seed)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the arrays."""
        return tuple(self._shape or ())

    @property
    def is_np_flattenable(self) -> bool:
        """False: a ``Dict`` with strings is flattened to a ``Dict``, in which frames stay uint8."""
        return False

    def sample(self, mask: None = None, probability: None = None) -> Array:
        """Returns an array of random words; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("TextArray.sample takes neither a mask nor a probability")
        lengths = self.np_random.integers(1, self.max_length + 1, self.shape)
        words = ["".join(self.np_random.choice(_LETTERS, n)) for n in lengths.reshape(-1)]
        return np.array(words, self.dtype).reshape(self.shape)

    def contains(self, x: Any) -> bool:
        """Returns whether ``x`` is an array of strings of this shape, none of them too long."""
        if not isinstance(x, np.ndarray) or x.dtype.kind != "U" or x.shape != self.shape:
            return False
        return bool((np.char.str_len(x) <= self.max_length).all())

    def to_jsonable(self, sample_n: Iterable[Array]) -> list[Any]:
        """Returns samples as nested lists of strings."""
        return [sample.tolist() for sample in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[Array]:
        """Returns the samples that ``to_jsonable`` wrote."""
        return [np.array(sample, self.dtype).reshape(self.shape) for sample in sample_n]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextArray) and (self.shape, self.max_length) == (other.shape, other.max_length)

    def __repr__(self) -> str:
        return f"TextArray({self.shape}, {self.max_length})"


class Choice(Space[str]):
    """One string out of a list.

    Args:
        values: The strings; the first is the default.
        seed: Seed of the sampler.

    Raises:
        ValueError: There are no values, or duplicates.

    Example:
        >>> Choice(("none", "log")).contains("log")
        True
    """

    def __init__(self, values: Sequence[str], seed: int | np.random.Generator | None = None) -> None:
        self.values = tuple(values)
        if not self.values or len(set(self.values)) != len(self.values):
            raise ValueError(f"values are {values!r}; they must be at least one string, without duplicates")
        super().__init__(None, None, seed)

    @property
    def is_np_flattenable(self) -> bool:
        """False: a ``Dict`` with strings is flattened to a ``Dict``, in which frames stay uint8."""
        return False

    def sample(self, mask: None = None, probability: None = None) -> str:
        """Returns one of the strings; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("Choice.sample takes neither a mask nor a probability")
        return self.values[int(self.np_random.integers(len(self.values)))]

    def contains(self, x: Any) -> bool:
        """Returns whether ``x`` is one of the strings."""
        return isinstance(x, str) and x in self.values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self.values == other.values

    def __repr__(self) -> str:
        return f"Choice({self.values})"


@batch_space.register(TextArray)
def _batch_text(space: TextArray, n: int = 1) -> TextArray:
    return TextArray((n, *space.shape), space.max_length)


@cast(Any, batch_differing_spaces).register(TextArray)
def _batch_differing_text(spaces: Sequence[TextArray]) -> TextArray:
    if any(space.shape != spaces[0].shape for space in spaces):
        raise ValueError(f"cannot batch text arrays of different shapes: {[space.shape for space in spaces]}")
    return TextArray((len(spaces), *spaces[0].shape), max(space.max_length for space in spaces))


@create_empty_array.register(TextArray)
def _empty_text(space: TextArray, n: int = 1, fn: Any = np.zeros) -> Array:
    return np.zeros((n, *space.shape), space.dtype)


@cast(Any, concatenate).register(TextArray)
def _concatenate_text(space: TextArray, items: Iterable[Array], out: Array) -> Array:
    for row, item in zip(range(len(out)), items, strict=True):
        out[row] = item
    return out


@cast(Any, iterate).register(TextArray)
def _iterate_text(space: TextArray, items: Array) -> Iterator[Array]:
    return (np.asarray(items[row]) for row in range(len(items)))  # an element of an array (N,) would be no array


@create_shared_memory.register(TextArray)
def _share_text(space: TextArray, n: int = 1, ctx: Any = None) -> Any:
    if ctx is None:
        raise ValueError("create_shared_memory needs the multiprocessing context as `ctx`")
    return ctx.Array("B", n * int(np.prod(space.shape)) * np.dtype(space.dtype).itemsize)


def _shared_view(space: TextArray, shared: Any) -> Array:
    return np.frombuffer(shared.get_obj(), space.dtype).reshape(-1, *space.shape)


@read_from_shared_memory.register(TextArray)
def _read_text(space: TextArray, shared_memory: Any, n: int = 1) -> Array:
    return _shared_view(space, shared_memory)


@write_to_shared_memory.register(TextArray)
def _write_text(space: TextArray, index: int, value: Array, shared_memory: Any) -> None:
    _shared_view(space, shared_memory)[index] = value


@cast(Any, create_zero_array).register(TextArray)
def _zero_text(space: TextArray) -> Array:
    return np.zeros(space.shape, space.dtype)


@cast(Any, create_zero_array).register(Choice)
def _zero_choice(space: Choice) -> str:
    return space.values[0]


@cast(Any, is_space_dtype_shape_equiv).register(TextArray)
@cast(Any, is_space_dtype_shape_equiv).register(Choice)
def _equivalent(space: TextArray | Choice, other: Space[Any]) -> bool:
    return space == other


@cast(Any, batch_differing_spaces).register(Choice)
def _batch_differing_choices(spaces: Sequence[Choice]) -> Tuple[Any]:
    return Tuple([Choice(space.values) for space in spaces])


# A string is flattened to its code points, int32, filled up with 0; a choice to a one-hot vector, as Discrete is.


@cast(Any, flatdim).register(TextArray)
def _text_flatdim(space: TextArray) -> int:
    return int(np.prod(space.shape)) * space.max_length


@cast(Any, flatten_space).register(TextArray)
def _flat_text_space(space: TextArray) -> Box:
    return Box(0, _LAST_CODE_POINT, (_text_flatdim(space),), np.int32)


@cast(Any, flatten).register(TextArray)
def _flatten_text(space: TextArray, x: Array) -> Array:
    return np.array(x, space.dtype, order="C").reshape(-1).view(np.uint32).astype(np.int32)


@cast(Any, unflatten).register(TextArray)
def _unflatten_text(space: TextArray, x: Array) -> Array:
    codes = np.ascontiguousarray(x).astype(np.uint32)
    return np.asarray(codes.view(cast(Any, space.dtype)).reshape(space.shape))


@cast(Any, flatdim).register(Choice)
def _choice_flatdim(space: Choice) -> int:
    return len(space.values)


@cast(Any, flatten_space).register(Choice)
def _flat_choice_space(space: Choice) -> Box:
    return Box(0, 1, (len(space.values),), np.int64)


@cast(Any, flatten).register(Choice)
def _flatten_choice(space: Choice, x: str) -> Array:
    one_hot = np.zeros(len(space.values), np.int64)
    one_hot[space.values.index(x)] = 1
    return one_hot


@cast(Any, unflatten).register(Choice)
def _unflatten_choice(space: Choice, x: Array) -> str:
    (chosen,) = np.flatnonzero(x)
    return space.values[int(chosen)]
