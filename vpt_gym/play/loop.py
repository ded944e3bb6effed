"""The loop that ties session, window and clock together, and its signals."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from vpt_gym.play.clock import TickClock
from vpt_gym.play.controls import Command, InputCollector
from vpt_gym.play.session import Phase, Session
from vpt_gym.play.window import Window

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class StopSignal:
    """Whether a signal has asked the program to end.

    Attributes:
        number: The signal's number; None while none has come.
    """

    def __init__(self) -> None:
        self.number: int | None = None


@contextmanager
def stop_signals() -> Iterator[StopSignal]:
    """Notes SIGINT, SIGTERM and SIGHUP instead of dying of them; a second one interrupts at once."""
    stop = StopSignal()

    def note(number: int, frame: FrameType | None) -> None:
        if stop.number is not None:
            raise KeyboardInterrupt
        stop.number = number

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def play(
    session: Session,
    window: Window,
    controls: InputCollector,
    *,
    stop: StopSignal,
    clock: TickClock | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Plays until the window is closed or a signal comes, one tick at a time, at the clock's pace.

    Returns:
        Why it ended, in words.
    """
    clock = TickClock() if clock is None else clock
    while stop.number is None:
        sleep(clock.remaining())
        for command in window.poll(controls):
            if command is Command.QUIT:
                return "the window was closed"
            before = (session.episode, session.phase)
            session.command(command)
            if (session.episode, session.phase) != before:
                window.capture_mouse(session.phase is Phase.PLAYING)
                window.discard_input()
                controls.clear()
                clock.restart()
        clock.tick()
        if session.phase is Phase.PLAYING:
            session.tick()
            window.capture_mouse(session.phase is Phase.PLAYING)
        window.draw(session.frame, session, clock.rate if session.phase is Phase.PLAYING else None)
    return signal.strsignal(stop.number) or f"signal {stop.number}"
