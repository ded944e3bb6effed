"""``vpt-gym malmo``: the embedded world in place of Minecraft."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

import tyro


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Serves the embedded world over the MalmoEnv 0.37.0 protocol: the real minedojo plays on it without Java.

    To make one environment there is no need to start it by hand: vpt_gym.minedojo.make(..., backend="embedded") does.

    When it can be connected to, it prints the two lines that MineDojo waits for; it ends when a client sends Exit, or
    by Ctrl+C.
    """

    port: int = 9000
    """Port to listen on; 0 is any free one, which is then printed."""
    host: str = "127.0.0.1"
    """Address to listen on. Anybody who can reach another one than this machine's loopback can play, and end it."""
    level: Literal["default", "easy"] = "default"
    """Kind of worlds. easy: gentle hills, and a tree in view at the start."""
    seed: int | None = None
    """Seed of the worlds of missions that name none; default: random."""
    statistics: Literal["full", "minimal"] = "full"
    """What to send with each tick. full: as the game does; minimal: the part that MineDojo reads, which is faster."""


def run(args: Args) -> int:
    """Serves until a client ends it; returns the exit status."""
    from vpt_gym.world.malmo import serve  # it loads numba and the world's kernels

    try:
        serve(args.port, args.host, args.level, args.seed, args.statistics)
    except (ValueError, OSError) as error:
        print(f"vpt-gym malmo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
