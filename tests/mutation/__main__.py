"""Mutation testing: `python -m tests.mutation` (`make mutation`). Prints the figures and the mutants that survive.

Mutants are sampled with a fixed seed, up to 25 from each module. Results are kept in a file: an interrupted run
continues, and those of changed modules are made again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import random
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from tests.mutation.mutants import Mutant, find_mutants
from tests.mutation.rooms import ROOMS, Room
from tests.mutation.session import HIDDEN, SURVIVED, MutationSession, run_at_import

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), help=f"any of {', '.join(ROOMS)}; default: all")
    parser.add_argument("--per-module", type=int, default=25, help="mutants of each module, default 25")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--module", help="only modules whose path has this in it")
    parser.add_argument("--tests", nargs="+", help="run these tests instead of those of the rooms")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "mutants.jsonl")
    parser.add_argument("--again", action="store_true", help="try those that survived again, after a change of tests")
    options = parser.parse_args()

    # The same examples for each mutant, none remembered, and no search for simpler ones.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", deadline=None, derandomize=True, database=None, phases=phases)
    hypothesis.settings.load_profile("mutants")
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = os.devnull

    options.results.parent.mkdir(parents=True, exist_ok=True)
    for name in options.rooms:
        for package in ROOMS[name].packages:  # imported once for all forks; nothing of the package itself may be
            importlib.import_module(package)
        mutants = _sampled(ROOMS[name], options)
        _run(ROOMS[name], mutants, options)
        _print(name, mutants, _results(options.results))


def _sampled(room: Room, options: argparse.Namespace) -> list[Mutant]:
    chosen = []
    for path in sorted(path for pattern in room.modules for path in ROOT.glob(pattern)):
        name = str(path.relative_to(ROOT))
        mutants = find_mutants(name, path.read_text())
        if options.module is None or options.module in name:
            chosen += random.Random(options.seed).sample(mutants, min(options.per_module, len(mutants)))
    random.Random(options.seed).shuffle(chosen)  # a part of a run is a sample, too
    return chosen


def _key(mutant: Mutant) -> str:
    digest = hashlib.sha256((ROOT / mutant.path).read_bytes()).hexdigest()[:8]
    return f"{mutant.id}:{digest}"


def _results(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(json.loads(line) for line in lines)


def _run(room: Room, mutants: list[Mutant], options: argparse.Namespace) -> None:
    known = _results(options.results)
    again = (HIDDEN, SURVIVED) if options.again else (HIDDEN,)
    todo = [mutant for mutant in mutants if known.get(_key(mutant), HIDDEN) in again]
    if not todo:
        return

    def report(mutant: Mutant, result: str) -> None:
        with options.results.open("a") as file:
            file.write(json.dumps([_key(mutant), result]) + "\n")

    without = " and ".join(f"not {name}" for name in room.without)
    tests = [*(options.tests or room.tests), "-q", "-s", "-p", "no:cacheprovider", "-o", "timeout=0", "-k", without]
    child = os.fork()  # this process must not import the package
    if child == 0:
        os._exit(pytest.main(tests, plugins=[MutationSession(ROOT, todo, report)]))
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("the tests could not be collected")
    known = _results(options.results)
    for mutant in todo:
        if known[_key(mutant)] == HIDDEN:
            report(mutant, SURVIVED if run_at_import(ROOT, mutant, tests) else "killed")


def _print(name: str, mutants: list[Mutant], results: dict[str, str]) -> None:
    print(f"{name}: {dict(Counter(results[_key(mutant)] for mutant in mutants))} of {len(mutants)} mutants")
    for mutant in sorted(mutants, key=lambda mutant: (mutant.path, mutant.line)):
        if results[_key(mutant)] == SURVIVED:
            print(f"  {mutant.path}:{mutant.line}  {mutant.what}")


if __name__ == "__main__":
    main()
