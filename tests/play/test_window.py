"""`vpt-gym play` as a real program on a virtual screen, with real keys and mouse movements."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.frame_counter_env import read_counter
from tests.support.programs import needs_program
from tests.support.running_play import Program
from tests.support.virtual_screen import VirtualScreen, wait_for
from vpt_gym.actions.codec import encode, is_null
from vpt_gym.agents import VPTAgent
from vpt_gym.demos import Demo, list_demos, read_demo

pytestmark = needs_program("Xvfb")


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualScreen]:
    screen = VirtualScreen()
    yield screen
    screen.close()


Start = Callable[..., Program]


@pytest.fixture
def start(screen: VirtualScreen, tmp_path: Path) -> Iterator[Start]:
    running: list[Program] = []

    def begin(*words: str, **kwargs: Any) -> Program:
        running.append(Program(screen, tmp_path / "demos", *words, **kwargs))
        return running[-1]

    yield begin
    for program in running:
        program.process.kill()
        program.process.wait()


def kept(folder: Path) -> list[Demo]:
    return [read_demo(path) for path in list_demos(folder)] if folder.is_dir() else []


def ticks_of(demo: Demo, button: str) -> list[int]:
    return np.flatnonzero(demo.actions[button]).tolist()


def test_what_is_done_is_what_is_recorded(start: Start, screen: VirtualScreen) -> None:
    program = start("--seed", "5", length=9_000)
    program.begin()
    held_from = program.wait_ticks(2)
    screen.key("w", down=True)
    screen.button(1, down=True)
    held = program.wait_ticks(20)
    screen.key("w", down=False)
    screen.button(1, down=False)
    held_to = program.wait_ticks(8)

    taps = []
    for name in ("space", "e", "q", "f", "7", "Control_L", "Shift_L"):  # pressed and released within a tick
        before = program.tick
        screen.key(name)
        taps.append((before, program.wait_ticks(3)))
    screen.button(3)
    screen.button(2)
    screen.button(5)  # the wheel, towards the person
    moved_from = program.wait_ticks(3)
    moves = [(7, -3), (-2, 11), (300, 40), (-5, 0), (0, 1), (1, 0)] * 5
    for dx, dy in moves:  # beyond every edge of the window and of the screen
        screen.move(dx, dy)
    program.wait_ticks(4)
    for _ in range(30):
        screen.move(1, 0)
        program.frame()
    moved_to = program.wait_ticks(3)

    screen.key("Escape")
    program.wait_dimmed(True)
    screen.key("d")
    screen.move(40, 40)
    screen.key("Return")
    program.wait_dimmed(False)
    program.wait_ticks(2)
    screen.focus(False)
    program.wait_dimmed(True)
    screen.focus(True)
    program.begin()
    program.wait_ticks(2)
    screen.key("F9")
    saved = rf"Recorded {program.folder}/\S+\.json \(\d+ ticks, success not known, not finished\)\."
    assert re.fullmatch(saved, program.said())
    screen.close_window()
    out = program.ended(0)

    demo = kept(program.folder)[0]
    assert (demo.frame_size, demo.metadata["seed"], demo.metadata["recorded_by"]) == ((48, 80), 5, "vpt-gym play")
    shown = [read_counter(frame)[0] for frame in demo.frames()]
    assert shown == list(range(len(demo)))  # only the env's frames, and no ticks in pauses
    for button in ("forward", "attack"):
        run = ticks_of(demo, button)
        assert run == list(range(run[0], run[-1] + 1))
        # on a busy machine the screen is some ticks behind
        assert held_from <= run[0] < held - 6
        assert held - 1 <= run[-1] <= held_to
    names = ("jump", "inventory", "drop", "swapHands", "hotbar.7", "sprint", "sneak")
    for name, (before, after) in zip(names, taps, strict=True):
        (tick,) = ticks_of(demo, name)
        assert before <= tick <= after
    assert [len(ticks_of(demo, name)) for name in ("use", "pickItem", "hotbar.8", "right")] == [1, 1, 1, 0]
    total = np.sum([*moves, (30, 0)], axis=0)[::-1]
    camera = demo.actions["camera"].astype(np.float64)
    np.testing.assert_allclose(camera.sum(axis=0), total * 0.15, atol=1e-3)
    moving = np.flatnonzero(camera.any(axis=1))
    assert moved_from <= moving[0]
    assert moving[-1] <= moved_to
    *saved_ones, result = out.splitlines()
    assert len(saved_ones) == out.count("Recorded") == len(kept(program.folder))
    assert result == f"{len(saved_ones)} demos recorded in {program.folder}"


def test_hand_over_restart_and_discard(start: Start, screen: VirtualScreen) -> None:
    program = start("--expert", "tests.support.play_env:TurningExpert", "--sensitivity", "200", length=9_000)
    program.begin()
    program.wait_ticks(3)
    screen.key("F6")
    handed_over = re.fullmatch(r"Tick (\d+): the expert plays\.", program.said())
    assert handed_over is not None
    program.wait_ticks(5)
    screen.key("space")
    program.wait_ticks(2)
    screen.key("F6")
    taken_back = re.fullmatch(r"Tick (\d+): you play\.", program.said())
    assert taken_back is not None
    program.wait_ticks(2)
    screen.move(10, 0)
    program.wait_ticks(2)
    screen.key("F5")
    program.wait_dimmed(True)
    screen.key("Return")  # the program asks to keep or discard the demo
    assert "F9 keeps" in program.said()
    screen.key("F9")
    assert program.said().startswith("Recorded")
    program.wait_dimmed(False)
    program.wait_ticks(3)
    screen.key("F10")
    assert program.said().startswith("Recorded")
    assert program.said().startswith("Discarded: moved to")
    screen.key("Escape")
    program.wait_dimmed(True)
    screen.close_window()
    program.ended(0)

    first, *rest = kept(program.folder)
    (gone,) = kept(program.folder / "rejected")
    assert [demo.metadata["seed"] for demo in (first, gone)] == [0, 0]
    assert [demo.metadata["seed"] for demo in rest] in ([], [1])
    start_tick, end_tick = int(handed_over[1]), int(taken_back[1])
    assert np.flatnonzero(first.executed["forward"]).tolist() == list(range(start_tick, end_tick))
    (jump,) = ticks_of(first, "jump")
    assert start_tick <= jump < end_tick
    assert ticks_of(first, "forward") == [tick for tick in range(start_tick, end_tick) if tick != jump]
    own = first.actions["camera"][end_tick:].sum(axis=0)
    np.testing.assert_allclose(own, (0, 10 * 0.6144), atol=1e-3)


def test_a_slow_env_that_breaks(start: Start, screen: VirtualScreen) -> None:
    program = start(length=9_000, seconds=0.1, breaks_at=40, success=True)
    program.begin()
    program.wait_ticks(14)
    assert program.warns
    screen.resize(150, 90)  # too small for anything
    screen.resize(1000, 700)
    program.place = (0, 0, 1000, 700)
    wait_for(lambda: program.tick >= 18, "the picture does not grow with the window")
    out = program.ended(1)
    assert out.endswith("RuntimeError: the world has ended\n")
    assert "(40 ticks, no success, not finished: RuntimeError: the world has ended)" in out
    (demo,) = kept(program.folder)
    assert len(demo) == 40
    assert demo.metadata["ended"] == "error"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_what_was_recorded(start: Start, screen: VirtualScreen, number: signal.Signals) -> None:
    program = start(length=9_000)
    program.begin()
    screen.key("s", down=True)
    shown = program.wait_ticks(16)
    program.process.send_signal(number)
    out = program.ended(128 + number)
    screen.key("s", down=False)
    (demo,) = kept(program.folder)
    assert len(demo) >= shown
    assert ticks_of(demo, "back")[-1] == len(demo) - 1
    assert out == (
        f"Recorded {demo.files.metadata} ({len(demo)} ticks, success not known, not finished: "
        f"{signal.strsignal(number)}).\n1 demo recorded in {program.folder}\n"
    )
    assert not list(program.folder.glob("*.partial"))


def test_an_agent_plays_and_the_expert_labels(start: Start, screen: VirtualScreen, tmp_path: Path) -> None:
    VPTAgent.from_config("nano", seed=0).save_pretrained(tmp_path / "agent")
    kwargs = json.dumps({"image_size": [64, 128], "level": "easy", "max_episode_steps": 25})
    program = start("--env-kwargs", kwargs, "--agent", str(tmp_path / "agent"), "--expert", "scripted")
    wait_for(lambda: len(np.unique(program.frame())) > 30, "no picture", 120)
    screen.key("Return")
    screen.key("F6")
    handed_over = re.fullmatch(r"Tick (\d+): the agent plays\.", program.said())
    assert handed_over is not None
    assert "(25 ticks, no success)" in program.said()
    screen.close_window()
    program.ended(0)
    (demo,) = kept(program.folder)
    assert (demo.metadata["ended"], demo.metadata["env_id"]) == ("truncated", "vpt_gym/Harvest1Log-v0")
    assert demo.metadata["seed"] == 1_000_000  # a world for DAgger
    labels, executed = encode(demo.actions), encode(demo.executed)
    tick = int(handed_over[1])
    assert not is_null(labels[tick:]).all()
    assert (labels[tick:] != executed[tick:]).any(axis=1).sum() > 10  # it is a fresh network
    assert is_null(labels[:tick]).all()
