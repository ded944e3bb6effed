"""``vpt-gym --print-completion``: completion of commands, their actions and options in a shell."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import sys
from collections.abc import Sequence

import tyro

SHELLS = ("bash", "zsh")

_SCRIPT = """{zsh}_vpt_gym() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words="" path="${{COMP_WORDS[*]:1:COMP_CWORD-1}}"
    case "$path" in
{cases}
        *) words="{commands}" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [ ${{#COMPREPLY[@]}} -eq 0 ] && [ "$COMP_CWORD" -gt 1 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _vpt_gym vpt-gym
"""


def completion(words: Sequence[str]) -> int:
    """Prints the script that a shell evaluates; returns the exit status.

    Args:
        words: The name of the shell: bash or zsh.
    """
    from vpt_gym.cli import COMMANDS
    from vpt_gym.cli.status import DONE, WRONG_COMMAND

    if len(words) != 1 or words[0] not in SHELLS:
        print(f"vpt-gym --print-completion: name one of {', '.join(SHELLS)}", file=sys.stderr)
        return WRONG_COMMAND
    cases = [case for name in COMMANDS for case in _cases(name)]
    zsh = "autoload -Uz bashcompinit && bashcompinit\n" if words[0] == "zsh" else ""
    commands = " ".join([*COMMANDS, "--help", "--version"])
    print(_SCRIPT.format(zsh=zsh, cases="\n".join(cases), commands=commands), end="")
    return DONE


def _cases(command: str) -> list[str]:
    """Returns the branches of the script for a command; those of its actions come first, as they match more words."""
    text = _help(command)
    usage = text.partition("\n\n")[0]
    listed = re.findall(r"(--[a-z][\w-]* )?\{([a-z,-]+)\}", usage)  # an option has choices in braces too
    actions: list[str] = next((choices.split(",") for option, choices in listed if not option), [])
    branches = [(f"{command} {action}", _options(_help(command, action))) for action in actions]
    branches.append((command, [*actions, *_options(text)]))
    return [f'        "{path}"*) words="{" ".join(words)}" ;;' for path, words in branches]


def _help(command: str, *action: str) -> str:
    arguments = importlib.import_module(f"vpt_gym.cli.{command}").Args
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(arguments, prog=f"vpt-gym {command}", args=[*action, "--help"])
    return text.getvalue()


def _options(text: str) -> list[str]:
    """Returns the options in a help, without the older spellings with a dot."""
    lines = [line.strip(" │") for line in text.splitlines()]
    found = [
        name for line in lines if line.startswith("-") for name in re.findall(r"(?<!\S)--[a-z][\w-]*(?![\w.-])", line)
    ]
    return [*dict.fromkeys(found)]
