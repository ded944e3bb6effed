"""``python -m vpt_gym.world.malmo``: runs the server as a process. It also accepts the flags of Malmo's launcher."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from vpt_gym.world.malmo.items import CREATURES, ITEMS
from vpt_gym.world.malmo.server import STATISTICS, serve
from vpt_gym.world.terrain.generate import LEVELS


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    result = argparse.ArgumentParser(
        prog="python -m vpt_gym.world.malmo",
        description="Serves the embedded world over the MalmoEnv 0.37.0 protocol, in place of Minecraft.",
        allow_abbrev=False,
    )
    result.add_argument("--port", "-port", type=int, default=0, help="0 (default): any free port")
    result.add_argument("--host", default="127.0.0.1", help="address to listen on; default: this machine only")
    result.add_argument("--level", choices=tuple(LEVELS), default="default", help="level of the worlds")
    result.add_argument(
        "--seed", "-seed", type=int, default=None, help="seed for the worlds of missions that have none"
    )
    result.add_argument("--stats", choices=STATISTICS, default="full", help="which statistics the info contains")
    result.add_argument("--exit-with-parent", action="store_true", help="stop when standard input is closed")
    result.add_argument("--list-names", action="store_true", help="print items and creatures as JSON, and stop")
    ignored = result.add_argument_group("flags of launchClient.sh that are accepted and ignored")
    ignored.add_argument("-env", action="store_true", help=argparse.SUPPRESS)
    ignored.add_argument("-replaceable", action="store_true", help=argparse.SUPPRESS)
    ignored.add_argument("-runDir", help=argparse.SUPPRESS)
    ignored.add_argument("-jvm_debug_port", help=argparse.SUPPRESS)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until a client sends ``<Exit>``; returns the exit status of the process."""
    options = parser().parse_args(argv)
    if options.list_names:
        print(json.dumps(sorted({*CREATURES, *(name for name, _ in ITEMS)})))
        return 0
    try:
        serve(options.port, options.host, options.level, options.seed, options.stats, options.exit_with_parent)
    except ValueError as error:
        print(f"ERROR: {error}", flush=True)
        return 1
    except OSError as error:
        print(f"ERROR: {error.strerror}", flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
