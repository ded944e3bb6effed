"""The state of the game in each tick of a demo, as JSON texts: other formats store them beside their own columns."""

from __future__ import annotations

import json
from collections.abc import Iterable

from vpt_gym.demos.demo import Demo
from vpt_gym.demos.exchange.importing import CURSOR, GameState, SourceError
from vpt_gym.demos.files.names import read_records
from vpt_gym.demos.files.records import cursor_of, state_of
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.printable import shown


def game_states(demo: Demo) -> list[GameState]:
    """Returns what the records of a demo say about the game in each of its T ticks; empty where they say nothing.

    Raises:
        DemoError: The records cannot be read.
    """
    states: list[GameState] = []
    for record in read_records(demo.files.records):
        state, cursor = state_of(record), cursor_of(record)
        states.append(state if cursor is None else {**state, CURSOR: list(cursor)})
    return states


def state_texts(demo: Demo) -> list[str] | None:
    """Returns the state of each of the T ticks as a JSON object; None if the records say nothing about the game.

    Raises:
        DemoError: The records cannot be read.
    """
    states = game_states(demo)
    return [json.dumps(state, separators=(",", ":")) for state in states] if any(states) else None


def read_state_texts(texts: Iterable[str | bytes], source: str) -> list[GameState]:
    """Returns the states of an episode's ticks from the texts of :func:`state_texts`. The writer checks their content.

    Raises:
        SourceError: A text is not a JSON object; the message begins with the source.
    """
    states: list[GameState] = []
    for tick, text in enumerate(texts):
        try:
            state = parse_json(text.encode() if isinstance(text, str) else bytes(text))
        except ValueError as error:
            raise SourceError(f"{source}, tick {tick}: the state of the game is not JSON ({error})") from error
        if not isinstance(state, dict):
            raise SourceError(f"{source}, tick {tick}: the state of the game is {shown(state)}; it must be an object")
        states.append(state)
    return states
