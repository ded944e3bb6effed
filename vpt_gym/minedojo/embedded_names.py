"""Whether the embedded world has the items and creatures that a task of MineDojo asks for."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from typing import Any

from vpt_gym.minedojo.game import GameError
from vpt_gym.system import interpreter

_PATIENCE = 120.0
"""Seconds; on an idle machine the answer takes one."""


def require_possible(task_id: str, task: Any) -> None:
    """Refuses a task that cannot succeed in the embedded world.

    MineDojo's ``playthrough`` is not refused: its items are Minecraft's end, and it is played for its beginning.

    Args:
        task_id: Its name, for the message.
        task: The task (a ``MetaTaskBase``), or None.

    Raises:
        ValueError: The embedded world lacks an item or a creature of the task.
        GameError: The embedded world cannot be asked.
    """
    if task is None or type(task).__name__ == "Playthrough":
        return
    wanted = _wanted(task)
    if not wanted:
        return
    has = _names()
    lacking = sorted({name for names in wanted if not names & has for name in names})
    if lacking:
        raise ValueError(
            f"the task {task_id!r} needs {', '.join(lacking)}, which the embedded world lacks: use backend='java'. The "
            f"embedded world has {', '.join(sorted(has))}"
        )


def _wanted(task: Any) -> list[set[str]]:
    """Returns for each criterion of a task the items or creatures of which one is enough."""
    wanted: list[set[str]] = []
    for check in getattr(task, "_success_criteria", None) or ():  # partial objects of MineDojo's functions
        kind = getattr(getattr(check, "func", None), "__name__", "")
        keywords = getattr(check, "keywords", {})
        if kind in ("_simple_inventory_based_check", "_simple_stat_kill_entity_based_check"):
            wanted.append({keywords["name"]})
        elif kind == "_use_any_item_check":
            wanted.append(set(keywords["targets"]))
        elif kind == "_use_all_item_check":
            wanted.extend({name} for name in keywords["targets"])
    return wanted


@functools.cache
def _names() -> frozenset[str]:
    """Asks the embedded world's server for the names of its items and creatures."""
    code = "import runpy; sys.argv[1:] = ['--list-names']; runpy.run_module('vpt_gym.world.malmo', run_name='__main__')"
    try:
        done = subprocess.run(interpreter.command(code), capture_output=True, text=True, timeout=_PATIENCE, check=True)
        return frozenset(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        output = getattr(error, "stderr", "") or ""
        raise GameError(f"the embedded world does not start ({sys.executable}): {error}\n{output}") from error
