"""An unpickler for files that nobody vouches for: it calls only what it is given, and bounds time and memory."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vpt_gym.agents.checkpoints.errors import UnsafeCheckpoint
from vpt_gym.system.printable import shown

if TYPE_CHECKING:
    _PythonUnpickler = pickle.Unpickler
else:
    # The one written in Python: it keeps its memo in a dict, where the one in C allocates an array of the size that the
    # file names, and its handlers can be replaced.
    _PythonUnpickler = pickle._Unpickler

PLAIN_CLASSES: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    **{
        (module, cls.__name__): cls
        for module in ("builtins", "__builtin__")
        for cls in (dict, frozenset, list, set, tuple)
    },
}
"""Built-in containers, by the names that pickles have for them."""

_MAX_DEPTH = 32
_MAX_BITS = 128


class Limits:
    """Refuses values that take much more time or memory to use than the file has bytes.

    A few bytes can describe a tuple that holds another one twice, and so on. Its hash and its text take a time that
    doubles with each level.

    Args:
        most_values: How many values a file may describe, each counted as often as it is referred to.
        remark: Added to the messages: what such a file is good for.
    """

    def __init__(self, most_values: int, remark: str) -> None:
        self._most = self._left = most_values
        self._remark = remark

    def check(self, *values: object) -> None:
        """Counts values and everything in them.

        Raises:
            UnsafeCheckpoint: They are too many, nested too deeply, or an integer is too long.
        """
        waiting = [(value, 0) for value in values]
        while waiting:
            value, depth = waiting.pop()
            self._left -= 1
            if self._left < 0:
                raise UnsafeCheckpoint(f"the pickle describes more than {self._most:,} values{self._remark}")
            if depth > _MAX_DEPTH:
                raise UnsafeCheckpoint(f"the pickle nests more than {_MAX_DEPTH} containers{self._remark}")
            if isinstance(value, dict):
                waiting.extend((item, depth + 1) for pair in value.items() for item in pair)
            elif isinstance(value, list | tuple | set | frozenset):
                if len(value) > self._left:
                    self._left = 0
                    waiting.append((None, 0))
                    continue
                waiting.extend((item, depth + 1) for item in value)
            elif isinstance(value, int) and value.bit_length() > _MAX_BITS:
                raise UnsafeCheckpoint(f"the pickle holds {shown(value)}{self._remark}")


class LimitedUnpickler(_PythonUnpickler):
    """The base of unpicklers that check each value against limits before it is hashed or passed to a function.

    A pickle can only call what ``find_class`` returns, which subclasses define.

    Args:
        file: The pickle, for whose reading no more memory is needed than it has bytes: ``io.BytesIO`` or a map of a
            file, not the file itself.
        limits: The limits.
    """

    dispatch: dict[int, Callable[[Any], None]]
    stack: list[Any]

    def __init__(self, file: Any, limits: Limits) -> None:
        super().__init__(file, encoding="latin-1")
        self.limits = limits

    def find_class(self, module: str, name: str) -> Any:
        """Returns the object for a global of the file; a subclass must refuse those that it does not know."""
        raise NotImplementedError


def _checked(handler: Callable[[Any], None], operands: int | None) -> Callable[[Any], None]:
    """Returns the handler of an opcode that checks its operands first; None: all since the last mark."""

    def handle(unpickler: LimitedUnpickler) -> None:
        unpickler.limits.check(*(unpickler.stack if operands is None else unpickler.stack[-operands:]))
        handler(unpickler)

    return handle


_OPERANDS: dict[bytes, int | None] = {
    pickle.SETITEM: 2,
    pickle.SETITEMS: None,
    pickle.DICT: None,
    pickle.ADDITEMS: None,
    pickle.FROZENSET: None,
    pickle.REDUCE: 2,
    pickle.NEWOBJ: 2,
    pickle.NEWOBJ_EX: 3,
    pickle.OBJ: None,
    pickle.INST: None,
    pickle.BUILD: 2,
}
"""Opcodes that hash or call something, and how many values they take from the stack."""

_REFUSED = {
    pickle.BYTEARRAY8,  # allocates as many bytes as the file names
    pickle.NEXT_BUFFER,
    pickle.READONLY_BUFFER,
    pickle.EXT1,  # Python caches the class of such a number, and returns it without calling find_class
    pickle.EXT2,
    pickle.EXT4,
}

if not TYPE_CHECKING:
    LimitedUnpickler.dispatch = {
        **{code: handler for code, handler in pickle._Unpickler.dispatch.items() if bytes([code]) not in _REFUSED},
        **{code[0]: _checked(pickle._Unpickler.dispatch[code[0]], n) for code, n in _OPERANDS.items()},
    }
