"""A check for runs that continue: a policy beside the one that learns is still the one that the run began with."""

from __future__ import annotations


def check_same_weights(now: str, before: str | None, *, named: str, role: str, remedy: str) -> None:
    """Checks that a policy is the one of a checkpoint; it is read again, and its file may have been written since.

    Args:
        now: Digest of its weights (``weights_digest``).
        before: Digest of the weights with which the run began; None in a checkpoint from before it was kept.
        named: How the user names the policy, such as ``"--teacher runs/bc/agent"``.
        role: What the policy is for, in words that follow "which", such as ``"the student learns from"``.
        remedy: What to do, such as ``"give it that --teacher"``.

    Raises:
        ValueError: It is another one.
    """
    if before is not None and before != now:
        raise ValueError(
            f"{named} has weights with the digest {now}, but this run began with {before}, which {role}: {remedy}"
        )
