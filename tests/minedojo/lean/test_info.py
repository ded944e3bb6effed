"""`InfoParser` returns what `json.loads` returns, whatever it parsed before."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym.minedojo.lean.info import InfoParser

NAMES = [f"minecraft.item_{k}" for k in range(60)]


def counts(n: int, **changed: int) -> dict[str, int]:
    return {**dict.fromkeys(NAMES[:n], 0), **changed}


def tick(time: int, mined: int = 0, n: int = 60) -> dict[str, Any]:
    flat = {f"flat_{k}": 0 for k in range(40)} | {"time_since_death": time}
    return {
        "name": "a {\"brace\": 1} and a 'quote' \\ é",
        "inventory": [{"name": "air", "quantity": 0} for _ in range(41)],
        "stat": {"jump": time, "mine_block": {"minecraft": counts(n, log=mined)}, "drop": {"minecraft": counts(n)}},
        "flat": flat,
        "pickup": counts(n),
        "xpos": -1.5 * time,
        "nothing": [None, True, False, {}, []],
    }


def assert_parses(parser: InfoParser, text: str) -> Any:
    parsed, expected = parser(text.encode()), json.loads(text)
    assert json.dumps(parsed) == json.dumps(expected)  # types and the order of keys too
    return parsed


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":"), (" ,\n", " :\t")])
def test_ticks_in_turn_are_parsed_as_json_does(separators: tuple[str, str]) -> None:
    parser = InfoParser()
    told = [tick(0), tick(1), tick(2, mined=1), tick(3, mined=1), tick(4, n=20), tick(5), {"stat": {}}, tick(6)]
    for info in told:
        assert_parses(parser, json.dumps(info, separators=separators))


def test_what_is_unchanged_is_parsed_once() -> None:
    parser = InfoParser()
    parser(json.dumps(tick(0)).encode())
    kept = list(parser._known or ())
    parser(json.dumps(tick(1, mined=1)).encode())
    again = parser._known or ()
    unchanged = [old is new for old, new in zip(kept, again, strict=True)]
    assert unchanged == [False, True, False, True]  # mine_block and flat changed, drop and pickup did not


def test_a_result_is_the_callers_own() -> None:
    parser = InfoParser()
    text = json.dumps(tick(0)).encode()
    for _ in range(3):
        info = parser(text)
        assert info == tick(0)
        info["pickup"].clear()
        info["stat"]["drop"]["minecraft"]["log"] = 5


def test_numbers_that_json_does_not_know_are_parsed_as_json_loads_does() -> None:
    parser = InfoParser()
    for value in (1.0, math.nan, math.inf, -math.inf, 2.0):
        assert_parses(parser, json.dumps({**tick(0), "cosine": value, "name": "NaN"}))


def test_what_is_no_json_is_refused() -> None:
    parser = InfoParser()
    text = json.dumps(tick(0))
    for _ in range(2):
        for broken in (text[:-20], text.replace('"pickup": ', '"pickup": "'), text + "}", "", text[:300]):
            with pytest.raises(ValueError, match=r"line \d+ column \d+"):
                parser(broken.encode())
        assert_parses(parser, text)
    with pytest.raises(ValueError, match="utf-8"):
        parser(b'{"name": "\xff"}')


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet='a{}":, 0\\é', max_size=12)
COUNTS = st.builds(
    lambda n, key, value: {**counts(n), key: value},
    st.sampled_from([5, 29, 31, 60]),
    st.sampled_from(
        [NAMES[0], NAMES[3], "other", 'q"{'],
    ),
    st.integers(-3, 3),
)
TREES = st.recursive(LEAVES | COUNTS, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text('ab{":'), part))


@settings(deadline=None, max_examples=200)
@given(st.lists(TREES, min_size=2, max_size=6))
def test_any_sequence_of_texts(values: list[Any]) -> None:
    parser = InfoParser()
    for value in values:
        assert_parses(parser, json.dumps(value, ensure_ascii=False))
        assert_parses(parser, json.dumps([value, value]))
