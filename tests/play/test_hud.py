"""The texts on the screen: who plays, what is recorded, the rate, and the possible keys."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pygame
import pytest

from tests.support.play_env import PlayEnv
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.play import hud
from vpt_gym.play.controls import Command, InputCollector
from vpt_gym.play.session import AutoPlayer, Session


class Idle:
    """A player that does nothing."""

    def reset(self, seed: int) -> None: ...

    def act(self, env: gym.Env[Any, Any], observation: Any) -> HumanAction:
        return human_action()


def session(folder: Path | None, **kwargs: Any) -> tuple[Session, InputCollector]:
    controls = InputCollector()
    env_kwargs = {name: kwargs.pop(name) for name in ("length", "success", "reports_at") if name in kwargs}
    made = Session(PlayEnv(**env_kwargs), count(3), folder, controls, say=lambda message: None, **kwargs)
    made.start()
    return made, controls


def words(made: Session) -> str:
    return " / ".join(line.text for line in hud.overlay(made))


def test_it_shows_whether_a_demo_is_recorded(tmp_path: Path) -> None:
    made, _ = session(tmp_path)
    said = [hud.recording_state(made).text]
    for command in (Command.CONTINUE, None, Command.PAUSE, Command.CONTINUE, Command.RESTART):
        made.tick() if command is None else made.command(command)
        said.append(hud.recording_state(made).text)
    assert said == ["READY", "RECORDING", "RECORDING", "PAUSED", "RECORDING", "EPISODE OVER"]
    made.close("enough")
    nothing, _ = session(None)
    nothing.command(Command.CONTINUE)
    assert hud.recording_state(nothing).text == "NOT RECORDED"
    assert hud.recorded(nothing) == "Nothing is recorded."


@pytest.mark.parametrize(
    ("agent", "expert", "player", "recorded"),
    [
        (True, False, "The agent plays", "Labels: what you press. Ticks without a key"),
        (True, True, "The agent plays", "without a key, the expert's action"),
        (False, True, "The expert plays", "The expert's actions are recorded"),
    ],
)
def test_it_shows_who_plays_and_what_is_recorded(
    tmp_path: Path, agent: bool, expert: bool, player: str, recorded: str
) -> None:
    labels = Idle() if expert else None
    auto_player = AutoPlayer(Idle()) if agent else AutoPlayer(labels or Idle(), "expert", always_observes=False)
    made, _ = session(tmp_path, auto_player=auto_player, expert=labels)
    assert hud.player_line(made).text == "You play"
    assert hud.recorded(made) == "Your keys and mouse are recorded."
    made.command(Command.HAND_OVER)
    assert hud.player_line(made).text == player
    assert recorded in hud.recorded(made)
    made.close("enough")


def test_a_rate_below_the_games_is_shown() -> None:
    made, _ = session(None)
    rows = {
        rate: next(line for name, line in hud.numbers(made, rate) if name == "Rate") for rate in (20.0, 19.6, 12.34)
    }
    assert [line.text for line in rows.values()] == ["20.0 of 20 Hz", "19.6 of 20 Hz", "12.3 of 20 Hz"]
    assert rows[20.0].colour == rows[19.6].colour != rows[12.34].colour


def test_it_shows_what_was_pressed(tmp_path: Path) -> None:
    made, controls = session(None)
    made.command(Command.CONTINUE)
    assert hud.pressed(made) == "-"
    controls.press("forward")
    controls.press("attack")
    controls.move(10, -20)
    made.tick()
    assert hud.pressed(made) == "attack, forward, pitch -3.00° yaw +1.50°"


def test_a_restart_after_a_success_says_that_the_same_world_follows(tmp_path: Path) -> None:
    made, _ = session(tmp_path)
    made.command(Command.CONTINUE)
    made.tick()
    made.success = True  # as where an episode goes on after its success
    made.command(Command.RESTART)
    assert words(made) == "Success / 1 tick, return 0 / The demo is saved. F10 discards it. / Enter: this world again."
    made.command(Command.CONTINUE)
    assert (made.seed, made.episode) == (3, 2)
    made.close("enough")


@pytest.mark.parametrize("text", ["nul \0", os.fsdecode(b"/demos/\xff"), "two\nlines", "", "\x1b[2J"])
def test_any_text_can_be_drawn(text: str) -> None:
    pygame.font.init()
    made, _ = session(None)
    surface, panel = pygame.Surface((800, 680)), hud.Panel()
    panel.add_message(text)
    panel.draw(surface, pygame.Rect(500, 0, 300, 680), made, 20.0)
    hud.draw_overlay(surface, pygame.Rect(0, 0, 500, 680), [hud.Line(text)])


def test_the_newest_message_is_always_in_sight() -> None:
    pygame.font.init()
    made, _ = session(None)
    pictures = []
    for older in ("older " * 200, "another " * 200):
        surface, panel = pygame.Surface((300, 680)), hud.Panel()
        for message in (older, "newest"):
            panel.add_message(message)
        panel.draw(surface, surface.get_rect(), made, 20.0)
        pictures.append(pygame.surfarray.array3d(surface))
    begin = int(np.argwhere((pictures[0] != pictures[1]).any(axis=(0, 2)))[0, 0])
    for picture in pictures:
        text = picture[:, :begin].max(axis=(0, 2)) > 100
        assert text[begin - 24 : begin].any()  # the line above the older one


@pytest.mark.parametrize(
    ("kwargs", "record", "expected"),
    [
        ({"length": 2, "success": True}, True, "Success / 2 ticks, return 0.1 / The demo is saved. F10 discards it. /"),
        ({"length": 2, "success": True}, False, "Success / 2 ticks, return 0.1 / Enter: next world."),
        ({"length": 2, "success": False}, True, "No success / 2 ticks, return 0.1 / F9: keep this demo / F10: discard"),
        ({"length": 2}, True, "Episode over / 2 ticks, return 0.1 / F9: keep this demo / F10: discard"),
        ({"reports_at": 2}, True, "The game failed / the game has ended (1 tick, return 0) / F9: keep this demo"),
    ],
)
def test_the_end_of_an_episode_shows_the_possible_keys(
    tmp_path: Path, kwargs: dict[str, Any], record: bool, expected: str
) -> None:
    made, _ = session(tmp_path if record else None, **kwargs)
    assert words(made) == "Episode 1 is ready / Click here or press Enter to play."
    made.command(Command.CONTINUE)
    assert words(made) == ""
    made.tick()
    made.tick()
    assert words(made).startswith(expected)
    made.close("enough")
