"""The options of the examples: a value that cannot be meant is refused before anything is loaded or played."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.example_scripts import load_example
from tests.support.paths import ROOT
from vpt_gym.learning.bc import TrainArgs

REQUIRED = {
    "bc": ["--demos", "demos"],
    "dagger": ["--demos", "demos", "--model", "nano"],
    "distill": ["--teacher", "nano"],
    "end_to_end": [],
    "evaluate": ["--model", "nano"],
    "finetune_native": ["--demos", "demos"],
    "idm": ["--demos", "demos"],
    "nearest_neighbour": ["--demos", "demos", "--model", "nano"],
    "ppo": ["--model", "nano-foundation"],
    "pretrain": [],
    "record": [],
}
"""Script -> its options without a default."""
MAY_BE_NEGATIVE = {"warmup_variance"}
"""A share of explained variance, which is negative where the values are worse than their mean."""


def with_minus_one(args: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yields the name of each number in the arguments, and a function that makes the arguments with -1 in its place."""
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        if dataclasses.is_dataclass(value):
            for name, make in with_minus_one(value):
                yield name, lambda make=make, name=field.name: dataclasses.replace(args, **{name: make()})
        elif isinstance(value, int | float) and not isinstance(value, bool) and field.name not in MAY_BE_NEGATIVE:
            new = {field.name: type(value)(-1)}
            yield field.name, lambda new=new: dataclasses.replace(args, **new)


def refused(make: Callable[[], Any]) -> bool:
    try:
        make()
    except ValueError as error:
        return "-1" in str(error)
    return False


@pytest.mark.parametrize("script", REQUIRED)
def test_no_number_may_be_negative(script, monkeypatch):
    """A negative number of episodes would be a slice of nearly a million worlds."""
    example = load_example(script)
    monkeypatch.setattr(sys, "argv", [script, *REQUIRED[script]])
    args = example.parse(example.Args) if hasattr(example, "parse") else example.read_command_line(example.Args)
    numbers = dict(with_minus_one(args))
    assert {"seed", "num_envs"} & numbers.keys()
    assert [name for name, make in numbers.items() if not refused(make)] == []


@pytest.mark.parametrize("script", ["bc", "dagger"])
def test_a_policy_is_kept_near_its_start_only_if_that_is_trained(script):
    example, near = load_example(script), TrainArgs(kl_to_start=1.0)
    example.Args(("demos",), "nano-foundation", train=near)
    example.Args(("demos",), "nano", "foundation.weights", train=near)
    with pytest.raises(ValueError, match=r"kl_to_start is 1; .*fresh heads"):
        example.Args(("demos",), "nano", train=near)


def test_ppo_keeps_a_policy_near_its_start_only_if_that_is_trained():
    example = load_example("ppo")
    example.Args(model="nano", kl_coefficient=0.0)
    with pytest.raises(ValueError, match=r"kl_coefficient is 0\.2; .*fresh heads, .*: give --kl-coefficient 0"):
        example.Args(model="nano")


def test_every_script_that_takes_demos_and_plays_warns_if_they_are_of_another_environment():
    """What the warning says is tested in tests/learning/test_elsewhere.py; to run each script would take minutes."""
    options = {script: {field.name for field in dataclasses.fields(load_example(script).Args)} for script in REQUIRED}
    playing = [script for script, names in options.items() if {"demos", "env"} <= names]
    assert {"bc", "dagger", "ppo", "finetune_native"} < set(playing)
    calls = "warn_if_elsewhere(args.demos, "
    assert [script for script in playing if calls not in (ROOT / "examples" / f"{script}.py").read_text()] == []
