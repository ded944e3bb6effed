"""The private parts of Gymnasium's ``SyncVectorEnv`` that ``ThreadVectorEnv`` uses.

``ThreadVectorEnv`` replaces ``SyncVectorEnv.step`` and reads and writes the fields of its base. Gymnasium may change
these in any version.
"""

from __future__ import annotations

import ast
import inspect
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv

from tests.support.frame_counter_env import FrameCounterEnv
from vpt_gym.wrappers.vector import thread_vector_env

RUN_WITH = ("1.1.1", "1.2.3", "1.3.0", "1.4.0")
"""The versions of Gymnasium that tests/wrappers/vector passed with."""

FIELDS = {
    "_env_obs": list,
    "_observations": dict,
    "_rewards": np.ndarray,
    "_terminations": np.ndarray,
    "_truncations": np.ndarray,
    "_autoreset_envs": np.ndarray,
}
ADD_INFO = ["self", "vector_infos", "env_info", "env_num"]
OWN = {"_threads", "_pool", "_seconds", "_leaves", "_longest_first", "_play"}
"""Private names that ``ThreadVectorEnv`` adds."""

REMEDY = (
    f"Gymnasium {gym.__version__} has changed its SyncVectorEnv; ThreadVectorEnv was last run with {RUN_WITH}. Compare "
    "SyncVectorEnv.step and VectorEnv._add_info of both versions, change ThreadVectorEnv.step accordingly, run "
    "tests/wrappers/vector, and add the version to RUN_WITH. Until then, pin an older gymnasium in pyproject.toml"
)


def stepped() -> SyncVectorEnv:
    envs = SyncVectorEnv([FrameCounterEnv] * 2)
    envs.reset(seed=0)
    envs.step(envs.action_space.sample())
    return envs


def test_gymnasium_has_the_private_fields_of_which_the_types_are_known() -> None:
    envs = stepped()
    found: dict[str, Any] = {name: type(vars(envs).get(name)) for name in FIELDS}
    assert found == FIELDS, REMEDY
    assert list(inspect.signature(SyncVectorEnv._add_info).parameters) == ADD_INFO, REMEDY
    assert callable(SyncVectorEnv.close_extras), REMEDY


def test_the_added_names_are_not_gymnasiums() -> None:
    assert OWN.isdisjoint({*vars(stepped()), *dir(SyncVectorEnv)}), REMEDY


def test_no_other_private_name_is_used() -> None:
    tree = ast.parse(inspect.getsource(thread_vector_env))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")}
    assert used - {"__init__"} == {*FIELDS, "_add_info", *OWN}, "name it in FIELDS (Gymnasium's) or OWN"
