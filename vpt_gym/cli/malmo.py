"""``vpt-gym malmo``: serves the embedded world to MineDojo in place of Minecraft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from vpt_gym.cli.status import DONE, INTERRUPTED, failed
from vpt_gym.system.command_line import optional


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Serves the embedded world over the MalmoEnv 0.37.0 protocol, so that the real minedojo runs without Java.

    To make an environment you need not start the server yourself: vpt_gym.minedojo.make(..., backend="embedded") does.

    When clients can connect, it prints the two lines that MineDojo waits for. It stops when a client sends Exit, or on
    Ctrl+C.
    """

    port: int = 9000
    """Port to listen on; 0 chooses a free one and prints it."""
    host: str = "127.0.0.1"
    """Address to listen on. Every machine that can reach the address can play, and can stop the server."""
    level: Literal["default", "easy"] = "default"
    """Level of the worlds. easy: gentle hills, with a tree in view at the start."""
    seed: Annotated[int | None, optional("INT", "random")] = None
    """Seed of the worlds of missions that name no seed."""
    statistics: Literal["full", "minimal"] = "full"
    """Statistics to send in each tick. full: those of the game. minimal: those that MineDojo reads, which is faster."""


def run(args: Args) -> int:
    """Serves until a client stops it; returns the exit status."""
    from vpt_gym.world.malmo import serve  # slow: numba and the world's kernels

    try:
        serve(args.port, args.host, args.level, args.seed, args.statistics)
    except (ValueError, OSError) as error:
        return failed("malmo", error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE
