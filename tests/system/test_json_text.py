"""JSON that is nested: what is read can be walked through by functions that call themselves."""

from __future__ import annotations

import json

import pytest

from vpt_gym.demos.files.records import finite
from vpt_gym.system.json_text import MOST_NESTED, nesting, parse_json

OPENINGS = {"[": "]", '{"a":': "}"}


def nested(levels: int, opening: str) -> str:
    return opening * levels + "1" * (opening != "[") + OPENINGS[opening] * levels


@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.parametrize("encoded", [str, str.encode, lambda text: text.encode("utf-16")])
def test_what_is_read_is_nested_so_that_it_can_be_walked_through(opening: str, encoded: object) -> None:
    assert callable(encoded)
    value = parse_json(encoded(nested(MOST_NESTED, opening)))
    assert nesting(value, 10 * MOST_NESTED) == MOST_NESTED
    assert json.dumps(finite(value)) == json.dumps(value)
    for levels in (MOST_NESTED + 1, 480, 600, 960, 100_000):  # Python's own limit is somewhere above the second
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json(encoded(nested(levels, opening)))


def test_many_containers_beside_each_other_are_not_nested() -> None:
    assert len(parse_json(f"[{','.join(['[{}]'] * 1000)}]")) == 1000


@pytest.mark.parametrize("text", ["", "[", "nul", "[1,]", '{"a": 1'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"(Expecting|delimiter|Illegal)"):
        parse_json(text)
