"""The tables of docs/results.md and of the READMEs, from the results of the cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments.cells import CONTRASTS, SEEDS, TASKS, Contrast
from experiments.outcomes import (
    BUDGETS,
    Results,
    bootstrap_interval,
    cells_of,
    course_at,
    gains,
    in_fresh_worlds,
    interval_text,
    played_by,
    successes,
)
from experiments.targets import targets_table
from vpt_gym.learning.evaluate import wilson_interval

ENGLISH = (
    "method",
    "worlds",
    "demos",
    "frames trained on, with repeats",
    "success by training seed",
    "success",
    "95 % interval",
)
CHINESE = ("方法", "世界", "演示数", "重复计算的训练帧数", "各训练种子的成功数", "成功率", "95 % 区间")


def demo_table(results: Results, titles: Sequence[str] = ENGLISH) -> str:
    """Returns the table of ``make demo``: one row for each method and level."""
    cells = cells_of("demo", results)
    lines = [f"| {' | '.join(titles)} |", "|---|---|---:|---:|---|---:|---:|"]
    for number, row in enumerate(cells[0]["results"]["rows"]):
        for level in ("easy", "default"):
            if level in row:
                evaluations = _distinct([cell["results"]["rows"][number][level] for cell in cells])
                lines.append(
                    f"| {row['method']} | {level} | {row['demos']} | {row['frames']:,} | {_by_seed(evaluations)} |"
                    f" {_pooled(evaluations)} |"
                )
    return "\n".join(lines)


FRESH_ROWS = {
    "BC, 50 demos of both levels, 600 updates": "demo/agent_bc",
    "BC, 100 `default` demos, 600 updates": "bc-100-foundation/agent",
    "DAgger 2: 50 demos, 100 episodes of rounds, 2,400 updates": "demo/agent_2",
    "the best of three more rounds: 150 more episodes, at most 3,600 more updates": "more-rounds/agent",
}
"""Row -> its agent: cell and folder."""
FRESH_GAINS = {
    "DAgger 2 less BC, by seed and world": ("demo/agent_2", "demo/agent_bc"),
    "three more rounds less DAgger 2": ("more-rounds/agent", "demo/agent_2"),
}
"""Row -> the two agents that it compares."""


def fresh_worlds_table(results: Results) -> str:
    """Returns the success of clones and of agents after DAgger rounds, in worlds that were not used for any choice."""
    lines = [
        "| | `easy`, by seed | success | 95 % interval | `default`, by seed | success | 95 % interval |",
        "|---|---|---:|---:|---|---:|---:|",
    ]
    levels = ("easy", "default")
    for title, agent in FRESH_ROWS.items():
        parts = [list(in_fresh_worlds(agent, level, results).values()) for level in levels]
        lines.append(f"| {title} | {' | '.join(f'{_by_seed(part)} | {_pooled(part)}' for part in parts)} |")
    for title, agents in FRESH_GAINS.items():
        gained = [_gain(*(in_fresh_worlds(agent, level, results) for agent in agents)) for level in levels]
        lines.append(f"| {title} | {' | '.join(f'{gain} | |' for gain in gained)} |")
    return "\n".join(lines)


PPO_STARTS = {
    "BC on 5 demos": {"ppo": "PPO", "ppo-without-kl": "PPO without the KL term"},
    "`nano-foundation`": {"ppo-foundation": "PPO", "ppo-foundation-without-kl": "PPO without the KL term"},
    "DAgger 2": {"ppo-demo": "PPO"},
    "fresh weights": {"ppo-scratch": "PPO with an entropy bonus, image network trained"},
}
"""Start -> the cells of PPO from it, and their rows."""


def ppo_table(results: Results) -> str:
    """Returns the table of PPO: for each start a row as it is, and one for each method."""
    lines = [
        "| | ticks played | minutes | success | 95 % interval | rise | 95 % interval |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for title, methods in PPO_STARTS.items():
        rows = {method: [cell["results"] for cell in cells_of(name, results)] for name, method in methods.items()}
        rows = {method: figures for method, figures in rows.items() if figures}
        if rows:
            starts = _distinct([one["start"] for one in next(iter(rows.values()))])
            lines.append(f"| start: {title} | | | {_by_seed(starts)} | {_success_interval(starts)} | | |")
        for method, figures in rows.items():
            after = [one["after PPO"] for one in figures]
            minutes = np.mean([one["train_seconds"] for one in figures]) / 60
            rises = [gains(one["after PPO"], one["start"]) for one in figures]
            lines.append(
                f"| {method} | {figures[0]['ticks']:,} | {minutes:.0f} | {_by_seed(after)} |"
                f" {_success_interval(after)} | {np.mean(rises):+.0%} | {interval_text(rises)} |"
            )
    return "\n".join(lines)


def ppo_course_table(results: Results) -> str:
    """Returns the success during PPO with and without pretraining, at several budgets of ticks."""
    lines = [f"| ticks played | {' | '.join(f'{ticks:,}' for ticks in BUDGETS)} |", f"|---|{'---:|' * len(BUDGETS)}"]
    for start, methods in PPO_STARTS.items():
        for name, method in methods.items():
            if course := course_at(name, results):
                shares = (f"{share:.0%}" for share in course.values())
                lines.append(f"| {method}, from {start} | {' | '.join(shares)} |")
    return "\n".join(lines)


def distil_table(results: Results) -> str:
    """Returns the table of distillation: the teacher and the student, with Wilson intervals."""
    lines = ["| | parameters | time for an action | success | 95 % interval |", "|---|---:|---:|---:|---:|"]
    for cell in cells_of("distil", results):
        figures = cell["results"]
        for name in ("teacher", "student"):
            played, seconds = figures[name], figures["acting_seconds"][name]
            lines.append(
                f"| {name} | {figures[f'{name}_parameters']:,} | {1e3 * seconds:.1f} ms | {_by_seed([played])} |"
                f" {_success_interval([played])} |"
            )
    return "\n".join(lines)


LEARNERS = {
    "bc-{}-scratch-600": "BC of fresh weights, 600 updates",
    "bc-{}-scratch": "BC of fresh weights, 1,500 updates",
    "bc-{}-foundation-300": "BC of `nano-foundation`, 300 updates",
    "bc-{}-foundation": "BC of `nano-foundation`, 600 updates",
    "bc-{}-foundation-kl": "the same, kept near its start",
    "nearest-{}": "nearest neighbour in its latents, no training",
}
"""Pattern of the cells with some number of demos -> their row."""
FEW_DEMOS_GAINS = {
    "600 updates of `nano-foundation` less as it is": ("bc-{}-foundation", "zero-shot"),
    "600 updates of `nano-foundation` less 600 of fresh weights": ("bc-{}-foundation", "bc-{}-scratch-600"),
    "600 updates of `nano-foundation` less 1,500 of fresh weights": ("bc-{}-foundation", "bc-{}-scratch"),
    "kept near its start less not kept": ("bc-{}-foundation-kl", "bc-{}-foundation"),
}
"""Row -> patterns of the cells that it compares."""


def few_demos_table(results: Results) -> str:
    """Returns success by number of demos; without demos for the pretrained policy alone.

    A learner of which nothing was run is left out.
    """
    names = {result["cell"] for result in results.values()}
    counts = sorted({int(found[1]) for name in names if (found := re.fullmatch(r"(?:bc|nearest)-(\d+).*", name))})
    lines = [f"| demos | 0 | {' | '.join(map(str, counts))} |", f"|---|{'---:|' * (len(counts) + 1)}"]
    for pattern, text in LEARNERS.items():
        cells = ["zero-shot" if pattern == "bc-{}-foundation" else "", *(pattern.format(count) for count in counts)]
        evaluations = [list(played_by(name, results).values()) for name in cells]
        if any(evaluations):
            lines.append(f"| {text} | {' | '.join(map(_mean_with_interval, evaluations))} |")
    for title, patterns in FEW_DEMOS_GAINS.items():
        gained = [_gain(*(played_by(pattern.format(count), results) for pattern in patterns)) for count in counts]
        if any(gained):
            lines.append(f"| {title} | | {' | '.join(gained)} |")
    return "\n".join(lines)


TASK_STARTS = {"scratch": "fresh weights, 1,500 updates", "foundation": "`nano-foundation`, 600 updates"}
"""Ending of the cells of a task -> their column."""


def tasks_table(results: Results) -> str:
    """Returns success in other tasks, without demos, and with 20: from fresh weights, and from the foundation model."""
    titles = ("`nano-foundation` as it is", *(f"20 demos: {start}" for start in TASK_STARTS.values()), "difference")
    lines = [f"| task | {' | '.join(titles)} |", f"|---|{'---:|' * len(titles)}"]
    for name, task in TASKS.items():
        scratch, foundation = (played_by(f"task-{name}-{start}", results) for start in TASK_STARTS)
        if scratch or foundation:
            alone = _mean_with_interval(list(played_by(f"task-{name}-zero-shot", results).values()), seeds=1)
            means = (_mean_with_interval(list(by_seed.values())) for by_seed in (scratch, foundation))
            lines.append(f"| `{task}` | {alone} | {' | '.join(means)} | {_gain(foundation, scratch)} |")
    return "\n".join(lines)


def _gain(cells: Mapping[int, Mapping[str, Any]], others: Mapping[int, Mapping[str, Any]]) -> str:
    """Returns the difference of success by seed and world, given evaluations by seed, over the seeds that both have."""
    seeds = sorted(cells.keys() & others.keys())
    if not seeds:
        return ""
    rows = [gains(cells[seed], others[seed]) for seed in seeds]
    return f"{np.mean(rows):+.0%} ({interval_text(rows)}{_fewer(len(seeds))})"


def _fewer(seeds: int, of: int = len(SEEDS)) -> str:
    return "" if seeds == of else f", {seeds} of {of} seeds"


def differences(results: Results, contrast: Contrast) -> list[float]:
    """Returns the success from the pretrained policy less that from fresh weights, world by world."""
    return gains(*(played_by(name, results)[0] for name in (contrast.pretrained, contrast.fresh)))


def contrast_table(results: Results) -> str:
    """Returns the table of the contrasts that were declared in advance."""
    lines = [
        "| | from `nano-foundation` | from fresh weights | difference | 95 % interval | shown |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for contrast in CONTRASTS:
        played = [played_by(name, results)[0] for name in (contrast.pretrained, contrast.fresh)]
        rows = [differences(results, contrast)]
        shown = "yes" if bootstrap_interval(rows)[0] > 0 else "no"
        lines.append(
            f"| {contrast.setting} | {' | '.join(_by_seed([evaluation]) for evaluation in played)} |"
            f" {np.mean(rows):+.0%} | {interval_text(rows)} | {shown} |"
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class Table:
    """A table of a page, between ``<!-- table NAME -->`` and ``<!-- end -->``.

    Attributes:
        cell: Name of the cells that it shows; without any result of them the page stays as it is.
        make: Returns the table as Markdown.
    """

    cell: str
    make: Callable[[Results], str]


TABLES: Mapping[str, Mapping[str, Table]] = {
    "docs/results.md": {
        "targets": Table("fresh-worlds", targets_table),
        "demo": Table("demo", demo_table),
        "fresh-worlds": Table("fresh-worlds", fresh_worlds_table),
        "ppo": Table("ppo", ppo_table),
        "ppo-course": Table("ppo-foundation", ppo_course_table),
        "distil": Table("distil", distil_table),
        "contrasts": Table(CONTRASTS[-1].fresh, contrast_table),
        "few-demos": Table("bc-20-scratch", few_demos_table),
        "tasks": Table("task-pig-foundation", tasks_table),
    },
    "README.md": {"demo": Table("demo", demo_table)},
    "README.zh.md": {"demo": Table("demo", partial(demo_table, titles=CHINESE))},
}
"""The tables of each page, by name."""


def write_tables(root: Path, results: Results) -> None:
    """Replaces the tables of all pages for which there are results."""
    for page in TABLES:
        path = root / page
        path.write_text(with_tables(page, path.read_text(encoding="utf-8"), results), encoding="utf-8")


def with_tables(page: str, text: str, results: Results) -> str:
    """Returns the text of a page with its tables replaced.

    Raises:
        ValueError: The page lacks the marks of a table.
    """
    for name, table in TABLES[page].items():
        if not cells_of(table.cell, results):
            continue
        pattern = re.compile(rf"(<!-- table {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        made = table.make(results)
        text, found = pattern.subn(lambda match, made=made: f"{match[1]}\n{made}\n{match[2]}", text)
        if not found:
            raise ValueError(f"{page} has no <!-- table {name} -->")
    return text


def _by_seed(evaluations: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{evaluation['successes']}/{evaluation['episodes']}" for evaluation in evaluations)


def _success_interval(evaluations: Sequence[Mapping[str, Any]]) -> str:
    """Returns the interval over seeds and worlds, or Wilson's for one training, which has a width at 0 % too."""
    if len(evaluations) > 1:
        return interval_text(list(map(successes, evaluations)))
    (only,) = evaluations
    low, high = wilson_interval(only["successes"], only["episodes"])
    return f"{low:.0%} to {high:.0%}"


def _pooled(evaluations: Sequence[Mapping[str, Any]]) -> str:
    """Returns mean and interval of the success, as two columns."""
    return f"{_mean(evaluations):.1%} | {_success_interval(evaluations)}"


def _mean_with_interval(evaluations: Sequence[Mapping[str, Any]], *, seeds: int = len(SEEDS)) -> str:
    """Returns mean and interval of the success in one column; nothing if there is no evaluation.

    Args:
        evaluations: One for each seed that was run.
        seeds: How many there are to be.
    """
    if not evaluations:
        return ""
    return f"{_mean(evaluations):.0%} ({_success_interval(evaluations)}{_fewer(len(evaluations), seeds)})"


def _mean(evaluations: Sequence[Mapping[str, Any]]) -> float:
    return sum(evaluation["rate"] for evaluation in evaluations) / len(evaluations)


def _distinct(evaluations: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Returns one evaluation where all are the same: the trainings of several seeds begin with the same policy."""
    same = all(each["per_episode"] == evaluations[0]["per_episode"] for each in evaluations)
    return evaluations[:1] if same else evaluations
