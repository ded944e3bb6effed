"""The main loop, which connects session, window and clock, and its signal handling."""

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
    """Stores the signal that asked the program to stop.

    Attributes:
        number: The number of the signal; None if there was none.
    """

    def __init__(self) -> None:
        self.number: int | None = None


@contextmanager
def stop_signals() -> Iterator[StopSignal]:
    """Stores SIGINT, SIGTERM or SIGHUP instead of ending the process; a second one raises ``KeyboardInterrupt``."""
    stop = StopSignal()

    def store(number: int, frame: FrameType | None) -> None:
        if stop.number is not None:
            raise KeyboardInterrupt
        stop.number = number

    before = {number: signal.signal(number, store) for number in _SIGNALS}
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
    """Runs the session until all its worlds are played, the window is closed or a signal arrives.

    Returns:
        The reason for the end.
    """
    clock = TickClock() if clock is None else clock
    while stop.number is None:
        sleep(clock.remaining())
        for command in window.poll(controls):
            if command is Command.QUIT:
                return "the window was closed"
            before = (session.episode, session.phase)
            session.command(command)
            if session.phase is Phase.CLOSED:
                return "all worlds are played"
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
