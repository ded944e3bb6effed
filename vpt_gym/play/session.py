"""A session of playing: episodes, pauses, handing over to an agent, and keeping or discarding demos."""

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
from vpt_gym.demos.files.names import REJECTED, files_of
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.frames import Frame, find_declared_frame, find_frame_space, packed_copy
from vpt_gym.play.controls import Command, InputCollector
from vpt_gym.system.plural import counted
from vpt_gym.wrappers import HumanActionWrapper, RecorderWrapper
from vpt_gym.wrappers.success import success_of, success_so_far


class Phase(Enum):
    """The phase of an episode."""

    PAUSED = "paused"
    """It is paused, or has not started."""
    PLAYING = "playing"
    OVER = "over"
    """It has ended, and the next one has not started."""
    CLOSED = "closed"


@dataclass(frozen=True)
class AutoPlayer:
    """An agent or expert that plays when the person hands over.

    Attributes:
        player: Chooses its actions.
        name: One word to call it by.
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
        ended: "terminated", "truncated", "restart" (by the person), or "error" (the game failed).
        needs_decision: Whether the person must keep or discard the demo before the next episode.
        error: Description of the error, if there was one.
    """

    ended: str
    needs_decision: bool
    error: str = ""


class Session:
    """Episodes of one env, played by a person, and by an agent or expert when the person hands over.

    Recordings contain human actions. While the person plays, they are the labels. While another player plays, the label
    of a tick is what the person presses. If nothing is pressed, it is the expert's action; without an expert it is the
    null action, which has no weight in training. So the actions of an agent are never labels. In an episode with an
    agent, the ticks that the person labels are marked as interventions (``Demo.intervention``).

    Every episode is written to disk before the person decides about it. Discarding moves it to ``rejected/``.

    Args:
        env: The env, without wrappers of this package; ``close`` closes it.
        seeds: Seeds of the worlds, in the order in which they are played. The session closes after the last one.
        record_to: Directory of the demos; None records nothing.
        controls: Collects the person's input.
        auto_player: Plays when the person hands over.
        agent_first: Whether each episode begins handed over to ``auto_player``.
        expert: Labels the ticks in which the person presses nothing; None for no expert. It may be the player of
            ``auto_player``.
        metadata: Additional metadata of every demo.
        say: Called with each message to the person.
        on_reset: Called before each reset of the env, which may take long.

    Attributes:
        phase: Phase of the current episode.
        handed_over: Whether ``auto_player`` plays.
        frame: uint8 (H, W, 3) RGB, the current frame.
        episode: Number of the episode, from 1.
        seed: Seed of the episode's world.
        ticks: Number of ticks of the episode so far.
        episode_return: Sum of its rewards so far.
        success: Whether it has succeeded so far; None if unknown.
        outcome: How it ended; None before its end.
        demo: The demo of the last episode; None if there is none or it was discarded.
        kept: Number of demos kept so far.
        discarded: Number of demos discarded so far.
        pressed: The person's action in the last tick.
        max_ticks: Limit of an episode's ticks; None if there is none.

    Raises:
        TypeError, ValueError: The env cannot be played with human actions, or not recorded; see ``RecorderWrapper``.
        ValueError: Episodes begin handed over, and there is no ``auto_player``.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        seeds: Iterator[int],
        record_to: Path | None,
        controls: InputCollector,
        *,
        auto_player: AutoPlayer | None = None,
        agent_first: bool = False,
        expert: Player | None = None,
        metadata: dict[str, Any] | None = None,
        say: Callable[[str], None] = print,
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        if agent_first and auto_player is None:
            raise ValueError("no agent can play first: there is none; name one (--agent), or an expert (--expert)")
        self.max_ticks = None if env.spec is None else env.spec.max_episode_steps
        self._where = find_frame_space(env.observation_space)
        self._recorder = None if record_to is None else RecorderWrapper(env, record_to, metadata=metadata)
        self.env = HumanActionWrapper(self._recorder or env)
        self.record_to = record_to
        self.auto_player, self.expert = auto_player, expert
        self._seeds, self._controls = seeds, controls
        self._say, self._on_reset = say, on_reset
        self.phase = Phase.CLOSED
        self.handed_over = self._agent_first = agent_first
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
        """Whether episodes are recorded."""
        return self._recorder is not None

    def start(self) -> None:
        """Resets the env for the first episode, which starts paused.

        Raises:
            TypeError, ValueError: The agent or the expert cannot play in this env.
        """
        self._reset(next(self._seeds))
        for player in (self.expert, None if self.auto_player is None else self.auto_player.player):
            if player is not None:
                player.act(self.env, self._observation)
                player.reset(self.seed)
        self.phase = Phase.PAUSED

    def tick(self) -> None:
        """Plays one tick with the person's input since the last one.

        Raises:
            RuntimeError: The episode is paused or over.
            DemoWriteError: The demo cannot be written. What was written so far remains.
        """
        if self.phase is not Phase.PLAYING:
            raise RuntimeError(f"tick was called in the phase {self.phase.value!r}; it needs the phase 'playing'")
        self.pressed = self._controls.take()
        executed = self.pressed
        if self.auto_player is not None and (self.handed_over or self.auto_player.always_observes):
            suggested = self.auto_player.player.act(self.env, self._observation)
            if self.handed_over:
                executed = suggested
                if self._recorder is not None:
                    self._recorder.label(self._label(executed))
        if self._recorder is not None and self._intervenes:
            self._recorder.mark_intervention()
        observation, reward, terminated, truncated, info = self.env.step(executed)
        self._controls.follow(executed)
        self._observe(observation)
        if "env_error" in info:
            self._end_episode("error", str(info["env_error"]))
            return
        self.ticks += 1
        self.episode_return += float(reward)
        self.success = success_so_far(self.success, success_of(self.env, info))
        if terminated or truncated:
            self._end_episode("terminated" if terminated else "truncated")

    def command(self, command: Command) -> None:
        """Executes a command of the person, or shows a message if it is not possible now."""
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
                self._say("Nothing has been recorded yet." if self.recording else "Nothing is recorded (--no-record).")
        else:  # keep or discard the unfinished episode
            self._play_next(discard=command is Command.DISCARD)

    def close(self, why: str) -> None:
        """Closes the env. The demo of a running episode is finished and kept. Further calls do nothing.

        Args:
            why: The reason to show to the person.
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
        """Starts an episode. The reset finishes the demo of an episode that is still running."""
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
        self.handed_over = self.handed_over or self._agent_first
        if self.auto_player is not None:
            self.auto_player.player.reset(seed)
        if self.expert is not None:
            self.expert.reset(seed)
        self._observe(observation)
        self.pressed = self._controls.take()

    def _play(self, seed: int, *, discard: bool = False) -> None:
        self._reset(seed, discard=discard)
        self.phase = Phase.PLAYING

    def _play_next(self, *, discard: bool = False) -> None:
        seed = next(self._seeds, None)
        if seed is not None:
            self._play(seed, discard=discard)
            return
        self.close("all worlds are played")
        if discard:
            self._discard()

    @property
    def _intervenes(self) -> bool:
        """Whether the person labels this tick, in an episode that an agent plays too."""
        if self.auto_player is None or not self.auto_player.always_observes:
            return False
        return not self.handed_over or not is_null(encode(self.pressed))

    def _end_episode(self, ended: str, error: str = "") -> None:
        self.phase = Phase.OVER
        needs_decision = self.recording and self.ticks > 0 and not self.success
        self.outcome = Outcome(ended, needs_decision, error)
        if ended != "restart":
            self._report_demo(error)

    def _leave_ended_episode(self, command: Command) -> None:
        """Starts the next episode after one that is over."""
        assert self.outcome is not None
        again = self.outcome.ended == "restart" or command is Command.RESTART
        if self.outcome.needs_decision and command is Command.RESTART:
            self._say("First decide about this demo: F9 keeps it, F10 discards it.")
            return
        if again:
            self._play(self.seed, discard=command is Command.DISCARD)
        else:
            self._play_next(discard=command is Command.DISCARD)

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
            self._say("There is no agent to hand over to: start with --agent or --expert.")
            return
        self.handed_over = not self.handed_over
        self._say(f"Tick {self.ticks}: {f'the {self.auto_player.name} plays' if self.handed_over else 'you play'}.")

    def _label(self, executed: HumanAction) -> HumanAction:
        """Returns the label of a tick in which ``auto_player`` plays."""
        if self.expert is None or not is_null(encode(self.pressed)):
            return self.pressed
        if self.auto_player is not None and self.expert is self.auto_player.player:
            return executed
        return self.expert.act(self.env, self._observation)

    # -- demos

    def _report_demo(self, note: str) -> None:
        """Reports the demo that the recorder has finished since the last call, if any."""
        if self._recorder is None or self._recorder.last_demo is None or self._recorder.last_demo == self._reported:
            return
        self.demo = self._reported = self._recorder.last_demo
        self.kept += 1
        success = {True: "success", False: "no success", None: "success not known"}[self.success]
        details = ", ".join(part for part in (counted(self.ticks, "tick"), success, note) if part)
        self._say(f"Recorded {self.demo} ({details}).")

    def _discard(self) -> None:
        if self.demo is None or self.record_to is None:
            return
        demo = self.demo
        try:
            DemoLibrary(self.record_to).reject(files_of(demo).id)
        except (KeyError, OSError) as error:  # such as a demo that another program removed
            self._say(f"Not discarded: {error.args[0] if isinstance(error, KeyError) else error}.")
            return
        self.demo = None
        self.kept -= 1
        self.discarded += 1
        self._say(f"Discarded: moved to {self.record_to / REJECTED / demo.name}.")

    def _observe(self, observation: Any) -> None:
        self._observation = observation
        self.frame: Frame = packed_copy(find_declared_frame(observation, self._where))
