"""Places of numbers in an action, and actions in which nothing is done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from vpt_gym.actions.entries import Place, find_place, fresh, rest_of
from vpt_gym.spaces import Choice

TREE = spaces.Dict(
    pair=spaces.Tuple((spaces.Discrete(3), spaces.MultiBinary(2))),
    some=spaces.MultiDiscrete([3, 4], start=[0, 2]),
    late=spaces.Discrete(3, start=5),
    one=spaces.Box(-2, 3, (1,), np.int32),
    look=spaces.Box(np.array([[-1.5, 0.0]]), np.array([[2.5, 9.0]]), dtype=np.float64),
)


@pytest.mark.parametrize(
    ("at", "low", "high", "whole"),
    [
        (("pair", 0), 0, 2, True),
        (("pair", 1, 1), 0, 1, True),
        (("some", 1), 2, 5, True),
        ("late", 5, 7, True),
        ("one", -2, 3, True),
        (("look", 0, 0), -1.5, 2.5, False),
    ],
)
def test_a_place_has_the_bounds_of_its_number(at: Any, low: float, high: float, whole: bool) -> None:
    place = find_place(TREE, at)
    assert (place.low, place.high, place.whole) == (low, high, whole)
    assert all(place.takes(value) for value in (low, high))
    assert not any(place.takes(value) for value in (low - 0.5, low - 1, high + 0.5, high + 1))
    assert place.takes(low + 0.25) is (not whole)


@pytest.mark.parametrize(
    "at", ["more", ("pair", 2), ("pair", -1), ("pair", "0"), ("some", 2), ("some", -1), ("look", 0), ("late", 0)]
)
def test_a_place_that_is_not_there_is_refused(at: Any) -> None:
    with pytest.raises(ValueError, match="the action space has no entry"):
        find_place(TREE, at)


def test_several_numbers_are_no_place() -> None:
    with pytest.raises(ValueError, match=r"one number is needed: name an entry of it, such as \('some', 0\)"):
        find_place(TREE, "some")


def test_a_number_is_written_into_its_place() -> None:
    action = {"pair": [1, np.zeros(2, np.int8)], "late": 5}
    assert Place(("pair", 1, 1), 0, 1, True).write(action, 1.0) is action
    assert action["pair"][1].tolist() == [0, 1]
    assert type(Place(("late",), 5, 7, True).write(action, 6.0)["late"]) is int
    assert Place(("late",), 0, 1, False).write(action, 0.5)["late"] == 0.5
    number = Place((), 0, 2, True).write(0, 2.0)
    assert (type(number), number) == (np.int64, 2)
    assert Place((), 0, 2, False).write(0.0, 1.5) == 1.5


def test_an_action_at_rest_is_zeros_and_what_was_given() -> None:
    space = spaces.Dict(TREE.spaces, say=spaces.Text(4, min_length=0), item=Choice(("none", "log")))
    del space.spaces["late"]
    del space.spaces["some"]
    rest = rest_of(space, {"one": np.array([3], np.int32)})
    assert rest["pair"][0] == 0
    assert rest["pair"][1].tolist() == [0, 0]
    assert (rest["one"].tolist(), rest["one"].dtype) == ([3], np.int32)
    assert rest["look"].tolist() == [[0, 0]]
    assert (rest["say"], rest["item"]) == ("", "none")
    with pytest.raises(ValueError, match=r"at_rest names \['two'\], which the action space lacks"):
        rest_of(space, {"two": 2})


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(3, start=5),
        spaces.MultiDiscrete([3, 4], start=[0, 2]),
        spaces.Box(1, 2, (2,)),
        spaces.Text(4, min_length=1),
        Choice(("log", "planks")),
    ],
)
def test_what_does_nothing_must_be_known(space: spaces.Space[Any]) -> None:
    with pytest.raises(ValueError, match="is unknown; give it in at_rest"):
        rest_of(spaces.Dict(a=space))


def test_what_is_given_becomes_an_action_of_the_space() -> None:
    rest = rest_of(TREE, {"pair": [1, [0, 1]], "some": [2, 5], "late": 6, "look": [[1, 2]]})
    assert TREE.contains(rest)
    assert rest["some"].tolist() == [2, 5]


@pytest.mark.parametrize(
    ("name", "given"),
    [("late", 8), ("late", 5.5), ("some", [2, 9]), ("some", [2.5, 3]), ("look", [0, 0]), ("one", "a")],
)
def test_what_is_given_must_be_in_the_space(name: str, given: Any) -> None:
    with pytest.raises(ValueError, match=r"at_rest is .* does not contain it"):
        rest_of(TREE, {"some": [0, 2], "late": 5, name: given})


def test_a_fresh_action_shares_nothing() -> None:
    action = {"a": np.zeros(2), "b": ({"c": np.ones(1)}, 3), "d": "none"}
    again = fresh(action)
    again["a"][0] = again["b"][0]["c"][0] = 7
    assert action["a"].tolist() == [0, 0]
    assert action["b"][0]["c"].tolist() == [1]
    assert (type(again["b"]), again["b"][1], again["d"]) == (tuple, 3, "none")
