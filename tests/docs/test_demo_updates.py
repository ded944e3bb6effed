"""Pages that say how long ``make demo`` trains state the numbers of its preset."""

from __future__ import annotations

from tests.support.example_scripts import load_example
from tests.support.paths import ROOT
from vpt_gym.learning.bc import TrainArgs


def test_pages_state_the_updates_of_the_demo() -> None:
    full, steps = load_example("end_to_end").PRESETS["full"], TrainArgs().steps
    first, last = full.dagger_updates
    start = " ".join((ROOT / "docs" / "start.md").read_text(encoding="utf-8").split())
    assert (
        f"{steps:,} updates of cloning instead of {full.bc_updates:,}, "
        f"and {steps:,} in each DAgger round instead of {first:,} and {last:,}" in start
    )
    clone = (ROOT / "docs" / "jobs" / "clone.md").read_text(encoding="utf-8")
    assert f"| `--model nano-foundation --train.steps {full.bc_updates} --train.precision auto` |" in clone
