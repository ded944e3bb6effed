"""What the run that trained an agent says about it, for the agent's card."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from vpt_gym.collect.envs import EnvArgs
from vpt_gym.hub.card import About, code
from vpt_gym.hub.card import SuccessRate as HubRate
from vpt_gym.learning.runs.directory import DESCRIPTION
from vpt_gym.report.record import RunRecord, is_number, read_runs
from vpt_gym.report.results import SuccessRate, rows_of

_KEPT = "agent"
"""The folder of the agent that the results of a run are of; the others are of moments in the training."""
_EVALUATION = "evaluation"
"""Where most trainers write the results of that agent; other rates beside it are of moments in the training."""
_LONGEST = 2000


def about_of_run(agent: Path) -> About:
    """Returns data, recipe and figures of an agent from the run in whose directory it is; empty if it is in none.

    Figures are those of the agent that the run kept, which all trainers save as ``agent``. A run that has not finished,
    or that continues, may have put another agent there since its last results, so these are left out.

    Args:
        agent: The folder of the agent.
    """
    agent = agent.resolve()
    if not (agent.parent / DESCRIPTION).is_file():
        return About()
    (record,) = read_runs([agent.parent])
    finished = record.said("state") == "finished"
    figures, success = _figures(record) if finished and agent.name == _KEPT else ("", None)
    return About(data=_data(record) if finished else "", recipe=_recipe(record), figures=figures, success=success)


def _data(record: RunRecord) -> str:
    demos, frames = record.results.get("demos"), record.results.get("frames")
    parts = []
    if isinstance(demos, dict) and is_number(demos.get("trained")):
        parts.append(f"{demos['trained']:,} demos")
        if is_number(demos.get("held_out")):
            parts[-1] += f", and {demos['held_out']:,} that were held out"
    if is_number(frames):
        parts.append(f"{frames:,} frames trained on, repetitions included")
    return f"{'; '.join(parts)}." if parts else ""


def _recipe(record: RunRecord) -> str:
    argv = record.about.get("argv")
    words = [str(word) for word in argv] if isinstance(argv, list) else []
    text = code(shlex.join(["python", f"examples/{record.said('script')}.py", *words]), most=_LONGEST)
    git = record.about.get("git")
    if isinstance(git, dict) and git.get("commit"):
        text += f", commit {code(git['commit'])}{' with changes' if git.get('changed') else ''}"
    if (model := record.settings.get("model")) is not None:
        text += f". It started from {code(model)}"
    return f"{text}."


def _figures(record: RunRecord) -> tuple[str, HubRate | None]:
    results = record.results
    if _EVALUATION in results:
        results = {_EVALUATION: results[_EVALUATION]}
    rates = [(name, rate) for name, rate in rows_of(results) if isinstance(rate, SuccessRate)]
    environments = _environments(record)
    told = []
    for name, rate in rates:
        low, high = rate.interval
        told.append(
            f"{name}: success in {rate.successes} of {rate.episodes} episodes ({rate.rate:.0%}, 95 % interval "
            f"{low:.0%} to {high:.0%})"
        )
    where = f" in {' and '.join(map(code, environments))}" if environments else ""
    text = f"{'; '.join(told)}{where}. From `results.json` of the training." if told else ""
    final = dict(rates).get(_EVALUATION)
    if final is None or not environments:
        return text, None
    return text, HubRate(final.successes, final.episodes, ", ".join(environments))


def _environments(record: RunRecord) -> list[str]:
    """Returns the environments that a run played in: the id of each, with its arguments."""
    args = record.about.get("args")
    env = args.get("env") if isinstance(args, dict) else None
    if not isinstance(args, dict) or not isinstance(env, dict) or not isinstance(env.get("id"), str):
        return []
    more = args.get("more_envs")
    chosen = [(env["id"], env.get("kwargs")), *((name, None) for name in (more if isinstance(more, list) else ()))]
    return [_with_arguments(name, kwargs) for name, kwargs in chosen]


def _with_arguments(name: str, kwargs: str | None) -> str:
    try:
        arguments = EnvArgs(name, kwargs).arguments
    except (TypeError, ValueError):  # not registered here
        return f"{name} {kwargs}" if kwargs else name
    return f"{name} {json.dumps(arguments)}" if arguments else name
