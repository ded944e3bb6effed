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
LAST = "early-game"
"""Directory of the policy's last training."""


@dataclass
class Args:
    """Puts the models of a pretraining run into the package."""

    run: Path = RUNS / "pretrain-0"
    """Directory of examples/pretrain.py."""
    out: Path = FOLDER
    """Where the folders of the models are written."""


def policy_card(results: dict[str, Any]) -> Card:
    """Returns the model card of the policy, given the results of ``pretrain.py``."""
    extent, idm, play, early_game = (results[name] for name in ("extent", "idm", "foundation", LAST))
    tasks = ", ".join(f"`{task}` ({demos})" for task, demos in results["tasks"].items())
    return Card(
        POLICY,
        "A VPT policy of size `nano` (4.6 million parameters) for the embedded world of vpt-gym, cloned from play "
        "without labels, then from demos of the early game. It is a start for fine-tuning, and plays at once:",
        f"""```console
vpt-gym play --agent {POLICY} --agent-first
python examples/bc.py --model {POLICY} --demos demos/harvest_1_log --train.steps 600
```""",
        {
            "Play": f"{extent['videos']} episodes of at most two minutes, played in `vpt_gym/Play-v0` by scripted "
            f"players of many skills and aims ({hours(play['ticks'])} hours of game time). Only the videos were used. "
            f"Their actions were inferred by [{INVERSE_DYNAMICS}](../{INVERSE_DYNAMICS}/{CARD}), which knew "
            f"{hours(idm['train']['ticks'])} hours of labelled play.",
            "Early game": f"{hours(early_game['ticks'])} hours of demos of scripted experts with pushes, whose actions "
            f'are known: {tasks}. Play and demos are of worlds of `SEEDS["play"]`.',
            "Recipe": "`python -m experiments pretrain-0`. Behavioural cloning of independent chunks of 16 ticks, 128 "
            f"ticks an update: {play['updates']:,} updates on play, {early_game['updates']:,} on the early game. Ticks "
            "in which nothing is pressed have no weight. One training seed.",
            "Figures": f"{play['kept']['validation_loss']:.2f} nats per tick on {play['demos']['held_out']} held-out "
            f"episodes of play after the first training, {early_game['kept']['validation_loss']:.2f} on "
            f"{early_game['demos']['held_out']} of the early game after the second, before the weights were rounded to "
            "int8. docs/results.md has what it does in a task, alone and fine-tuned.",
            "Limits": "the embedded world is not Minecraft. `harvest_1_log`, by which it is measured, was not among "
            "the tasks, but chopping trees in other lands was. No task had to do with shears, a bucket or a "
            "sheep. The early game displaced most of the play: the policy no longer predicts what players do on "
            "screens.",
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
    results = json.loads((args.run / "results.json").read_text(encoding="utf-8"))
    VPTAgent.from_pretrained(args.run / LAST / "agent").save_pretrained(args.out / POLICY, stored_as="int8")
    IDMAgent.from_pretrained(args.run / "idm" / "idm").save_pretrained(args.out / INVERSE_DYNAMICS, stored_as="int8")
    for name, card in ((POLICY, policy_card(results)), (INVERSE_DYNAMICS, idm_card(results))):
        (args.out / name / CARD).write_text(card.text(), encoding="utf-8")
        print(args.out / name)


if __name__ == "__main__":
    main(tyro.cli(Args))
