"""The limits of unpickling, to the value."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from vpt_gym.agents.checkpoints.errors import UnsafeCheckpoint
from vpt_gym.agents.checkpoints.limited_pickle import PLAIN_CLASSES, LimitedUnpickler, Limits


def nested(levels: int, container: Callable[[Any], Any]) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = container(value)
    return value


@pytest.mark.parametrize(
    ("value", "count"),
    [(1, 1), ([1, 2], 3), ({"a": 1}, 3), ((1, (2,)), 4), ({1, 2}, 3), (frozenset((1, 2)), 3), ({"a": [1]}, 4), ([], 1)],
)
def test_every_value_in_a_value_counts(value: Any, count: int) -> None:
    Limits(count, "").check(value)
    with pytest.raises(UnsafeCheckpoint, match=f"more than {count - 1} values; none does"):
        Limits(count - 1, "; none does").check(value)


def test_values_of_all_checks_together_count() -> None:
    limits = Limits(5, "")
    limits.check(1, [2])
    limits.check(3, 4)
    with pytest.raises(UnsafeCheckpoint, match="more than 5 values"):
        limits.check(5)


def test_depth_and_length_are_bounded() -> None:
    limits = Limits(10_000, "; none does")
    limits.check((1 << 128) - 1, -(1 << 128) + 1, True)
    for container in (
        lambda value: [value],
        lambda value: (1, value),
        lambda value: {1: value},
        lambda v: frozenset((v,)),
    ):
        limits.check(nested(32, container))
        with pytest.raises(UnsafeCheckpoint, match="nests more than 32 containers; none does"):
            limits.check(nested(33, container))
    for number in (1 << 128, [1 << 128], {1: 1 << 128}, -(1 << 128)):
        with pytest.raises(UnsafeCheckpoint, match=r"holds -?34028\d*; none does"):
            limits.check(number)


class Plain(LimitedUnpickler):
    def find_class(self, module: str, name: str) -> Any:
        return PLAIN_CLASSES[module, name]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_within_the_limits_is_read(protocol: int) -> None:
    value = {"a": [1, 2.5, None, "text", b"bytes"], "b": ({1, 2}, frozenset((3,))), "c": OrderedDict(d=(1, 2, 3, 4))}
    if protocol < 3:
        del value["a"][4]  # bytes need _codecs.encode there
    assert Plain(io.BytesIO(pickle.dumps(value, protocol)), Limits(200, "")).load() == value
    with pytest.raises(NotImplementedError):
        LimitedUnpickler(io.BytesIO(pickle.dumps(value, protocol)), Limits(200, "")).load()
