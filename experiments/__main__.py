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
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from experiments.cells import CELLS, QUICK_CELLS, Cell
from experiments.tables import contrast_table, write_tables
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
    """Returns whether the figures of a cell were made in this clone; False for a cell without figures."""
    return cell.results is not None and (cell.directory / cell.results).exists()


def run(cell: Cell) -> None:
    """Runs the commands of a cell, and stores its result. An interrupted command is resumed."""
    print(f"== {cell.id}", flush=True)
    start, commit = time.monotonic(), git_commit(".")
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
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=1) + "\n"
    (RESULTS / f"{cell.id}.json").write_text(text, encoding="utf-8")


def main(args: Args) -> None:
    """Runs what is missing."""
    every = (*CELLS, *QUICK_CELLS)
    known = {cell.id: cell for cell in every}
    unknown = [name for name in args.cells if name not in known]
    if unknown:
        raise SystemExit(f"there is no cell {', '.join(unknown)}; there are {', '.join(known)}")
    wanted = set(args.cells or (cell.id for cell in (QUICK_CELLS if args.quick else CELLS)))
    for name in args.cells:
        wanted |= known[name].needs
    if args.list:
        for cell in every:
            result = result_of(cell)
            print(cell.id, "missing" if result is None else f"done with {result['git']}", sep="\t")
        return
    if not args.tables:
        for cell in every:
            if cell.id in wanted and (result_of(cell) is None or (args.quick and not ran_here(cell))):
                run(cell)
    results = {cell.id: result for cell in every if (result := result_of(cell))}
    write_tables(Path(), results)
    if args.quick:
        print(contrast_table(results))


if __name__ == "__main__":
    main(tyro.cli(Args))
