"""What goes on while a person plays: episodes, pauses, hand-over, and what becomes of each demo. No window here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import gymnasium as gym

from vpt_gym.actions.codec import encode, is_null
from vpt_gym.actions.human import HumanAction
from vpt_gym.collect.players import Player
from vpt_gym.demos.files.names import files_of
from vpt_gym.demos.library.library import REJECTED, DemoLibrary
from vpt_gym.frames import Frame, find_frame, find_frame_space, packed_copy
from vpt_gym.play.controls import Command, InputCollector
from vpt_gym.wrappers import HumanActionWrapper, RecorderWrapper
from vpt_gym.wrappers.success import success_of


class Phase(Enum):
    """Where an episode stands."""

    PAUSED = "paused"
    """It waits; also before its first tick."""
    PLAYING = "playing"
    OVER = "over"
    """It has ended, and the next has not begun."""
    CLOSED = "closed"


@dataclass(frozen=True)
class AutoPlayer:
    """Who can be handed over to.

    Attributes:
        player: Plays.
        name: What it is called, in one word.
        always_observes: Whether it acts on every tick, also while the person plays, so that its memory covers the
            complete episode.
    """

    player: Player
    name: str = "agent"
    always_observes: bool = True


@dataclass(frozen=True)
class Outcome:
    """How an episode ended.

    Attributes:
        ended: "terminated", "truncated", "restart" (by the person), or "error" (the game broke).
        asked: Whether the person has to say what becomes of the demo before the next episode.
        error: What broke, where something did.
    """

    ended: str
    needs_decision: bool
    error: str = ""


class Session:
    """Episodes of one env, played by a person, and by a machine where the person hands over.

    Who plays acts; what is recorded are human actions. While a machine plays, the tick's label is what the person
    presses; where that is nothing, what the expert would do; and without an expert, nothing, which has no weight in
    training. So a machine's own action never stands as something to learn, unless it is the expert's.

    Every episode is on disk before anybody is asked about it. To discard one moves it to ``rejected/``.

    Args:
        env: The env, unwrapped by us; it is closed by ``close``.
        seeds: Seeds of the worlds, in the order they are played.
        record_to: Directory of the demos; None records nothing.
        controls: Where the person's keys and mouse are collected.
        auto_player: Who can be handed over to.
        expert: Who labels what the person does not; None for nobody. It may be the machine's player.
        metadata: More for the metadata of every demo.
        say: Called with each message to the person.
        on_reset: Called before the env is reset, which may take long.

    Attributes:
        phase: Where the episode stands.
        handed_over: Whether the machine plays.
        frame: uint8 (H, W, 3) RGB, what is to be seen now.
        episode: Number of the episode, from 1 on.
        seed: Seed of the episode's world.
        ticks: Ticks of the episode so far.
        episode_return: Sum of its rewards.
        success: Whether it has succeeded so far; None where that is not known.
        outcome: How it ended; None before.
        demo: The demo of the episode played last, None if there is none or it was discarded.
        kept: How many demos were kept so far.
        discarded: How many were discarded.
        pressed: What the person pressed in the last tick.

    Raises:
        TypeError, ValueError: The env cannot be played with human actions, or not recorded; see ``RecorderWrapper``.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        seeds: Iterator[int],
        record_to: Path | None,
        controls: InputCollector,
        *,
        auto_player: AutoPlayer | None = None,
        expert: Player | None = None,
        metadata: dict[str, Any] | None = None,
        say: Callable[[str], None] = print,
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        self.max_ticks = None if env.spec is None else env.spec.max_episode_steps
        self._where = find_frame_space(env.observation_space)
        self._recorder = None if record_to is None else RecorderWrapper(env, record_to, metadata=metadata)
        self.env = HumanActionWrapper(self._recorder or env)
        self.record_to = record_to
        self.auto_player, self.expert = auto_player, expert
        self._seeds, self._controls = seeds, controls
        self._say, self._on_reset = say, on_reset
        self.phase = Phase.CLOSED
        self.handed_over = False
        self.seed = -1
        self.ticks, self.episode_return = 0, 0.0
        self.success: bool | None = None
        self.outcome: Outcome | None = None
        self.demo: Path | None = None
        self.kept = self.discarded = self.episode = 0
        self._reported: Path | None = None
        self._closed = False
        self.pressed: HumanAction = controls.take()

    @property
    def frame_size(self) -> tuple[int, int]:
        """(height, width) of the frames, pixels."""
        return self._where.size

    @property
    def recording(self) -> bool:
        """Whether the running episode goes to disk."""
        return self._recorder is not None

    def start(self) -> None:
        """Begins the first episode; it waits for the person.

        Raises:
            TypeError, ValueError: The machine or the expert cannot play in this env.
        """
        self._reset(next(self._seeds))
        for player in (self.expert, None if self.auto_player is None else self.auto_player.player):
            if player is not None:
                player.act(self.env, self._observation)
                player.reset(self.seed)
        self.phase = Phase.PAUSED

    def tick(self) -> None:
        """Plays one tick with what the person has done since the last.

        Raises:
            RuntimeError: The episode is not being played.
            DemoWriteError: The demo cannot be written. What was written stays.
        """
        if self.phase is not Phase.PLAYING:
            raise RuntimeError(f"a tick in the phase {self.phase.value!r}; only an episode that is played has ticks")
        self.pressed = self._controls.take()
        executed = self.pressed
        if self.auto_player is not None and (self.handed_over or self.auto_player.always_observes):
            suggested = self.auto_player.player.act(self.env, self._observation)
            if self.handed_over:
                executed = suggested
                if self._recorder is not None:
                    self._recorder.label(self._label(executed))
        observation, reward, terminated, truncated, info = self.env.step(executed)
        self._controls.follow(executed)
        self._observe(observation)
        if "env_error" in info:
            self._end_episode("error", str(info["env_error"]))
            return
        self.ticks += 1
        self.episode_return += float(reward)
        success = success_of(self.env, info)
        if success is not None:
            self.success = success or bool(self.success)
        if terminated or truncated:
            self._end_episode("terminated" if terminated else "truncated")

    def command(self, command: Command) -> None:
        """Does what the person commands, as far as that makes sense now; else says why not."""
        if command is Command.QUIT or self.phase is Phase.CLOSED:
            return
        if command is Command.HAND_OVER:
            self._hand_over()
        elif command in (Command.PAUSE, Command.FOCUS_LOST, Command.CONTINUE):
            self._pause_or_continue(command)
        elif self.phase is Phase.OVER:
            self._leave_ended_episode(command)
        elif command is Command.RESTART:
            if self.recording and self.ticks:
                self._end_episode("restart")
            else:
                self._play(self.seed)
        elif self.ticks == 0 or not self.recording:
            if command is Command.DISCARD and self.demo is not None:
                self._discard()
            else:
                self._say("There is nothing recorded yet." if self.recording else "Nothing is recorded (--no-record).")
        else:  # save or discard the episode as far as it is
            self._play(next(self._seeds), discard=command is Command.DISCARD)

    def close(self, why: str) -> None:
        """Closes the env; the demo of an episode that is still running is finished first, and kept. Once is enough.

        Args:
            why: What the person is told as the reason.
        """
        if self._closed:
            return
        self._closed = True
        unfinished = self.phase is not Phase.OVER or (self.outcome is not None and self.outcome.ended == "restart")
        self.phase = Phase.CLOSED
        try:
            self.env.close()
        finally:
            self._report_demo(f"not finished: {why}" if unfinished else why)

    # -- episodes

    def _reset(self, seed: int, *, discard: bool = False) -> None:
        """Begins an episode; the demo of one that is still running is finished by the reset."""
        unfinished = self.outcome is None or self.outcome.ended == "restart"
        self._on_reset()
        observation, _ = self.env.reset(seed=seed)
        self._report_demo("not finished" if unfinished else "")
        if discard:
            self._discard()
        self._controls.begin_episode()
        self.episode += 1
        self.seed = seed
        self.ticks, self.episode_return, self.success, self.outcome = 0, 0.0, None, None
        if self.auto_player is not None:
            self.auto_player.player.reset(seed)
        if self.expert is not None:
            self.expert.reset(seed)
        self._observe(observation)
        self.pressed = self._controls.take()

    def _play(self, seed: int, *, discard: bool = False) -> None:
        self._reset(seed, discard=discard)
        self.phase = Phase.PLAYING

    def _end_episode(self, ended: str, error: str = "") -> None:
        self.phase = Phase.OVER
        asked = self.recording and self.ticks > 0 and not self.success
        self.outcome = Outcome(ended, asked, error)
        if ended != "restart":
            self._report_demo(error)

    def _leave_ended_episode(self, command: Command) -> None:
        """Goes from an episode that is over to the next."""
        assert self.outcome is not None
        again = self.outcome.ended == "restart" or command is Command.RESTART
        if self.outcome.needs_decision and command is Command.RESTART:
            self._say("First say what becomes of this demo: F9 keeps it, F10 discards it.")
            return
        self._play(self.seed if again else next(self._seeds), discard=command is Command.DISCARD)

    def _pause_or_continue(self, command: Command) -> None:
        if self.phase is Phase.PLAYING and command is not Command.CONTINUE:
            self.phase = Phase.PAUSED
        elif self.phase is Phase.PAUSED and command is not Command.FOCUS_LOST:
            self._controls.clear()
            self.phase = Phase.PLAYING
        elif self.phase is Phase.OVER and command is Command.CONTINUE:
            assert self.outcome is not None
            if self.outcome.needs_decision:
                self._say("F9 keeps this demo, F10 discards it.")
            else:
                self._leave_ended_episode(command)

    def _hand_over(self) -> None:
        if self.auto_player is None:
            self._say("There is nobody to hand over to: start with --agent or --expert.")
            return
        self.handed_over = not self.handed_over
        self._say(f"Tick {self.ticks}: {f'the {self.auto_player.name} plays' if self.handed_over else 'you play'}.")

    def _label(self, executed: HumanAction) -> HumanAction:
        """Returns the label of a tick in which the machine plays."""
        if self.expert is None or not is_null(encode(self.pressed)):
            return self.pressed
        if self.auto_player is not None and self.expert is self.auto_player.player:
            return executed
        return self.expert.act(self.env, self._observation)

    # -- demos

    def _report_demo(self, note: str) -> None:
        """Tells of the demo that the recorder has finished since it was last asked, if any."""
        if self._recorder is None or self._recorder.last_demo is None or self._recorder.last_demo == self._reported:
            return
        self.demo = self._reported = self._recorder.last_demo
        self.kept += 1
        success = {True: "success", False: "no success", None: "success not known"}[self.success]
        details = ", ".join(part for part in (f"{self.ticks} ticks", success, note) if part)
        self._say(f"Recorded {self.demo} ({details}).")

    def _discard(self) -> None:
        if self.demo is None or self.record_to is None:
            return
        demo, self.demo = self.demo, None
        DemoLibrary(self.record_to).reject(files_of(demo).id)
        self.kept -= 1
        self.discarded += 1
        self._say(f"Discarded: moved to {self.record_to / REJECTED / demo.name}.")

    def _observe(self, observation: Any) -> None:
        self._observation = observation
        self.frame: Frame = packed_copy(find_frame(observation, self._where.key, self._where.layout))
