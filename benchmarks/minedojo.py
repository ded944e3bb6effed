"""How much time does MineDojo's Python take, and how much of it does ``vpt_gym.minedojo.make`` save?

Plays the same missions on the embedded world behind MineDojo's own protocol, with three players: MineDojo as installed
(only the launch of Minecraft is replaced), ``vpt_gym.minedojo.make``, and a client of the protocol that ignores what it
receives, which is a lower bound for any Python. Each has its own server, with the same command and world. They play
blocks of ticks in alternation, and a ratio compares the blocks of one round.
Writes ``benchmarks/results/minedojo.json``. Run it in an environment that has MineDojo (``make`` keeps one):
``.venv-minedojo/bin/python -m benchmarks minedojo``.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from vpt_gym import minedojo
from vpt_gym.minedojo import shims
from vpt_gym.minedojo.factory import make_legacy
from vpt_gym.minedojo.game import HELLO, GameProcess, embedded_command
from vpt_gym.minedojo.messages import receive, send
from vpt_gym.minedojo.parts import find_parts
from vpt_gym.system.machine import describe

TASK, SIZE, SEED, LEVEL = "harvest_1_log", (160, 256), 3, "easy"
ROUNDS, TICKS = 31, 90
"""Ticks that each player plays in a round."""
DROP = [0, 0, 0, 12, 12, 2, 0, 0]
"""An action of MineDojo's MultiDiscrete with 15 degree bins that takes three ticks, as craft, equip and place do."""
RESULT = Path(__file__).parent / "results" / "minedojo.json"

Play = Callable[[], object]
"""Plays one action."""


def stock(made: ExitStack) -> Any:
    """Returns MineDojo's environment; only the launch of the game is replaced."""
    env = make_legacy(TASK, image_size=SIZE, world_seed=str(SEED))
    bridge = env.unwrapped._bridge_env
    instances = importlib.import_module("minedojo.sim.bridge.mc_instance").InstanceManager

    def launched(port: int | None = None, instance_id: int | None = None) -> Any:
        instance = instances.get_instance(os.getpid(), instance_id=instance_id)
        game = GameProcess(instance)
        made.callback(game.shut_down)
        game.launch(embedded_command(LEVEL, SEED))
        instance.had_to_clean = False
        return instance

    bridge._get_new_instance = launched
    env.reset()
    return env


def ours(made: ExitStack, **kwargs: Any) -> gym.Env[Any, Any]:
    """Returns the environment of ``vpt_gym.minedojo.make``."""
    env = minedojo.make(TASK, backend="embedded", level=LEVEL, image_size=SIZE, cam_interval=15, **kwargs)
    made.callback(env.close)
    env.reset(seed=SEED)
    return env


def raw_client(made: ExitStack, mission: str, commands: str) -> Play:
    """Returns a function that plays a tick over the bare protocol and ignores the answers."""
    instances = importlib.import_module("minedojo.sim.bridge.mc_instance").InstanceManager
    game = GameProcess(instances.get_instance(os.getpid(), instance_id=None))
    made.callback(game.shut_down)
    game.launch(embedded_command(LEVEL, SEED))
    connection = socket.create_connection(("127.0.0.1", game.instance.port))
    made.callback(connection.close)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    send(connection, HELLO)
    send(connection, mission.encode())
    send(connection, f"{uuid.uuid4()}:0:0:1:true".encode())
    assert receive(connection, time.monotonic() + 60)[-1] == 1, "the server refused the mission"
    message = f"<StepClient0>{commands}</StepClient0 >".encode()

    def play() -> None:
        send(connection, message)
        deadline = time.monotonic() + 60
        for _ in range(3):
            receive(connection, deadline)
        send(connection, b"<StepServer></StepServer>")

    return play


def players(made: ExitStack) -> dict[str, tuple[Play, int]]:
    """Returns what to measure: name -> a function that plays one action, and the ticks of the action."""
    env = stock(made)
    sim, no_op = env.unwrapped, env.action_space.no_op()
    native = sim.action_space.no_op()
    own, human = ours(made, actions="minedojo"), ours(made, actions="human")
    below, lean_below = task(env), task(own.unwrapped.env)  # type: ignore[attr-defined]
    at_rest = {name: np.zeros(space.shape, space.dtype) for name, space in human.action_space.spaces.items()}  # type: ignore[attr-defined]
    raw = raw_client(made, sim._sim_spec.to_xml(str(uuid.uuid4())), sim._action_obj_to_xml(native))
    return {
        "stock": (lambda: env.step(no_op), 1),
        "ours": (partial(own.step, no_op), 1),
        "ours_human_actions": (partial(human.step, at_rest), 1),
        "raw_client": (raw, 1),
        "stock_native": (lambda: below.step(dict(native)), 1),
        "lean_native": (lambda: lean_below.step(dict(native)), 1),
        "stock_drop": (lambda: env.step(DROP), 3),
        "ours_drop": (partial(own.step, np.array(DROP)), 3),
    }


def task(env: Any) -> Any:
    """Returns the layer of MineDojo's wrappers that takes native actions and returns rewards."""
    parts = find_parts(env)
    assert parts is not None
    return parts.task


def spread(values: list[float], digits: int) -> dict[str, float]:
    """Returns the median and the range of the middle 80 %."""
    tenths = statistics.quantiles(values, n=10)
    numbers = {"median": statistics.median(values), "low": tenths[0], "high": tenths[-1]}
    return {name: round(number, digits) for name, number in numbers.items()}


def measure() -> dict[str, Any]:
    """Plays all rounds; returns the figures."""
    with ExitStack() as made:
        playing = players(made)
        for play, _ in playing.values():
            play()
        seconds: dict[str, list[float]] = {name: [] for name in playing}
        processor: dict[str, list[float]] = {name: [] for name in playing}
        for _ in range(ROUNDS):
            for name, (play, ticks) in playing.items():
                n = TICKS // ticks
                wall, cpu = time.perf_counter(), time.process_time()
                for _ in range(n):
                    play()
                seconds[name].append((time.perf_counter() - wall) / n)
                processor[name].append((time.process_time() - cpu) / n)
    pairs = {
        "ours_to_stock": ("stock", "ours"),
        "ours_human_actions_to_stock": ("stock", "ours_human_actions"),
        "lean_to_stock_below_the_nn_wrapper": ("stock_native", "lean_native"),
        "ours_to_stock_action_of_three_ticks": ("stock_drop", "ours_drop"),
        "raw_client_to_ours": ("ours", "raw_client"),
    }
    return {
        "steps_per_second": {name: round(1 / statistics.median(times)) for name, times in seconds.items()},
        "ratios": {
            name: spread([a / b for a, b in zip(seconds[slow], seconds[fast], strict=True)], 2)
            for name, (slow, fast) in pairs.items()
        },
        "client_processor_ms_per_step": {
            name: spread([1000 * t for t in times], 2) for name, times in processor.items()
        },
    }


def main() -> None:
    """Measures for about a minute and writes the result.

    Raises:
        SystemExit: MineDojo is not installed; the message has the commands that install it.
    """
    try:
        shims.install()
    except ImportError as error:
        raise SystemExit(str(error)) from error
    folder = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)  # MineDojo writes logs to the current directory
        try:
            figures = measure()
        finally:
            os.chdir(folder)
    result = {
        "question": "How many steps per second does the real MineDojo make in front of the embedded world?",
        "task": TASK,
        "image_size": SIZE,
        "rounds": ROUNDS,
        "ticks_per_round": TICKS,
        **figures,
        "machine": describe("minedojo", "gym", "gymnasium", "numpy"),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
