"""Scripted players: they record demonstrations, and label the states a learner visits (DAgger).

``expert`` has the players; ``plans`` what they do for each task, made of the skills in ``seeking`` (blocks and items),
``tunnelling``, ``chasing`` (creatures), ``stations`` (crafting tables), ``screen_work`` (the cursor) and ``shelter``.
Below them: ``pilot`` (senses and legs), ``motor`` (view and cursor) and ``body``; ``clumsiness`` spoils what they do.
"""

from vpt_gym.world.experts.expert import PLANS, LogExpert, TaskExpert, expert_for, plan_for

__all__ = ["PLANS", "LogExpert", "TaskExpert", "expert_for", "plan_for"]
