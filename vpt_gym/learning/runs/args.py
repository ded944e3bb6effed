"""The command line of a trainer: options that every run has, and ``--resume``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro

from vpt_gym.learning.runs.directory import RunError, read_description
from vpt_gym.system.command_line import check_values, read_command_line, with_home

ArgsT = TypeVar("ArgsT")
_RESUME, _PRESET = "--resume", "--preset"


@dataclass(frozen=True)
class RunArgs:
    """Where the run writes, and what it logs to.

    Raises:
        ValueError: The name has a slash.
    """

    out: Annotated[Path | None, tyro.conf.arg(prefix_name=False)] = None
    """Directory of the run. None: runs/SCRIPT/TIME-NAME. One with a run is refused, unless that stopped before it
    logged anything."""
    name: Annotated[str, tyro.conf.arg(prefix_name=False)] = ""
    """Added to the name of the directory."""
    resume: Annotated[Path | None, tyro.conf.arg(prefix_name=False, metavar="RUN")] = None
    """Directory of a run to continue, from its last checkpoint and with its arguments. Options given beside it
    replace those of the run."""
    tensorboard: Annotated[bool, tyro.conf.arg(prefix_name=False)] = True
    """Write the metrics for TensorBoard too."""
    wandb: Annotated[str | None, tyro.conf.arg(prefix_name=False, metavar="PROJECT")] = None
    """Log to this project of Weights & Biases."""

    def __post_init__(self) -> None:
        if "/" in self.name or "\\" in self.name:
            raise ValueError(f"the name of a run is {self.name!r}; it must not contain a slash: use --out for a path")


def parse(
    args_type: type[ArgsT],
    command_line: Sequence[str] | None = None,
    *,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
) -> ArgsT:
    """Reads the command line of a trainer. With ``--resume RUN`` the arguments are those of the run in ``RUN``.

    A run that is resumed needs the same paths: it must be resumed from the working directory it was started in.
    Errors end the program with a message, like those of every other wrong option.

    Args:
        args_type: A dataclass with a field ``run: RunArgs``.
        command_line: The words of the command line without the program's name; default: ``sys.argv[1:]``.
        presets: Values of options by name of a preset. ``--preset NAME``, for which the dataclass has a field
            ``preset``, makes them the defaults: options on the command line replace them.
    """
    words = with_home(sys.argv[1:] if command_line is None else command_line)
    check_values(words)  # before --resume is looked up
    directory = _last_value(words, _RESUME)
    if directory is not None:
        try:
            description = read_description(Path(directory))
        except RunError as error:
            sys.exit(f"--resume {directory}: {error}")
        if Path(description["working_directory"]) != Path.cwd():
            sys.exit(
                f"--resume {directory}: its paths are relative to {description['working_directory']}; "
                "resume it from that directory"
            )
        words = joined(description["argv"], words, args_type)
    preset = (presets or {}).get(_last_value(words, _PRESET) or "")
    if preset is None:  # none is named, or one that does not exist, which tyro reports
        return read_command_line(args_type, words)
    required = [field.name for field in fields(args_type) if field.default is field.default_factory is MISSING]  # type: ignore[arg-type]
    return read_command_line(args_type, words, default=args_type(**dict.fromkeys(required, tyro.MISSING), **preset))


def check_counts(args: object, *names: str) -> None:
    """Checks options that count something, for ``__post_init__``: tyro then shows the error as a wrong option.

    Args:
        args: The arguments.
        names: Names of the options.

    Raises:
        ValueError: One of them is less than 1.
    """
    for name in names:
        if getattr(args, name) < 1:
            raise ValueError(f"{name} is {getattr(args, name)}; it must be at least 1")


def check_ranges(
    args: object, *, positive: Sequence[str] = (), not_negative: Sequence[str] = (), shares: Sequence[str] = ()
) -> None:
    """Checks options that are numbers, for ``__post_init__``; None, the value of an option that is off, is right.

    Args:
        args: The arguments.
        positive: Names of the options that must be above 0.
        not_negative: Names of those that must be at least 0.
        shares: Names of those that must be from 0 to 1.

    Raises:
        ValueError: One of them is out of its range, or NaN.
    """
    rules: tuple[tuple[Sequence[str], Callable[[float], bool], str], ...] = (
        (positive, lambda value: value > 0, "must be positive"),
        (not_negative, lambda value: value >= 0, "must not be negative"),
        (shares, lambda value: 0 <= value <= 1, "must be from 0 to 1"),
    )
    for names, holds, what in rules:
        for name in names:
            value = getattr(args, name)
            if value is not None and not holds(value):
                raise ValueError(f"{name} is {value}; it {what}")


def joined(earlier: Sequence[str], later: Sequence[str], args_type: type[Any]) -> list[str]:
    """Returns a command line with the words of a later one added, which count where both give the same option.

    The choice of a type, such as ``beta:linear-beta``, and its options stay at the end: tyro gives all words after it
    to that type.

    Args:
        earlier: Words of a command line of ``args_type``.
        later: Words to add.
        args_type: The dataclass of the arguments.
    """
    parts = []
    for words in (earlier, later):
        cut = _position_of_choice(words, args_type)
        parts.append((words[:cut], words[cut:]))
    (options, choice), (new_options, new_choice) = parts
    return [*options, *new_options, *(new_choice or choice)]


def _position_of_choice(words: Sequence[str], args_type: type[Any]) -> int:
    """Returns where the choice of a type begins, as tyro finds it; the number of words if there is none."""
    if not any(":" in word for word in words):
        return len(words)
    types = get_type_hints(args_type)
    # these options take the word after them as their value, whatever it is; those of a tuple take what is no choice
    one_value = {name for name, kind in types.items() if kind is not bool and get_origin(kind) is not tuple}
    choices = {
        f"{name}:{re.sub('(?<!^)(?=[A-Z][a-z])|(?<=[a-z0-9])(?=[A-Z])', '_', option.__name__).lower()}"
        for name, kind in types.items()
        if get_origin(kind) in (Union, UnionType)
        for option in get_args(kind)
        if isinstance(option, type) and is_dataclass(option)
    }
    for position, word in enumerate(words):
        before = words[position - 1] if position else ""
        is_value = before.startswith("--") and before[2:].replace("-", "_") in one_value
        if word.replace("-", "_") in choices and not is_value:
            return position
    return len(words)


def _last_value(words: Sequence[str], option: str) -> str | None:
    """Returns the value of the last appearance of an option, None if there is none."""
    for position in reversed(range(len(words))):
        name, equals, value = words[position].partition("=")
        if name == option and equals:
            return value
        if name == option and position + 1 < len(words):
            return words[position + 1]
    return None
