"""A real ``vpt-gym view`` server in a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.view.predictions import Predictions
from vpt_gym.view.server import ViewServer


@contextmanager
def running_view(episodes: DemoLibrary, predictions: Predictions | None = None) -> Iterator[ViewServer]:
    """The server, which ends with the block, even if a test in it fails."""
    with ViewServer(episodes, predictions) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            if predictions is not None:
                predictions.close()
