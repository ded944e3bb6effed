"""Command lines, which tyro reads: a check that holds for the values of all options, and the help of some."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from vpt_gym.system.user_path import user_path

WRONG_COMMAND = 2
"""Exit status of a wrong command line, as ``argparse`` and tyro have it: an unknown command or option, a value of the
wrong kind or an empty one, or a path or a name that does not exist."""

ResultT = TypeVar("ResultT")


def read_command_line(
    args_type: Callable[..., ResultT],
    words: Sequence[str] | None = None,
    *,
    default: Any = None,
    prog: str | None = None,
) -> ResultT:
    """Returns the arguments of a command line, by ``tyro.cli``.

    Args:
        args_type: A dataclass, or a function, which is called.
        words: The words of the command line; default: those after the program's name in ``sys.argv``.
        default: Arguments that count where the command line has none; default: those of ``args_type``.
        prog: Name of the program, for messages; default: the name of the script.

    Raises:
        SystemExit: A value is empty or an option is wrong (2), or the help is asked for (0).
    """
    import tyro  # here, so that what only checks values is fast

    words = with_home(sys.argv[1:] if words is None else words)
    check_values(words, prog)
    more = {} if default is None else {"default": default}
    result: ResultT = tyro.cli(args_type, args=words, prog=prog, **more)
    return result


def with_home(words: Sequence[str]) -> list[str]:
    """Returns a command line in which ``~/`` at the start of a value is the home directory.

    A shell does this where a word begins with it and is not quoted, and so not in ``--out=~/demos``, for which a
    directory of the name ``~`` would be made.
    """
    expanded = []
    for word in words:
        option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        is_home = value == "~" or value.startswith("~/")
        expanded.append(f"{option}{equals}{user_path(value)}" if is_home else word)
    return expanded


def optional(metavar: str, default: str, *, aliases: tuple[str, ...] = (), name: str | None = None) -> Any:
    """Returns the tyro annotation of an option without a fixed default: None, or ``()`` or ``""``, stands for it.

    Args:
        metavar: The word that stands for the value in the help, for example ``"DIR"``.
        default: What happens without the option, in words; the help shows it instead of "None".
        aliases: Other spellings, for example ``("-o",)``.
        name: Name of the option without its dashes, whatever group it is in; default: that of the field, after the
            name of the group.
    """
    import tyro

    hint, prefix_name = f"(default: {default})", None if name is None else False
    return tyro.conf.arg(name=name, prefix_name=prefix_name, metavar=metavar, help_behavior_hint=hint, aliases=aliases)


def check_values(words: Sequence[str], prog: str | None = None) -> None:
    """Checks that no value on a command line is empty.

    An empty path would be the current folder, and an empty address every address of the machine. It usually comes from
    a shell variable that is not set.

    Args:
        words: The words of the command line.
        prog: Name of the program, for the message.

    Raises:
        SystemExit: A value is empty (2); the message names its option.
    """
    for position, word in enumerate(words):
        option, equals, value = word.partition("=")
        if word == "":
            before = words[position - 1] if position else ""
            name = before if before.startswith("-") else f"argument {position + 1}"
        elif option.startswith("-") and equals and value == "":
            name = option
        else:
            continue
        begin = "" if prog is None else f"{prog}: "
        print(
            f"{begin}{name} is empty; give a value, such as . for the current folder, or leave it out", file=sys.stderr
        )
        sys.exit(WRONG_COMMAND)
