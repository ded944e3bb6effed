"""Runs the cells that have no result yet, and writes the tables of docs/results.md.

python -m experiments                 # all cells; stop it and start it again as you like
python -m experiments demo-0 demo-1   # some of them
python -m experiments --list          # what is done, and with which commit
python -m experiments --tables        # only write the tables
python -m experiments --quick         # 20 minutes: measures three claims about pretraining
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from experiments.cells import CELLS, QUICK_CELLS, Cell
from experiments.tables import contrast_table, write_tables
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.runs.directory import remaining_command
from vpt_gym.system.machine import describe
from vpt_gym.system.source_version import git_commit

RESULTS = Path("experiments/results")


@dataclass
class Args:
    """Runs trainings and writes their figures into docs/results.md."""

    cells: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Cells to run, such as demo-0; none: all."""
    list: bool = False
    """Only show which cells are done."""
    tables: bool = False
    """Only write the tables of the cells that are done."""
    quick: bool = False
    """Only run the cells of the contrasts that were declared in advance, in this clone, whatever is stored, and print
    which of them are shown."""


def result_of(cell: Cell) -> dict[str, Any] | None:
    """Returns the stored result of a cell; None if there is none, or if it was made by other commands."""
    path = RESULTS / f"{cell.id}.json"
    if not path.exists():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result if result["commands"] == cell.commands else None


def ran_here(cell: Cell) -> bool:
    """Returns whether a cell ran to its end in this clone, so that others can use its directory."""
    made_by = record_of(cell)
    return made_by is not None and made_by["commands"] == cell.commands and "seconds" in made_by


def record_path(cell: Cell) -> Path:
    """Returns the file beside the directory of a cell, with its commands, and with its result after the last."""
    return cell.directory.with_name(f"{cell.id}.json")


def record_of(cell: Cell) -> dict[str, Any] | None:
    """Returns what the file beside the directory of a cell says; None if either is missing."""
    if not (cell.directory.exists() and record_path(cell).exists()):
        return None
    record: dict[str, Any] = json.loads(record_path(cell).read_text(encoding="utf-8"))
    return record


def to_run(cells: Sequence[Cell], wanted: Collection[str], *, again: bool = False) -> list[Cell]:
    """Returns the cells to run, in the order of ``cells``.

    Args:
        cells: All cells, each after those that it needs.
        wanted: The ids of the cells whose results are wanted.
        again: Also run cells whose result is stored, unless they ran in this clone.

    Returns:
        Those without a result, and before each of them those whose directories it needs and this clone lacks.
    """
    chosen: set[str] = set()
    needed: set[str] = set()
    for cell in reversed(cells):  # what needs a cell comes after it
        here = ran_here(cell)
        if (cell.id in wanted and (result_of(cell) is None or (again and not here))) or (
            cell.id in needed and not here
        ):
            chosen.add(cell.id)
            needed |= cell.needs
    return [cell for cell in cells if cell.id in chosen]


def run(cell: Cell) -> None:
    """Runs the commands of a cell, and stores its result. An interrupted command is resumed."""
    print(f"== {cell.id}", flush=True)
    start, commit = time.monotonic(), git_commit(".")
    made_by = record_of(cell)
    if made_by is not None and made_by["commands"] != cell.commands:
        raise SystemExit(f"{cell.directory} was made by other commands: move it away, then run {cell.id} again")
    record_path(cell).parent.mkdir(parents=True, exist_ok=True)
    record_path(cell).write_text(json.dumps({"commands": cell.commands}) + "\n", encoding="utf-8")
    for command in cell.commands:
        words = remaining_command(command, command[command.index("--out") + 1])
        if words is None:
            continue
        print("python " + " ".join(words), flush=True)
        subprocess.run([sys.executable, *words], check=True)
    result = {
        "cell": cell.name,
        "seed": cell.seed,
        "commands": cell.commands,
        "git": commit,
        "machine": describe("torch", "numba", "vpt-gym"),
        "seconds": round(time.monotonic() - start, 1),
        "results": None if cell.results is None else json.loads((cell.directory / cell.results).read_text("utf-8")),
    }
    if (course := course_of(cell)) is not None:
        result["course"] = course
    text = json.dumps(result, indent=1) + "\n"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{cell.id}.json").write_text(text, encoding="utf-8")
    record_path(cell).write_text(text, encoding="utf-8")


def course_of(cell: Cell) -> list[tuple[int, float]] | None:
    """Returns the course of the cell's metric, at most every 10 steps: ticks played (else updates), and value."""
    if cell.course is None:
        return None
    entries = [entry for entry in read_metrics(cell.directory / "metrics.jsonl") if cell.course in entry]
    return [(int(e.get("time/ticks", e["step"])), round(e[cell.course], 4)) for e in entries if e["step"] % 10 == 0]


def main(args: Args) -> None:
    """Runs what is missing."""
    every = (*CELLS, *QUICK_CELLS)
    known = {cell.id: cell for cell in every}
    unknown = [name for name in args.cells if name not in known]
    if unknown:
        raise SystemExit(f"there is no cell {', '.join(unknown)}; there are {', '.join(known)}")
    wanted = set(args.cells or (cell.id for cell in (QUICK_CELLS if args.quick else CELLS)))
    if args.list:
        for cell in every:
            result = result_of(cell)
            print(cell.id, "missing" if result is None else f"done with {result['git']}", sep="\t")
        return
    if not args.tables:
        for cell in to_run(every, wanted, again=args.quick):
            run(cell)
    results = {cell.id: result for cell in every if (result := result_of(cell))}
    write_tables(Path(), results)
    if args.quick:
        print(contrast_table(results))


if __name__ == "__main__":
    main(tyro.cli(Args))
