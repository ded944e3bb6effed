"""Numbers of a client that no world can hold are refused by name, and change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from vpt_gym.world.core.state import WorldState
from vpt_gym.world.malmo.chat import Chat
from vpt_gym.world.malmo.commands import CommandError
from vpt_gym.world.malmo.mission import MAX_TIME, Placement


@pytest.fixture
def chat() -> Chat:
    return Chat(WorldState(), Placement(8.0, 40.0, 8.0, 0.0, 0.0), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "/time set 99999999999999999999",
            "the time is 99999999999999999999; it must be from 0 to 9,007,",
        ),
        ("/time add 99999999999999999999", "the time is 99999999999999999999"),
        ("/time set " + "9" * 4000, "the time is an integer of 13288 bits"),
        ("/time set " + "9" * 5000, "cannot do"),
        ("/tp 1e300 40 8", "'1e300' is not a coordinate"),
        ("/tp 8 40 nan", "'nan' is not a coordinate"),
        ("/tp ~1e300 40 8", "'~1e300' is not a coordinate"),
        ("/setblock 1e300 20 8 stone", "'1e300' is not a coordinate"),
        ("/setblock 8 20 -1e18 stone", "'-1e18' is not a coordinate"),
        ("/summon pig 1e300 20 8", "'1e300' is not a coordinate"),
        ("/spreadplayers inf 8 0 10 false @p", "'inf' is not a coordinate"),
    ],
)
def test_a_command_with_an_impossible_number_is_refused(chat: Chat, command: str, message: str) -> None:
    before = {name: array.copy() for name, array in chat.state.world._asdict().items()}
    with pytest.raises(CommandError, match=message) as caught:
        chat.run(command)
    assert len(str(caught.value)) < 5_500  # the command itself, and no more
    for name, array in chat.state.world._asdict().items():
        assert np.array_equal(array, before[name]), name


def test_the_time_never_exceeds_its_limit(chat: Chat) -> None:
    chat.run(f"/time set {MAX_TIME - 5}")
    chat.run("/time add 5")
    with pytest.raises(CommandError, match="the time would be 9,007,199,254,740,993"):
        chat.run("/time add 1")
    assert chat.state.clock["time"][0] == MAX_TIME
