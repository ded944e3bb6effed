"""Workers on a Ray cluster: actors that carry out calls, each call until one of them has returned its result."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from vpt_gym.collect.ray.options import RayArgs

Argument = TypeVar("Argument", bound=Hashable)
Result = TypeVar("Result")
Given = TypeVar("Given", contravariant=True)
Returned = TypeVar("Returned", covariant=True)

MAX_LOSSES = 5
"""Number of times that the worker of one call may die before that becomes an error: the call itself may kill it."""
PATIENCE = 20.0
"""Seconds that idle workers get to close their envs."""


class Session(Protocol[Given, Returned]):
    """What a worker holds while it carries out calls: envs, perhaps an agent."""

    def __call__(self, argument: Given, /) -> Returned:
        """Carries out one call. The result depends on the argument alone, so that a lost call can be repeated."""

    def close(self) -> None:
        """Closes the envs."""


class RayWorkers(Generic[Argument, Result]):
    """Actors that carry out calls of a session. A call whose worker or node dies is made again on a free worker.

    ``ray.util.ActorPool`` does not fit: it does not report which call was lost with an actor, and it gives calls to
    actors that Ray has not been able to start again. Here a worker gets a call only after it has answered. So a worker
    that finds no room, because its node is gone, delays nothing.

    Results are returned once: the first result of a call ends it. A call may be carried out twice, since a result can
    be lost after the work, so a session must not write anything that outlasts it.

    Args:
        ray: The module, connected.
        args: What each worker needs, and the number of workers.
    """

    def __init__(self, ray: Any, args: RayArgs) -> None:
        self._ray = ray
        self._args = args
        self._actors: list[Any] = []
        self._idle: list[Any] = []
        self._calls: dict[Any, _Call[Argument]] = {}
        self._waiting: deque[Argument] = deque()
        self._losses: dict[Argument, int] = {}
        self._version = 0
        self._session: list[Any] = []

    @property
    def room(self) -> int:
        """The number of workers: as asked for, else what the nodes of the cluster can hold.

        Raises:
            ValueError: The number is not asked for, and no node has what a worker needs.
        """
        if self._args.workers is not None:
            return self._args.workers
        needs = {name: amount for name, amount in self._args.needs.items() if amount > 0}
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        room = sum(min(int(node.get(name, 0.0) // amount) for name, amount in needs.items()) for node in nodes)
        if room == 0:
            raise ValueError(
                f"no node of the Ray cluster has {needs} for a worker; the nodes have "
                f"{[{name: node.get(name, 0.0) for name in needs} for node in nodes]}. Ask for less (--ray-cpus, "
                "--ray-gpus, --ray-resources), or give --ray-workers to wait for other nodes"
            )
        return room

    def use(self, make_session: Callable[[], Session[Argument, Result]], count: int) -> None:
        """Gives all workers another session, and makes workers until there are ``count``.

        The session's contents, such as the weights of a policy, go to the object store once, from where each node
        fetches them once. Calls that still run are forgotten.

        Args:
            make_session: Makes the session in a worker; Ray must be able to pickle it.
            count: Number of workers that are needed; workers that exist already are kept.
        """
        self._version += 1
        # in a list: Ray would replace a bare reference by its value before each call
        self._session = [self._ray.put(make_session)]
        self._calls, self._idle, self._losses = {}, [], {}
        self._waiting.clear()
        actor = self._ray.remote(_Actor)
        while len(self._actors) < count:
            self._actors.append(
                actor.options(
                    num_cpus=self._args.cpus,
                    num_gpus=self._args.gpus,
                    resources=self._args.own_resources,
                    max_restarts=-1,
                    scheduling_strategy="SPREAD",
                ).remote(os.getcwd())
            )
        for each in self._actors:
            self._await(each)

    def submit(self, argument: Argument) -> None:
        """Adds a call; the next free worker gets it."""
        self._waiting.append(argument)
        self._assign()

    def wait(self) -> tuple[Argument, Result]:
        """Waits until a call has ended; returns its argument and its result.

        Raises:
            RuntimeError: A worker cannot be started, or the workers of one call died ``MAX_LOSSES`` times.
            Exception: The error that the session raised.
        """
        errors = self._ray.exceptions
        while True:
            (reference, *_), _ = self._ray.wait(list(self._calls), num_returns=1)
            call = self._calls.pop(reference)
            try:
                result = self._ray.get(reference)
            except errors.RayTaskError as error:
                if isinstance(error.cause, Exception):
                    raise error.cause from error
                raise
            except errors.RayError as error:  # the worker died, or its node, or the result was lost with the node
                self._lost(call, error)
                continue
            self._idle.append(call.actor)
            self._assign()
            if call.argument is not None:
                return call.argument, result

    def close(self, *, broken: bool) -> None:
        """Ends the workers.

        Args:
            broken: Whether calls may still be running; idle workers close their envs first.
        """
        with suppress(self._ray.exceptions.RayError):
            if not broken and self._idle:
                self._ray.wait(
                    [actor.close.remote() for actor in self._idle], num_returns=len(self._idle), timeout=PATIENCE
                )
        for actor in self._actors:
            self._ray.kill(actor)

    def _await(self, actor: Any) -> None:
        """Makes the actor idle as soon as its process runs."""
        # repeated by Ray for as long as the process does not run; other calls fail while Ray starts it again
        self._calls[actor.ready.options(max_task_retries=-1).remote()] = _Call(actor, None)

    def _assign(self) -> None:
        while self._idle and self._waiting:
            actor, argument = self._idle.pop(), self._waiting.popleft()
            self._calls[actor.call.remote(self._version, self._session, argument)] = _Call(actor, argument)

    def _lost(self, call: _Call[Argument], error: Exception) -> None:
        if call.argument is None:
            raise RuntimeError(f"a worker cannot be started on the Ray cluster: {error}") from error
        losses = self._losses[call.argument] = self._losses.get(call.argument, 0) + 1
        if losses == MAX_LOSSES:
            raise RuntimeError(
                f"the workers that carried out {call.argument} died {losses} times; perhaps memory ran out: use fewer "
                f"workers on a node (--ray-cpus). The last error: {error}"
            ) from error
        self._waiting.appendleft(call.argument)
        self._await(call.actor)
        self._assign()


@dataclass(frozen=True)
class _Call(Generic[Argument]):
    """A running call; without an argument, a worker that starts."""

    actor: Any
    argument: Argument | None


class _Actor:
    """The process of a worker. Ray starts it again after a death, without its session."""

    def __init__(self, directory: str) -> None:
        if os.path.isdir(directory):  # relative paths and modules mean the same as in the process that started it
            os.chdir(directory)
        self._version = 0
        self._session: Session[Any, Any] | None = None

    def ready(self) -> None:
        """Returns when the process runs."""

    def call(self, version: int, session: list[Any], argument: Any) -> Any:
        if self._session is None or version != self._version:
            import ray

            self.close()
            self._session = ray.get(session[0])()
            self._version = version
        return self._session(argument)

    def close(self) -> None:
        session, self._session, self._version = self._session, None, 0
        if session is not None:
            session.close()
