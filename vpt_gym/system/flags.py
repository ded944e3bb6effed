"""Arguments that are True or False: other values are refused, since Python takes the text "no" for true."""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypeVar, cast

import numpy as np

from vpt_gym.system.printable import shown

CallableT = TypeVar("CallableT")
_FLAGS = {"bool": (bool, np.bool_), "bool | None": (bool, np.bool_, type(None))}
"""The annotations of flags, as written, with the types of their values."""


def checks_flags(function: CallableT) -> CallableT:
    """Makes a function or class refuse a value for a flag that is neither True nor False.

    Flags are the parameters with the annotation ``bool`` or ``bool | None``. The module must have
    ``from __future__ import annotations``. For a class, those of its constructor are checked; put it above
    ``@dataclass``.

    Raises:
        ValueError: The function is called with such a value; the message names the flag.
    """
    if isinstance(function, type):
        cast("Any", function).__init__ = checks_flags(cast("Any", function).__init__)
        return function
    parameters = inspect.signature(cast("Any", function)).parameters.values()
    flags = [
        (None if one.kind is one.KEYWORD_ONLY else place, one.name, _FLAGS[one.annotation])
        for place, one in enumerate(parameters)
        if one.annotation in _FLAGS
    ]

    @functools.wraps(cast("Any", function))
    def checked(*args: Any, **kwargs: Any) -> Any:
        for place, name, types in flags:
            value = kwargs.get(name, False) if place is None or place >= len(args) else args[place]
            if not isinstance(value, types):
                raise ValueError(f"{name} is {shown(value)}; it must be True or False")
        return cast("Any", function)(*args, **kwargs)

    return cast("CallableT", checked)
