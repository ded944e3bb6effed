"""Connecting to a Ray cluster, with errors that say what to do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vpt_gym.system.require import require

PATIENCE = 5.0
"""Seconds in which the head of a cluster must accept a connection. Ray itself blocks for a minute, and then exits."""

_REMEDY = (
    "Start one with `ray start --head` on one machine and `ray start --address=HOST:6379` on the others, "
    "or use this machine alone: --ray local"
)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connects this process to a cluster for the block, and yields the module ``ray``.

    A connection that already exists is used and left open, whatever the address is.

    Args:
        address: ``"auto"``, ``"local"``, ``"host:port"`` or ``"ray://host:port"``, as for ``ray.init``.

    Raises:
        DependencyNotInstalled: Ray is not installed.
        ConnectionError: There is no cluster at the address.
        ValueError: The address has another form.
    """
    ray = require("ray", "ray", purpose="--ray")
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options = {"include_dashboard": False} if address == "local" else {}
    _probe(address)
    try:
        ray.init(address=address, logging_level="warning", **options)
    except ConnectionError as error:
        raise ConnectionError(f"no Ray cluster at {address!r}: {error} {_REMEDY}") from error
    except ValueError as error:
        raise ValueError(
            f"{address!r} is no address of a Ray cluster ({error}); give auto, local, HOST:PORT or ray://HOST:PORT"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _probe(address: str) -> None:
    """Raises a ``ConnectionError`` if nothing listens at ``host:port``."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"no Ray cluster at {address!r}: {error}. {_REMEDY}") from error
