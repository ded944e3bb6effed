"""Labels: the action that a demo stores for a tick, where another one is executed.

DAgger and disturbed experts need both: the learner acts, or the view is pushed aside, while the demo stores the
expert's action. ``RecordsLabels`` is the interface, ``RecorderWrapper`` implements it, and ``label_next_step``
reaches it through the wrappers above.
"""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium as gym

from vpt_gym.actions.human import HumanAction


class RecordsLabels(Protocol):
    """A wrapper that records episodes and takes labels for them."""

    def label(self, action: HumanAction) -> None:
        """Stores ``action`` as the action of the next step, in place of the one that will be executed.

        Call it after ``reset`` or ``step`` and before the ``step`` that it labels. The executed action is stored next
        to the label (``Demo.executed``). A second call before that step replaces the first, ``reset`` discards the
        label, and a step without a label is recorded with the executed action.

        Args:
            action: A human action; it is copied.

        Raises:
            ValueError: ``action`` is not a human action.
        """


def label_next_step(env: gym.Env[Any, Any], action: HumanAction) -> None:
    """Labels the next step of ``env``; see ``RecordsLabels.label``.

    Args:
        env: An environment with a ``RecordsLabels`` in its stack of wrappers, at any depth.
        action: A human action; it is copied.

    Raises:
        AttributeError: No wrapper of ``env`` records labels.
        ValueError: ``action`` is not a human action.
    """
    try:
        label = env.get_wrapper_attr("label")
    except AttributeError as error:
        raise AttributeError(f"no wrapper of {env} records labels; put a vpt_gym.RecorderWrapper around it") from error
    label(action)
