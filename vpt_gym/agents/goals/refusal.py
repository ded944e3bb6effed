"""The answer of whatever gives no goals to a policy that acts on them."""

from __future__ import annotations

from vpt_gym.agents.policy.policy import VPTPolicy


def refuse_goals(policy: VPTPolicy, what: str) -> None:
    """Refuses a policy that acts on goals: without them it would silently act, or be trained, without a goal.

    Args:
        policy: The policy.
        what: What gives no goals, for the message, for example ``"BCTrainer"``.

    Raises:
        ValueError: The policy acts on goals.
    """
    size = policy.config.goal_size
    if size is not None:
        raise ValueError(
            f"this policy acts on goals (its config has goal_size {size}), and {what} gives it none: use a policy "
            "without goals. docs/jobs/goals.md says where goals can be given, and how to train with them"
        )
