"""The texts of a session in the panel and over the frame, and drawing them."""

from __future__ import annotations

import warnings
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import pygame

from vpt_gym.actions.human import BUTTONS
from vpt_gym.play.clock import TICK_RATE
from vpt_gym.play.session import Phase, Session
from vpt_gym.system.plural import counted
from vpt_gym.system.printable import printable

Colour: TypeAlias = tuple[int, int, int]

PANEL_WIDTH = 300
PANEL_HEIGHT = 680
"""Minimum height of the panel, pixels."""

BACKGROUND = (12, 13, 16)
_PANEL = (24, 26, 31)
_LINE = (52, 56, 66)
_TEXT = (226, 229, 235)
_DIM = (146, 152, 164)
_RED = (240, 72, 72)
_GREEN = (88, 196, 122)
_AMBER = (240, 180, 66)
_VIOLET = (178, 142, 255)
_GREY = (120, 126, 138)
_MARGIN = 18
_VALUES = 104
"""Horizontal offset of the values from the names, pixels."""

KEYS = (
    ("WASD  Space", "walk, jump"),
    ("Shift  Ctrl", "sneak, sprint"),
    ("Mouse  1-9", "look, act, slots"),
    ("Q  E  F", "drop, inventory, swap"),
    ("Esc", "pause, free the mouse"),
    ("F5", "restart this world"),
    ("F6", "hand over, take back"),
    ("F9", "end and keep"),
    ("F10", "discard the demo"),
)
"""The keys that the panel explains."""

SLOW_BELOW = 0.95 * TICK_RATE
"""Ticks per second below which the panel warns that the env is slow."""


@dataclass(frozen=True)
class Line:
    """A line or paragraph of text."""

    text: str
    size: int = 15
    colour: Colour = _TEXT


def recording_state(session: Session) -> Line:
    """Returns a short text that shows whether a demo is being recorded."""
    if not session.recording:
        return Line("NOT RECORDED", 22, _GREY)
    if session.phase is Phase.OVER:
        return Line("EPISODE OVER", 22, _AMBER)
    if session.phase is Phase.PAUSED:
        return Line("PAUSED" if session.ticks else "READY", 22, _AMBER)
    return Line("RECORDING", 22, _RED)


def player_line(session: Session) -> Line:
    """Returns a text that shows who plays."""
    if session.handed_over and session.auto_player is not None:
        return Line(f"The {session.auto_player.name} plays", 20, _VIOLET)
    return Line("You play", 20, _GREEN)


def recorded(session: Session) -> str:
    """Returns a description of what is recorded, in one or two sentences."""
    if not session.recording:
        return "Nothing is recorded."
    if not session.handed_over or session.auto_player is None:
        return "Your keys and mouse are recorded."
    if session.expert is session.auto_player.player:
        return "The expert's actions are recorded. What you press is the label instead."
    if session.expert is not None:
        return "Labels: what you press; without a key, the expert's action."
    return "Labels: what you press. Ticks without a key count as idle, which training leaves out."


def numbers(session: Session, rate: float | None) -> list[tuple[str, Line]]:
    """Returns the names and values of the table in the panel."""
    tick = f"{session.ticks}" if session.max_ticks is None else f"{session.ticks} / {session.max_ticks}"
    kept = f"{session.kept} kept, {session.discarded} discarded"
    if rate is None:
        pace = Line("-", colour=_DIM)
    else:
        pace = Line(f"{rate:.1f} of {TICK_RATE:g} Hz", colour=_AMBER if rate < SLOW_BELOW else _TEXT)
    rows = [("Tick", Line(tick)), ("Return", Line(f"{session.episode_return:g}")), ("Rate", pace)]
    rows.append(("World", Line(f"seed {session.seed}")))
    return [*rows, ("Demos", Line(kept))] if session.recording else rows


def pressed(session: Session) -> str:
    """Returns the buttons that the person pressed in the last tick, and the movement of the view."""
    pitch, yaw = (float(degrees) for degrees in session.pressed["camera"])
    names = [name for name in BUTTONS if session.pressed[name]]
    if pitch or yaw:
        names.append(f"pitch {pitch:+.2f}° yaw {yaw:+.2f}°")
    return ", ".join(names) or "-"


def overlay(session: Session) -> list[Line]:
    """Returns the text to show over the frame; none while the episode is played."""
    if session.phase is Phase.PAUSED:
        waiting = f"Paused at tick {session.ticks}" if session.ticks else f"Episode {session.episode} is ready"
        return [Line(waiting, 30), Line("Click here or press Enter to play.", 17, _DIM)]
    if session.phase is not Phase.OVER or session.outcome is None:
        return []
    outcome = session.outcome
    what = f"{counted(session.ticks, 'tick')}, return {session.episode_return:g}"
    if outcome.ended == "error":
        title = Line("The game failed", 30, _RED)
        what = f"{outcome.error[:160]} ({what})"
    elif session.success:
        title = Line("Success", 30, _GREEN)
    elif outcome.ended == "restart":
        title = Line("Restart this world", 30)
    elif session.success is None:
        title = Line("Episode over", 30)
    else:
        title = Line("No success" + (" in time" if outcome.ended == "truncated" else ""), 30, _AMBER)
    lines = [title, Line(what, 17)]
    if outcome.needs_decision:
        return [*lines, Line("F9: keep this demo", 17, _GREEN), Line("F10: discard it", 17, _RED)]
    restart = outcome.ended == "restart"
    if session.recording and session.ticks and (restart or session.demo is not None):
        lines.append(Line("The demo is saved. F10 discards it.", 17, _DIM))
    keys = "Enter: this world again." if restart else "Enter: next world.  F5: this world again."
    return [*lines, Line(keys, 17, _GREEN)]


