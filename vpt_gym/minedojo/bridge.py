"""MineDojo's connection to its game, with the cause of failures, and with recovery from them.

MineDojo itself reports a crash as the end of an episode, with the last observation, and can never be reset again.
Methods are rebound on one ``BridgeEnv`` only.
"""

from __future__ import annotations

import importlib
import json
import os
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from vpt_gym.minedojo.game import PATIENCE, GameError, GameProcess, tail
from vpt_gym.minedojo.messages import receive, send
from vpt_gym.minedojo.parts import PACKAGE


class Bridge:
    """The exchange between one MineDojo environment and its game.

    Args:
        bridge: The simulator's ``BridgeEnv``. Its ``step``, ``close`` and ``_get_new_instance`` are rebound.
        frame_bytes: Size of a frame, H * W * 3.
        command: Function of a seed that returns the command of a game to start instead of Minecraft; None starts
            Minecraft.
        step_timeout: Seconds that a tick may take.
        reset_timeout: Seconds that the game may take for each answer while an episode starts.
        parse: Parser of the game's JSON.

    Attributes:
        error: Why the game cannot continue, or None while it can.
        stale: Whether the last tick returned no observation.
    """

    def __init__(
        self,
        bridge: Any,
        frame_bytes: int,
        command: Callable[[int], list[str]] | None = None,
        *,
        step_timeout: float,
        reset_timeout: float,
        parse: Callable[[bytes], Any] = json.loads,
    ) -> None:
        self._bridge = bridge
        self._frame_bytes = frame_bytes
        self._command = command
        self._step_timeout, self._reset_timeout = step_timeout, reset_timeout
        self._parse = parse
        self._step_tuple = importlib.import_module(type(bridge).__module__).StepTuple
        self._games: list[GameProcess] = [GameProcess(instance, reset_timeout) for instance in bridge._instances]
        self.error: str | None = None
        self.stale = False
        self._unfinished = False
        bridge.SOCKTIME = reset_timeout
        bridge.step = self.step
        bridge.close = self.close
        bridge._get_new_instance = self._new_instance

    def step(self, commands: Sequence[str]) -> Any:
        """Plays one tick: sends the lines of ``commands`` and reads the result, as ``BridgeEnv.step`` does."""
        if self._unfinished and self.error is None:
            # by Ctrl-C: the rest of that answer would be mistaken for the next one
            self._fail("the last step was interrupted")
        if self.error is not None:
            raise GameError(f"the episode is over: {self.error}. Call reset()")
        self._unfinished = True
        try:
            raw, done = self._exchange(commands[0])
        except (OSError, EOFError, struct.error, ValueError) as error:
            self._fail(self.cause(error, self._step_timeout))
            self.stale = True
            return self._step_tuple(step_success=False, raw_obs=None)
        self._unfinished = False
        if done:
            self._fail("Minecraft ended the mission (its `done` was set)")
        return self._step_tuple(step_success=True, raw_obs={0: raw})

    def _exchange(self, commands: str) -> tuple[dict[str, Any], bool]:
        instance = self._bridge._instances[0]
        connection, options = instance.client_socket, self._bridge.STEP_OPTIONS
        if connection is None:
            raise EOFError("there is no connection to the game")
        connection.settimeout(self._step_timeout)
        deadline = time.monotonic() + self._step_timeout
        send(connection, f"<StepClient{options}>{commands}</StepClient{options} >".encode())
        frame, status, state = (receive(connection, deadline) for _ in range(3))
        _, done, _ = struct.unpack("!dbb", status)
        if len(frame) != self._frame_bytes:
            raise ValueError(f"the game sent a frame of {len(frame)} bytes, expected {self._frame_bytes}")
        raw = self._parse(bytes(state))
        if not isinstance(raw, dict):
            raise ValueError(f"the game sent {raw!r} for the state of the player")
        raw["pov"] = frame
        send(connection, b"<StepServer></StepServer>")
        return raw, done == 1

    def _fail(self, cause: str) -> None:
        self.error = cause
        self._bridge._terminated = True

    def cause(self, error: BaseException, timeout: float | None = None) -> str:
        """Returns why the game failed: how its process ended, the error, and the end of its output.

        Args:
            error: The exception that was raised.
            timeout: Time limit of the answer, seconds; default: the limit while an episode starts.
        """
        if isinstance(error, TimeoutError):
            return f"the game did not answer within {timeout or self._reset_timeout:g} s"
        if isinstance(error, TypeError | AttributeError) and "NoneType" in str(error):
            # MineDojo's own reset raises this for a closed connection
            error = EOFError("the game closed the connection")
        # the process of a connection that broke may be about to end; one that sent nonsense is not waited for
        patience = 0.0 if isinstance(error, ValueError | struct.error) else 1.0
        ending = "; ".join(filter(None, (game.ending(patience) for game in self._games)))
        cause = f"{ending} ({error})" if ending else f"{type(error).__name__}: {error}"
        log = tail("\n".join(game.log() for game in self._games))
        return f"{cause}. The game's output ends with:\n{log}" if log else cause

    def _new_instance(self, port: int | None = None, instance_id: int | None = None) -> Any:
        # MineDojo's own method, except for the launch
        manager = importlib.import_module(f"{PACKAGE}.sim.bridge.mc_instance").InstanceManager
        instance = manager.get_instance(os.getpid(), instance_id=instance_id)
        game = GameProcess(instance, self._reset_timeout)
        try:
            game.launch(None if self._command is None else self._command(int(instance._seed)))
        except BaseException:
            game.shut_down()
            raise
        instance.had_to_clean = False
        self._games.append(game)
        return instance

    @property
    def broken(self) -> bool:
        """Whether the next episode needs a new game."""
        return self.error is not None or self._unfinished

    @property
    def running(self) -> bool:
        """Whether a game was started and has not ended."""
        return bool(self._games)

    def discard(self) -> None:
        """Ends the game, so that the next reset starts a new one."""
        games, self._games = self._games, []
        broken = self.broken
        self._bridge._instances.clear()
        self._bridge._terminated = False
        self.error = None
        self.stale = self._unfinished = False
        for game in games:
            game.shut_down(patience=0.0 if broken else PATIENCE)

    def close(self) -> None:
        """Ends the game and closes MineDojo's connection."""
        self.discard()
        self._bridge._already_closed = True
