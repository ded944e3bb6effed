"""The mutants are real: each is another program, and takes the place of a function that is already in use."""

from __future__ import annotations

import types

from tests.mutation.mutants import find_mutants, mutated
from tests.mutation.session import exchange

SOURCE = '''
LIMIT = 3
def inside(value, *, strict=True):
    """Text."""
    if value < 0 and not value:
        raise ValueError(f"{value + 1}")
    return len([one for one in range(value) if one != 1]) - LIMIT
'''


def test_every_change_is_found_once_and_texts_are_left_alone() -> None:
    mutants = find_mutants("a.py", SOURCE)
    assert [(mutant.line, mutant.function, mutant.what) for mutant in mutants if mutant.line < 7] == [
        (2, None, "3  ->  4"),
        (3, None, "True  ->  False"),
        (5, 3, "if value < 0 and (not value)  ->  if not (value < 0 and (not value))"),
        (5, 3, "value < 0 and (not value)  ->  value < 0 or not value"),
        (5, 3, "value < 0  ->  value <= 0"),
        (5, 3, "value < 0  ->  value >= 0"),
        (5, 3, "0  ->  1"),
        (5, 3, "not value  ->  value"),
        (6, 3, "raise ValueError(f'{value + 1}')  ->  pass"),
    ]
    assert [mutant.number for mutant in mutants] == list(range(len(mutants)))


def test_each_mutant_is_another_program() -> None:
    programs = {compile(mutated(SOURCE, mutant.number), "a.py", "exec") for mutant in find_mutants("a.py", SOURCE)}
    assert len(programs | {compile(SOURCE, "a.py", "exec")}) == len(find_mutants("a.py", SOURCE)) + 1


def test_a_function_in_use_becomes_its_mutant() -> None:
    module: dict[str, types.FunctionType] = {}
    exec(compile(SOURCE, "a.py", "exec"), module)
    held = module["inside"]
    assert held(6) == 2
    [mutant] = [mutant for mutant in find_mutants("a.py", SOURCE) if mutant.what.startswith("one != 1  ->")]
    exchange([held], compile(mutated(SOURCE, mutant.number), "a.py", "exec"))
    assert held(6) == -2
