import re

import pytest

from vpt_gym.learning.runs.same_weights import check_same_weights

WORDS = {"named": "--teacher x", "role": "the student learns from", "remedy": "give it that --teacher"}


def test_other_weights_are_named_with_the_remedy():
    check_same_weights("0123", "0123", **WORDS)
    message = (
        "--teacher x has weights with the digest 0123, but this run began with 4567, which the student learns from"
    )
    with pytest.raises(ValueError, match=re.escape(f"{message}: give it that --teacher")):
        check_same_weights("0123", "4567", **WORDS)


def test_a_checkpoint_from_before_the_digest_was_kept_is_accepted():
    check_same_weights("0123", None, **WORDS)
