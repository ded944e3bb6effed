"""MineDojo's connection to its game, made to say why it broke, and to be mended.

MineDojo itself reports a crash as the end of an episode, with the observation before, and can never be reset again.
What is rebound here is rebound on one ``BridgeEnv``.
"""

from __future__ import annotations

import importlib
import json
import os
import struct
from collections.abc import Callable, Sequence
from typing import Any

from vpt_gym.minedojo.game import PATIENCE, GameError, GameProcess, receive, send, tail
from vpt_gym.minedojo.parts import PACKAGE


class Bridge:
    """What one environment of MineDojo and its game say to each other.

    Args:
        bridge: The simulator's ``BridgeEnv``. Its ``step``, ``close`` and ``_get_new_instance`` are rebound.
        frame_bytes: Size of a frame, H * W * 3.
        command: Returns, for a seed, the command of the game to start in place of Minecraft; None starts Minecraft.
        step_timeout: Seconds that a tick may take.
        reset_timeout: Seconds that the game may take for each answer while an episode starts.
        parse: Turns the game's JSON into a dict.

    Attributes:
        error: Why the game cannot go on, or None while it can.
        stale: Whether the last tick gave no observation.
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
        self._games: list[GameProcess] = [GameProcess(instance) for instance in bridge._instances]
        self.error: str | None = None
        self.stale = False
        self._unfinished = False
        bridge.SOCKTIME = reset_timeout
        bridge.step = self.step
        bridge.close = self.close
        bridge._get_new_instance = self._new_instance

    def step(self, commands: Sequence[str]) -> Any:
        """Plays one tick: sends the lines of ``commands`` and reads what came of them, as ``BridgeEnv.step`` does."""
        if self._unfinished and self.error is None:
            # by Ctrl-C: the rest of that answer would be taken for the next one
            self._fail("the step before was interrupted")
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
        send(connection, f"<StepClient{options}>{commands}</StepClient{options} >".encode())
        frame, status, told = receive(connection), receive(connection), receive(connection)
        _, done, _ = struct.unpack("!dbb", status)
        if len(frame) != self._frame_bytes:
            raise ValueError(f"the game sent a frame of {len(frame)} bytes, {self._frame_bytes} were asked for")
        raw = self._parse(bytes(told))
        if not isinstance(raw, dict):
            raise ValueError(f"the game sent {raw!r} for the state of the player")
        raw["pov"] = frame
        send(connection, b"<StepServer></StepServer>")
        return raw, done == 1

    def _fail(self, cause: str) -> None:
        self.error = cause
        self._bridge._terminated = True

    def cause(self, error: BaseException, timeout: float | None = None) -> str:
        """Returns why the game failed: what is known of its process, the error, and the end of its output.

        Args:
            error: What was raised.
            timeout: Seconds that the game was given; default: the limit while an episode starts.
        """
        if isinstance(error, TimeoutError):
            return f"the game did not answer within {timeout or self._reset_timeout:g} s"
        if isinstance(error, TypeError | AttributeError) and "NoneType" in str(error):
            # what MineDojo's own reset makes of a connection that was closed
            error = EOFError("the game closed the connection")
        ending = "; ".join(filter(None, (game.ending() for game in self._games)))
        cause = f"{ending} ({error})" if ending else f"{type(error).__name__}: {error}"
        log = tail("\n".join(game.log() for game in self._games))
        return f"{cause}. The game's output ends with:\n{log}" if log else cause

    def _new_instance(self, port: int | None = None, instance_id: int | None = None) -> Any:
        # MineDojo's own, but for the launch
        manager = importlib.import_module(f"{PACKAGE}.sim.bridge.mc_instance").InstanceManager
        instance = manager.get_instance(os.getpid(), instance_id=instance_id)
        game = GameProcess(instance)
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
        """Whether only a fresh game can go on."""
        return self.error is not None or self._unfinished

    @property
    def running(self) -> bool:
        """Whether a game has been started, and not ended since."""
        return bool(self._games)

    def discard(self) -> None:
        """Ends the game, so that the next reset starts a fresh one."""
        games, self._games = self._games, []
        broken = self.broken
        self._bridge._instances.clear()
        self._bridge._terminated = False
        self.error = None
        self.stale = self._unfinished = False
        for game in games:
            game.shut_down(patience=0.0 if broken else PATIENCE)

    def close(self) -> None:
        """Ends the game for good."""
        self.discard()
        self._bridge._already_closed = True
