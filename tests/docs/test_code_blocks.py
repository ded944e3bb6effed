"""Runs the Python blocks of README and docs, and checks the commands in their console blocks.

A block that begins with ```` ```python ```` is run: each page is one process in an empty folder, and its blocks share
one namespace, from top to bottom. A block that begins with ```` ```python notest ```` is only compiled.

In ```` ```console ```` blocks each ``vpt-gym COMMAND``, ``python examples/FILE.py`` and ``make TARGET`` must exist, and
so must each of their options. Where a line begins with ``$``, lines without it are output.
"""

from __future__ import annotations

import functools
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.python_processes import run

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>\w[^\n`]*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
FENCE_LINE = re.compile(r"^[ \t>]*(`{3,}|~{3,})", re.MULTILINE)
ASSIGNMENT = re.compile(r"\w+=")
OPTION = re.compile(r"(?<![\w-])--?[a-z][\w.-]*")

Block = tuple[list[str], int, str]
"""The words after the opening backticks, the number of the code's first line, and the code."""


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = FENCE.finditer(text)
    return [(m["info"].split(), text.count("\n", 0, m.start("code")) + 1, textwrap.dedent(m["code"])) for m in found]


def at_its_line(line: int, code: str) -> str:
    """Returns the code below so many empty lines that Python reports the page's line numbers."""
    return "\n" * (line - 1) + code


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yields (the line, its words without the ``$`` and leading assignments) for each command of console blocks."""
    for info, _, code in blocks(page):
        if info[0] not in ("console", "bash", "shell", "sh"):
            continue
        lines = code.replace("\\\n", " ").splitlines()
        prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        for line in prompted or lines:
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words: list[str] = []
            for word in [*lexer, ";"]:
                if word in (";", "&&", "||", "|", "&"):
                    if words:
                        yield line, words
                    words = []
                elif words or not ASSIGNMENT.match(word):
                    words.append(word)


@functools.cache
def help_of(*command: str) -> str:
    done = run(*command, "--help", cwd=ROOT, COLUMNS="1000")
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def known_options(words: list[str]) -> set[str] | None:
    """Returns the options of a command of this project, or None for any other command."""
    program, *arguments = words
    if Path(program).name == "vpt-gym":
        command = ["-m", "vpt_gym"]
        if arguments and not arguments[0].startswith("-"):
            command.append(arguments[0])
        if arguments[1:] and re.search(rf"[{{,]{re.escape(arguments[1])}[,}}]", help_of(*command)):
            command.append(arguments[1])
        return {*OPTION.findall(help_of(*command)), "--version"}
    if Path(program).name.startswith("python") and arguments and arguments[0].startswith("examples/"):
        return set(OPTION.findall(help_of(arguments[0])))
    return None


def with_language(language: str) -> list[Path]:
    return [page for page in PAGES if any(info[0] == language for info, _, _ in blocks(page))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_found_and_has_a_known_language(page: Path) -> None:
    """A block with another fence or a misspelt language would be shown, but neither run nor checked."""
    fences = FENCE_LINE.findall(page.read_text(encoding="utf-8"))
    assert fences == ["```"] * (2 * len(blocks(page)))
    assert {info[0] for info, _, _ in blocks(page)} <= {"python", "console", "text"}


@pytest.mark.parametrize("page", with_language("python"), ids=name_of)
def test_the_python_blocks_run(page: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    for info, line, code in blocks(page):
        if info[0] == "python":
            assert info[1:] in ([], ["notest"]), f"{name_of(page)}:{line - 1}: unknown word after ```python"
            compile(at_its_line(line, code), str(page), "exec")
            if info[1:] != ["notest"]:
                lines += [""] * (line - 1 - len(lines)) + code.splitlines()
    script = f"exec(compile({chr(10).join(lines)!r}, {str(page)!r}, 'exec'))"
    done = run("-c", script, cwd=tmp_path, fresh=page == ROOT / "README.md")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", with_language("console"), ids=name_of)
def test_the_commands_exist(page: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line, words in commands(page):
        if words[0] == "make":
            unknown = [word for word in words[1:] if not ASSIGNMENT.match(word) and word not in targets]
            assert not unknown, f"{line!r}: the Makefile has no target {unknown[0]}"
        elif (known := known_options(words)) is not None:
            given = [word.split("=")[0] for word in words[1:] if OPTION.match(word)]
            unknown = [option for option in given if option not in known]
            assert not unknown, f"{line!r}: its --help lists no {unknown[0]}"


def test_a_wrong_command_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "- a list:\n\n  ```console\n  $ cd x && vpt-gym demos stats d --pictrue a.png | less  # -b\n  ok\n  ```\n"
    )
    (_, first), (line, words), (_, last) = commands(page)
    assert (first, line[:4], words[-2:], last) == (["cd", "x"], "cd x", ["--pictrue", "a.png"], ["less"])
    known = known_options(words)
    assert known is not None
    assert "--picture" in known
    assert "--pictrue" not in known
    with pytest.raises(AssertionError, match="there is no command 'demo'"):
        known_options(["vpt-gym", "demo", "stats"])