_FONTS = ("segoeui", "helveticaneue", "notosans", "liberationsans", "arial", "dejavusans")
"""Fonts to look for, best first. Without any of them, pygame's own font is used."""
_OVERSAMPLING = 4
"""Factor by which text is drawn larger and then reduced, so that letters are placed between pixels."""


@lru_cache(maxsize=1)
def _font_path() -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # raised without fc-list; pygame's own font is then used
        return pygame.font.match_font(_FONTS)


@lru_cache(maxsize=8)
def _font(size: int) -> pygame.font.Font:
    return pygame.font.Font(_font_path(), round(size * 1.1 * _OVERSAMPLING))


def _width(text: str, size: int) -> float:
    return float(_font(size).size(text)[0]) / _OVERSAMPLING


@lru_cache(maxsize=512)
def _rendered(text: str, size: int, colour: Colour) -> pygame.Surface:
    large = _font(size).render(text, True, colour)
    return pygame.transform.smoothscale(
        large, (large.get_width() // _OVERSAMPLING, large.get_height() // _OVERSAMPLING)
    )


def _wrapped(line: Line, width: int) -> list[str]:
    """Splits a paragraph into lines that fit; words longer than a line are split.

    Names of files and errors of games may contain characters that cannot be drawn, such as NUL: they are escaped.
    """
    rows = [""]
    for word in printable(line.text).split():
        longer = f"{rows[-1]} {word}".strip()
        if _width(longer, line.size) <= width:
            rows[-1] = longer
            continue
        if rows[-1]:
            rows.append("")
        while _width(word, line.size) > width:
            fits = next(n for n in range(len(word), 0, -1) if n == 1 or _width(word[:n], line.size) <= width)
            rows[-1], word = word[:fits], word[fits:]
            rows.append("")
        rows[-1] = word
    return rows


class Panel:
    """The panel to the right of the frame, with the last two messages, the newest first: the other may not fit."""

    def __init__(self) -> None:
        self._messages: deque[str] = deque(maxlen=2)

    def add_message(self, message: str) -> None:
        """Adds a message, which is shown until there are two newer ones."""
        self._messages.appendleft(message)

    def draw(self, surface: pygame.Surface, area: pygame.Rect, session: Session, rate: float | None) -> None:
        """Draws the panel into ``area``."""
        surface.fill(_PANEL, area)
        left, width = area.left + _MARGIN, area.width - 2 * _MARGIN
        y = area.top + _MARGIN

        state = recording_state(session)
        title = _rendered(state.text, state.size, state.colour)
        pygame.draw.aacircle(surface, state.colour, (left + 8, y + title.get_height() // 2), 7)
        surface.blit(title, (left + 26, y))
        y += 36
        y = _paragraph(surface, player_line(session), left, y, width) + 2
        y = _paragraph(surface, Line(recorded(session), 14, _DIM), left, y, width)
        y = _rule(surface, left, y, width)

        for name, value in numbers(session, rate):
            surface.blit(_rendered(name, 15, _DIM), (left, y))
            surface.blit(_rendered(value.text, value.size, value.colour), (left + _VALUES, y))
            y += 22
        if rate is not None and rate < SLOW_BELOW:
            slow = "The env or agent is too slow: the game runs slower, but loses no tick."
            y = _paragraph(surface, Line(slow, 14, _AMBER), left, y, width)
        y = _rule(surface, left, y, width)

        label = "Your label" if session.handed_over and session.recording else "Pressed"
        surface.blit(_rendered(label, 15, _DIM), (left, y))
        y = max(y + 38, _paragraph(surface, Line(pressed(session), 14), left + _VALUES, y, width - _VALUES))
        y = _rule(surface, left, y, width)

        for keys, what in KEYS:
            surface.blit(_rendered(keys, 14, _TEXT), (left, y))
            surface.blit(_rendered(what, 14, _DIM), (left + _VALUES, y))
            y += 19
        y = _rule(surface, left, y + 2, width)
        for message in self._messages:
            y = _paragraph(surface, Line(message, 13, _DIM), left, y, width) + 4


def draw_overlay(surface: pygame.Surface, area: pygame.Rect, lines: list[Line]) -> None:
    """Dims ``area`` and draws lines of text in its middle."""
    dimmed = pygame.Surface(area.size, pygame.SRCALPHA)
    dimmed.fill((8, 9, 12, 150))
    surface.blit(dimmed, area)
    rows = [(row, line) for line in lines for row in _wrapped(line, max(100, min(area.width, 620) - 4 * _MARGIN))]
    images = [_rendered(row, line.size, line.colour) for row, line in rows]
    gap = 12
    width = max(image.get_width() for image in images) + 4 * _MARGIN
    height = sum(image.get_height() + gap for image in images) - gap + 3 * _MARGIN
    box = pygame.Rect(0, 0, width, height)
    box.center = area.center
    pygame.draw.rect(surface, _PANEL, box, border_radius=8)
    pygame.draw.rect(surface, _LINE, box, width=1, border_radius=8)
    y = box.top + round(1.5 * _MARGIN)
    for image in images:
        surface.blit(image, image.get_rect(midtop=(box.centerx, y)))
        y += image.get_height() + gap


def _paragraph(surface: pygame.Surface, line: Line, left: int, y: int, width: int) -> int:
    """Draws a paragraph and returns the y position of the next one."""
    for row in _wrapped(line, width):
        surface.blit(_rendered(row, line.size, line.colour), (left, y))
        y += round(line.size * 1.25)
    return y + 3


def _rule(surface: pygame.Surface, left: int, y: int, width: int) -> int:
    pygame.draw.line(surface, _LINE, (left, y + 6), (left + width, y + 6))
    return y + 16
