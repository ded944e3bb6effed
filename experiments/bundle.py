"""Puts the inverse dynamics model of a pretraining run into the package, with its model card.

    python -m experiments pretrain-0
    python -m experiments.bundle

The weights are stored as int8. The figures on the card are those of the run's results.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from experiments.cells import RUNS
from vpt_gym import IDMAgent
from vpt_gym.agents.checkpoints.sources.bundled import FOLDER, INVERSE_DYNAMICS

TICKS_PER_HOUR = 72_000
CARD = "README.md"


@dataclass
class Args:
    """Puts the inverse dynamics model of a pretraining run into the package."""

    run: Path = RUNS / "pretrain-0"
    """Directory of examples/pretrain.py."""
    out: Path = FOLDER
    """Where the folder of the model is written."""


def card(idm: dict[str, Any]) -> str:
    """Returns the model card, given the results of the training."""
    scores, held_out = idm["scores"], idm["held_out"]
    low, high = idm["intervals_95"]["key_accuracy"]
    rows = "\n".join(
        f"| {name} | {score['share']:.1%} | {'' if score['f1'] is None else format(score['f1'], '.2f')} |"
        for name, score in scores["buttons"].items()
        if score["share"]
    )
    return f"""# {INVERSE_DYNAMICS}

An inverse dynamics model of size `nano` (2.0 million parameters): it infers the action of each tick from a video of the
embedded world of vpt-gym.

```console
vpt-gym label VIDEOS -o demos/labelled --model {INVERSE_DYNAMICS}
```

* **Data**: {idm["train"]["demos"]} episodes ({hours(idm["train"]["ticks"])} hours of game time) of play with labels, in
  `vpt_gym/Play-v0`.
* **Recipe**: `examples/idm.py`, {idm["train"]["steps"]:,} updates of {idm["train"]["batch_size"]} windows of \
{idm["train"]["seq_len"]} ticks, seed {idm["seed"]}.
* **Figures**, before the weights were rounded to int8, on {held_out["demos"]} held-out episodes
  ({held_out["ticks"]:,} ticks) of other players and worlds: {scores["key_accuracy"]:.1%} of the keys are right (95 %
  interval {low:.1%} to {high:.1%}; always the more frequent label: {scores["majority_accuracy"]:.1%}), all
  keys of a tick in {scores["exact_match"]:.1%}; camera R² {scores["camera_r2"]:.2f}.
* **Limits**: it knows the pictures of the embedded world alone. A key without a visible effect cannot be seen.
* **Licence**: that of vpt-gym.

| key | held in | F1 |
|---|---:|---:|
{rows}
"""


def hours(ticks: int) -> str:
    """Returns a number of ticks as hours of game time."""
    return f"{ticks / TICKS_PER_HOUR:.1f}"


def main(args: Args) -> None:
    """Writes the folder."""
    results = json.loads((args.run / "idm" / "results.json").read_text(encoding="utf-8"))
    folder = args.out / INVERSE_DYNAMICS
    IDMAgent.from_pretrained(args.run / "idm" / "idm").save_pretrained(folder, stored_as="int8")
    (folder / CARD).write_text(card(results), encoding="utf-8")
    print(folder)


if __name__ == "__main__":
    main(tyro.cli(Args))
