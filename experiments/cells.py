"""The cells of docs/results.md: which commands make which figure.

A cell is one training with one seed. Its commands run one after the other, in the root of the repository.
``{out}`` is a directory of its own, ``{cell NAME}`` that of another cell with the same seed, which runs first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SEEDS = (0, 1, 2)
"""Training seeds."""
RUNS = Path("runs/results")
"""Where the cells run. Their figures are kept in ``experiments/results/``; the rest may be deleted."""
_OTHER = re.compile(r"\{cell ([\w-]+)\}")


@dataclass(frozen=True)
class Cell:
    """One training with one seed.

    Attributes:
        name: Name of the training, such as ``"demo"``.
        seed: Its seed.
        templates: The words after ``python`` of each command; ``{seed}``, ``{out}`` and ``{cell NAME}`` are replaced.
        results: File with the figures, below the directory of the cell.
    """

    name: str
    seed: int
    templates: tuple[str, ...]
    results: str = "results.json"

    @property
    def id(self) -> str:
        """Name and seed."""
        return f"{self.name}-{self.seed}"

    @property
    def directory(self) -> Path:
        """Where the cell runs."""
        return RUNS / self.id

    @property
    def commands(self) -> list[list[str]]:
        """The words after ``python`` of each command."""

        def other(match: re.Match[str]) -> str:
            return str(RUNS / f"{match[1]}-{self.seed}")

        return [
            [_OTHER.sub(other, word).format(seed=self.seed, out=self.directory) for word in _words(template)]
            for template in self.templates
        ]

    @property
    def needs(self) -> set[str]:
        """The ids of the cells whose directories the commands use."""
        return {f"{name}-{self.seed}" for template in self.templates for name in _OTHER.findall(template)}


def _words(template: str) -> list[str]:
    """Splits at spaces, except inside ``{cell NAME}``."""
    return re.findall(r"(?:\{[^}]*\}|\S)+", template)


DEMO = "examples/end_to_end.py --seed {seed} --out {out}"
"""Records 50 demos, clones them, and improves in two DAgger rounds."""

CELLS: tuple[Cell, ...] = tuple(Cell("demo", seed, (DEMO,)) for seed in SEEDS)
"""All cells, in the order in which they run."""
