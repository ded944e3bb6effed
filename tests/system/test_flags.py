from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import vpt_gym
from tests.support.published_files import SMALL_1X
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.system.flags import checks_flags

EXCEPTIONS = {
    "Problem",  # is made here, as the two below
    "Episode",
    "EpisodeSummary",
    "DemoWriter.close",  # has a check of its own: 0 and 1 are success too
    "DemoWriter.summary",
    "ResilientEnv.set_wrapper_attr",  # is Gymnasium's
}
"""Public names whose flags are not checked."""
MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@checks_flags
def choose(first: int, loud: bool = False, *, safe: bool | None = None) -> tuple[int, bool, bool | None]:
    return first, loud, safe


@checks_flags
@dataclass(frozen=True)
class Choice:
    loud: bool = False


@pytest.mark.parametrize("value", ["no", "false", "", 2, 1, 0, [], None])
def test_what_is_neither_true_nor_false_is_refused(value: Any) -> None:
    for call in (lambda: choose(1, value), lambda: choose(1, loud=value), lambda: Choice(value)):
        with pytest.raises(ValueError, match=r"loud is .*; it must be True or False"):
            call()
    with pytest.raises(ValueError, match=r"loud is .*; it must be True or False"):
        replace(Choice(), loud=value)


def test_flags_and_what_is_none_are_passed_on() -> None:
    assert choose(1, True, safe=None) == (1, True, None)
    assert choose(2, np.bool_(True), safe=np.bool_(False)) == (2, True, False)
    assert choose("no") == ("no", False, None)  # type: ignore[arg-type]
    assert Choice(loud=True).loud


def packages() -> Iterator[Any]:
    for found in pkgutil.walk_packages(vpt_gym.__path__, "vpt_gym."):
        if found.ispkg and not found.name.startswith(("vpt_gym.cli", "vpt_gym.integrations")):
            yield import_module(found.name)


def public_functions() -> dict[str, Callable[..., Any]]:
    """Returns the public functions, constructors and methods by name."""
    found: dict[str, Callable[..., Any]] = {}
    for package in (vpt_gym, *packages()):
        for name in getattr(package, "__all__", ()):
            item = getattr(package, name)
            if inspect.isclass(item) and item.__module__.startswith("vpt_gym") and not issubclass(item, Exception):
                found[name] = item
                methods = inspect.getmembers(item, inspect.isfunction)
                ours = {method: code for method, code in methods if code.__module__.startswith("vpt_gym")}
                found.update({f"{name}.{method}": code for method, code in ours.items() if method[0] != "_"})
            elif inspect.isfunction(item):
                found[name] = item
    return found


def test_every_public_flag_is_checked() -> None:
    messages = {}
    for name, function in public_functions().items():
        parameters = [one for one in inspect.signature(function).parameters.values() if one.kind not in MANY]
        needed = {one.name: object() for one in parameters if one.default is one.empty}
        for flag in [one.name for one in parameters if one.annotation in ("bool", "bool | None")]:
            if name not in EXCEPTIONS:
                with pytest.raises(Exception) as caught:  # noqa: PT011 (its message is compared below)
                    function(**{**needed, flag: "no"})
                messages[name, flag] = str(caught.value)
    assert messages["RecorderWrapper", "lossless"]
    assert {
        where: text for where, text in messages.items() if text != f"{where[1]} is 'no'; it must be True or False"
    } == {}


def test_a_policy_refuses_a_wrong_flag_that_is_set() -> None:
    with pytest.raises(ValueError, match="wanted is 'no'; it must be True or False"):
        VPTPolicy(SMALL_1X).gradient_checkpointing = "no"  # type: ignore[assignment]
