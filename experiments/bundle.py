"""Puts the two models of a pretraining run into the package, each with its model card.

    python -m experiments pretrain-0
    python -m experiments.bundle

The weights are stored as int8. The figures on the cards are those of the run's results.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from experiments.cells import RUNS
from vpt_gym import IDMAgent, VPTAgent
from vpt_gym.agents.checkpoints.sources.bundled import FOLDER, INVERSE_DYNAMICS, POLICY
from vpt_gym.hub.card import CARD, LIBRARY, Card

TICKS_PER_HOUR = 72_000
FRONT = {"license": "mit", "library_name": LIBRARY, "tags": ["vpt-gym", "vpt", "minecraft"]}
"""What the Hugging Face Hub reads of both cards."""
SECOND = "foundation-2"
"""Directory of the second training of the policy, which goes on from the first."""


@dataclass
class Args:
    """Puts the models of a pretraining run into the package."""

    run: Path = RUNS / "pretrain-0"
    """Directory of examples/pretrain.py."""
    out: Path = FOLDER
    """Where the folders of the models are written."""


def policy_card(results: dict[str, Any], second: dict[str, Any]) -> Card:
    """Returns the model card of the policy, given the results of ``pretrain.py`` and of the second training."""
    extent, first, idm = results["extent"], results["foundation"], results["idm"]
    frames, trained = first["frames"] + second["frames"], first["demos"]["trained"]
    return Card(
        POLICY,
        "A VPT policy of size `nano` (4.6 million parameters), cloned from play without labels in the embedded world "
        "of vpt-gym. It is a start for fine-tuning, and plays at once:",
        f"""```console
vpt-gym play --agent {POLICY} --agent-first
python examples/bc.py --model {POLICY} --demos demos/harvest_1_log --train.steps 600
```""",
        {
            "Data": f"{extent['videos']} episodes of at most two minutes, played in `vpt_gym/Play-v0` by scripted "
            f'players of many skills and aims, in worlds of `SEEDS["play"]`. Only the videos were used, {trained} of '
            f"them in each training ({hours(first['ticks'])} hours of game time). Their actions were inferred by "
            f"[{INVERSE_DYNAMICS}](../{INVERSE_DYNAMICS}/{CARD}), which knew {hours(idm['train']['ticks'])} hours of "
            "labelled play.",
            "Recipe": "`python -m experiments pretrain-0`. Behavioural cloning of independent chunks of 16 ticks, 128 "
            f"ticks an update: {first['updates']:,} updates, then {second['updates']:,} with the learning rate raised "
            f"again. In all {frames:,} ticks, {frames / first['ticks']:.1f} times through the data. Ticks in which "
            "nothing is pressed have no weight. One training seed.",
            "Figures": f"after the first training {first['kept']['validation_loss']:.2f} nats per tick on "
            f"{first['demos']['held_out']} held-out episodes, before the weights were rounded to int8. docs/results.md "
            "has what it does in a task, alone and fine-tuned.",
            "Limits": "the embedded world is not Minecraft. No task was trained, but chopping trees and making wooden "
            "tools are among the aims of the players.",
            "Licence": "that of vpt-gym.",
        },
        FRONT | {"pipeline_tag": "reinforcement-learning"},
    )


def idm_card(results: dict[str, Any]) -> Card:
    """Returns the model card of the inverse dynamics model."""
    idm = results["idm"]
    scores, held_out = idm["scores"], idm["held_out"]
    low, high = idm["intervals_95"]["key_accuracy"]
    rows = "\n".join(
        f"| {name} | {score['share']:.1%} | {'' if score['f1'] is None else format(score['f1'], '.2f')} |"
        for name, score in scores["buttons"].items()
        if score["share"]
    )
    return Card(
        INVERSE_DYNAMICS,
        "An inverse dynamics model of size `nano` (2.0 million parameters): it infers the action of each tick from a "
        "video of the embedded world of vpt-gym.",
        f"```console\nvpt-gym label VIDEOS -o demos/labelled --model {INVERSE_DYNAMICS}\n```",
        {
            "Data": f"{idm['train']['demos']} episodes ({hours(idm['train']['ticks'])} hours of game time) of play "
            "with labels, in `vpt_gym/Play-v0`.",
            "Recipe": f"`examples/idm.py`, {idm['train']['steps']:,} updates of {idm['train']['batch_size']} windows "
            f"of {idm['train']['seq_len']} ticks, seed {idm['seed']}.",
            "Figures": f"before the weights were rounded to int8, on {held_out['demos']} held-out episodes "
            f"({held_out['ticks']:,} ticks) of other players and worlds, {scores['key_accuracy']:.1%} of the keys are "
            f"right (95 % interval {low:.1%} to {high:.1%}; always the more frequent label: "
            f"{scores['majority_accuracy']:.1%}), all keys of a tick in {scores['exact_match']:.1%}; camera R² "
            f"{scores['camera_r2']:.2f}.",
            "Limits": "it knows the pictures of the embedded world alone. A key without a visible effect cannot be "
            "seen.",
            "Licence": "that of vpt-gym.",
        },
        FRONT,
        f"| key | held in | F1 |\n|---|---:|---:|\n{rows}",
    )


def hours(ticks: int) -> str:
    """Returns a number of ticks as hours of game time."""
    return f"{ticks / TICKS_PER_HOUR:.1f}"


def main(args: Args) -> None:
    """Writes both folders."""
    results, second = (
        json.loads((folder / "results.json").read_text(encoding="utf-8")) for folder in (args.run, args.run / SECOND)
    )
    VPTAgent.from_pretrained(args.run / SECOND / "agent").save_pretrained(args.out / POLICY, stored_as="int8")
    IDMAgent.from_pretrained(args.run / "idm" / "idm").save_pretrained(args.out / INVERSE_DYNAMICS, stored_as="int8")
    for name, card in ((POLICY, policy_card(results, second)), (INVERSE_DYNAMICS, idm_card(results))):
        (args.out / name / CARD).write_text(card.text(), encoding="utf-8")
        print(args.out / name)


if __name__ == "__main__":
    main(tyro.cli(Args))
