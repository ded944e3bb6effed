"""A session of playing, and its demos: real envs and real demos, without a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from tests.support.frame_counter_env import read_counter
from tests.support.play_env import PlayEnv, TurningExpert
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.demos import Demo, DemoDataset, list_demos, read_demo
from vpt_gym.play.controls import Command, InputCollector
from vpt_gym.play.session import AutoPlayer, Phase, Session


class Walker:
    """A player that walks, and stores the observations that it gets."""

    def __init__(self) -> None:
        self.shown: list[int] = []
        self.seeds: list[int] = []

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)
        self.shown.clear()

    def act(self, env: gym.Env[Any, Any], observation: Any) -> HumanAction:
        self.shown.append(read_counter(np.moveaxis(observation["rgb"], 0, -1))[0])
        return human_action("forward")


class Turner:
    """An expert that turns."""

    def reset(self, seed: int) -> None: ...

    def act(self, env: gym.Env[Any, Any], observation: Any) -> HumanAction:
        return TurningExpert().act(env)


class Played:
    """A session with its env, its controls, and its messages."""

    def __init__(self, folder: Path | None, env: gym.Env[Any, Any] | None = None, **kwargs: Any) -> None:
        self.env = PlayEnv() if env is None else env
        self.controls = InputCollector()
        self.said: list[str] = []
        seeds = kwargs.pop("seeds", count(7))
        self.session = Session(self.env, seeds, folder, self.controls, say=self.said.append, **kwargs)
        self.session.start()

    def play(self, ticks: int, *held: str) -> None:
        if self.session.phase is Phase.PAUSED:
            self.session.command(Command.CONTINUE)
        for button in held:
            self.controls.press(button)
        for _ in range(ticks):
            self.session.tick()
        for button in held:
            self.controls.release(button)


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Callable[..., Played]]:
    made: list[Played] = []

    def make(folder: Path | None = tmp_path, **kwargs: Any) -> Played:
        made.append(Played(folder, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.session.close("the test is over")


def kept(folder: Path) -> list[Demo]:
    return [read_demo(path) for path in list_demos(folder)]


def rejected(folder: Path) -> list[Demo]:
    return kept(folder / "rejected") if (folder / "rejected").is_dir() else []


def test_a_success_is_kept_and_a_failure_is_asked_about(played: Callable[..., Played], tmp_path: Path) -> None:
    good = played(env=PlayEnv(length=4, success=True), folder=tmp_path / "good")
    good.play(4, "attack")
    session = good.session
    assert (session.phase, session.success, session.outcome and session.outcome.needs_decision) == (
        Phase.OVER,
        True,
        False,
    )
    (demo,) = kept(tmp_path / "good")
    assert demo.actions["attack"].tolist() == [1, 1, 1, 1]
    assert good.said == [f"Recorded {demo.files.metadata} (4 ticks, success)."]
    session.command(Command.CONTINUE)
    assert (session.phase, session.ticks, session.seed, session.episode) == (Phase.PLAYING, 0, 8, 2)

    bad = played(env=PlayEnv(length=4, success=False), folder=tmp_path / "bad")
    bad.play(4)
    assert bad.session.outcome is not None
    assert bad.session.outcome.needs_decision
    for command in (Command.CONTINUE, Command.RESTART, Command.PAUSE, Command.FOCUS_LOST):
        bad.session.command(command)
        assert bad.session.phase is Phase.OVER  # the question stays
    bad.session.command(Command.DISCARD)
    assert (bad.session.phase, bad.session.seed) == (Phase.PLAYING, 8)
    assert (len(kept(tmp_path / "bad")), len(rejected(tmp_path / "bad"))) == (0, 1)
    bad.play(4)
    bad.session.command(Command.SAVE)
    assert (bad.session.kept, bad.session.discarded) == (1, 1)
    assert [demo.metadata["seed"] for demo in kept(tmp_path / "bad")] == [8]


def test_the_person_is_asked_if_success_is_unknown(played: Callable[..., Played]) -> None:
    game = played(env=PlayEnv(length=3, success=None))
    game.play(3)
    assert game.session.outcome is not None
    assert game.session.outcome.needs_decision
    assert "success not known" in game.said[-1]


def test_a_pause_stops_time_and_input(played: Callable[..., Played], tmp_path: Path) -> None:
    game = played()
    game.play(2)
    game.session.command(Command.FOCUS_LOST)
    assert game.session.phase is Phase.PAUSED
    game.session.command(Command.FOCUS_LOST)  # again: it stays
    assert game.session.phase is Phase.PAUSED
    with pytest.raises(RuntimeError, match="paused"):
        game.session.tick()
    game.controls.press("jump")
    game.controls.move(500, 0)
    game.session.command(Command.PAUSE)
    game.play(2)
    game.session.close("enough")
    (demo,) = kept(tmp_path)
    assert len(demo) == 4
    assert demo.null.all()
    assert game.said == [f"Recorded {demo.files.metadata} (4 ticks, success not known, not finished: enough)."]


def test_a_restart_asks_and_plays_the_same_world(played: Callable[..., Played], tmp_path: Path) -> None:
    game = played()
    game.session.command(Command.CONTINUE)
    game.session.command(Command.RESTART)  # nothing is lost, nothing is asked
    assert (game.session.phase, game.session.seed) == (Phase.PLAYING, 7)
    for choice in (Command.SAVE, Command.DISCARD):
        game.play(3)
        game.session.command(Command.RESTART)
        assert game.session.phase is Phase.OVER
        game.session.command(choice)
        assert (game.session.phase, game.session.seed, game.session.ticks) == (Phase.PLAYING, 7, 0)
    assert isinstance(game.env, PlayEnv)
    assert game.env.seeds == [7, 7, 7, 7]
    assert [demo.metadata["ended"] for demo in kept(tmp_path) + rejected(tmp_path)] == ["reset", "reset"]


def test_save_and_discard_end_the_episode_and_discard_reaches_back(
    played: Callable[..., Played], tmp_path: Path
) -> None:
    game = played()
    game.play(2)
    game.session.command(Command.SAVE)
    assert (game.session.phase, game.session.seed) == (Phase.PLAYING, 8)
    game.session.command(Command.SAVE)
    assert game.said[-1] == "Nothing has been recorded yet."
    game.play(3)
    game.session.command(Command.DISCARD)
    assert game.session.seed == 9
    assert [len(demo) for demo in kept(tmp_path)] == [2]
    assert [len(demo) for demo in rejected(tmp_path)] == [3]
    game.session.command(Command.DISCARD)  # the one before was discarded already
    assert len(kept(tmp_path)) == 1
    game.play(1)
    game.session.command(Command.SAVE)
    game.session.command(Command.DISCARD)  # before the first tick: the demo before
    assert [len(demo) for demo in kept(tmp_path)] == [2]
    assert [len(demo) for demo in rejected(tmp_path)] == [3, 1]
    assert game.session.seed == 10


def test_a_demo_that_is_gone_cannot_be_discarded_and_play_goes_on(
    played: Callable[..., Played], tmp_path: Path
) -> None:
    game = played()
    game.play(2)
    game.session.command(Command.SAVE)
    for path in tmp_path.iterdir():
        if path.is_file() and not path.name.endswith(".partial"):
            path.unlink()
    game.session.command(Command.DISCARD)
    assert game.said[-1].startswith("Not discarded: there is no finished demo")
    game.play(3)
    game.session.command(Command.SAVE)
    assert [len(demo) for demo in kept(tmp_path)] == [3]


def test_an_agents_ticks_are_labelled_by_the_person(played: Callable[..., Played], tmp_path: Path) -> None:
    walker = Walker()
    game = played(auto_player=AutoPlayer(walker))
    game.play(2, "back")
    game.session.command(Command.HAND_OVER)
    game.play(2, "attack")
    game.play(2)
    assert walker.shown == [0, 1, 2, 3, 4, 5]  # it watched, too
    game.session.command(Command.HAND_OVER)
    game.play(1, "jump")
    game.session.command(Command.SAVE)
    (demo,) = kept(tmp_path)
    assert demo.actions["back"].tolist() == [1, 1, 0, 0, 0, 0, 0]
    assert demo.actions["attack"].tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert demo.actions["forward"].tolist() == [0] * 7  # what the agent did is nobody's label
    assert demo.executed["forward"].tolist() == [0, 0, 1, 1, 1, 1, 0]
    assert demo.executed["attack"].tolist() == [0] * 7
    assert demo.null.tolist() == [False] * 4 + [True, True, False]
    assert walker.seeds[-2:] == [7, 8]
    assert isinstance(game.env, PlayEnv)
    assert [action["forward"] for action in game.env.executed] == [0, 0, 1, 1, 1, 1, 0]


def test_an_agent_plays_first_and_what_a_person_corrects_is_marked(
    played: Callable[..., Played], tmp_path: Path
) -> None:
    metadata = {"recorded_by": "vpt-gym play"}
    game = played(auto_player=AutoPlayer(Walker()), agent_first=True, metadata=metadata)
    game.play(2)
    game.play(1, "attack")  # a label, while the agent goes on
    game.session.command(Command.HAND_OVER)
    game.play(2, "back")
    game.play(1)  # the person waits: that is a label too, which the tag tells from the agent's ticks
    game.session.command(Command.HAND_OVER)
    game.play(1)
    game.session.command(Command.SAVE)
    assert game.session.handed_over
    game.session.command(Command.HAND_OVER)
    game.play(1, "jump")
    game.session.command(Command.SAVE)
    assert game.session.handed_over  # each episode begins with the agent
    first, second = kept(tmp_path)
    assert first.intervention.tolist() == [False, False, True, True, True, True, False]
    assert first.executed["forward"].tolist() == [1, 1, 1, 0, 0, 0, 1]
    assert first.actions["back"].tolist() == [0, 0, 0, 1, 1, 0, 0]
    assert second.intervention.tolist() == [True]
    dataset = DemoDataset(tmp_path, seq_len=7, batch_size=1, frame_size=(48, 80))
    (batch, *_) = (batch for batch in dataset if batch.weight.sum() > 1)
    assert batch.weight[0].tolist()[:2] == [0.0, 0.0]  # what the agent did is not learned


def test_without_an_agent_nothing_is_an_intervention(played: Callable[..., Played], tmp_path: Path) -> None:
    game = played()
    game.play(2, "attack")
    game.session.command(Command.SAVE)
    assert not kept(tmp_path)[0].intervention.any()
    with pytest.raises(ValueError, match="there is none; name one"):
        played(agent_first=True)


@pytest.mark.parametrize("command", [Command.SAVE, Command.DISCARD])
def test_after_the_last_world_the_session_closes(
    played: Callable[..., Played], tmp_path: Path, command: Command
) -> None:
    game = played(seeds=iter([3, 4]), env=PlayEnv(length=9, success=False))
    game.play(9)
    game.session.command(Command.SAVE)
    game.play(2)
    game.session.command(command)
    assert game.session.phase is Phase.CLOSED
    assert [demo.metadata["seed"] for demo in kept(tmp_path)] == [3, 4][: 1 + (command is Command.SAVE)]
    assert len(rejected(tmp_path)) == (command is Command.DISCARD)
    assert isinstance(game.env, PlayEnv)
    assert game.env.closed == 1


def test_where_the_person_presses_nothing_the_expert_labels(played: Callable[..., Played], tmp_path: Path) -> None:
    game = played(auto_player=AutoPlayer(Walker()), expert=Turner())
    game.session.command(Command.HAND_OVER)
    game.play(2, "attack")
    game.play(2)
    game.session.command(Command.HAND_OVER)
    game.play(1)
    game.session.command(Command.SAVE)
    (demo,) = kept(tmp_path)
    assert demo.actions["attack"].tolist() == [1, 1, 0, 0, 0]
    assert demo.actions["camera"][:, 1].tolist() == [0, 0, 2, 2, 0]  # the person's own ticks are the person's
    assert demo.executed["forward"].tolist() == [1, 1, 1, 1, 0]
    assert demo.executed["camera"][:, 1].tolist() == [0] * 5


def test_an_expert_can_play(played: Callable[..., Played], tmp_path: Path) -> None:
    turner = Turner()
    game = played(auto_player=AutoPlayer(turner, "expert", always_observes=False), expert=turner)
    game.session.command(Command.HAND_OVER)
    assert game.said == ["Tick 0: the expert plays."]
    game.play(2)
    game.play(1, "attack")
    game.session.command(Command.SAVE)
    (demo,) = kept(tmp_path)
    assert demo.executed["camera"][:, 1].tolist() == [2, 2, 2]
    assert demo.actions["camera"][:, 1].tolist() == [2, 2, 0]
    assert demo.actions["attack"].tolist() == [0, 0, 1]


def test_without_a_machine_there_is_nobody_to_hand_over_to(played: Callable[..., Played]) -> None:
    game = played()
    game.session.command(Command.HAND_OVER)
    assert not game.session.handed_over
    assert "--agent" in game.said[0]


def test_a_game_that_failed_ends_the_episode_and_is_reported(played: Callable[..., Played], tmp_path: Path) -> None:
    game = played(env=PlayEnv(reports_at=3))
    game.play(3)
    outcome = game.session.outcome
    assert outcome is not None
    assert (outcome.ended, outcome.error, outcome.needs_decision) == ("error", "the game has ended", True)
    (demo,) = kept(tmp_path)
    assert (len(demo), demo.metadata["ended"]) == (2, "error")
    game.session.command(Command.SAVE)
    assert game.session.phase is Phase.PLAYING


def test_an_error_in_the_env_costs_no_tick(tmp_path: Path) -> None:
    game = Played(tmp_path, env=PlayEnv(breaks_at=5))
    with pytest.raises(RuntimeError, match="the world has ended"):
        game.play(9)
    game.session.close("RuntimeError: the world has ended")
    game.session.close("again")
    (demo,) = kept(tmp_path)
    assert len(demo) == 5
    assert len(game.said) == 1
    assert "not finished: RuntimeError: the world has ended" in game.said[0]
    assert isinstance(game.env, PlayEnv)
    assert game.env.closed == 1


def test_nothing_is_written_where_nothing_is_to_be_recorded(played: Callable[..., Played], tmp_path: Path) -> None:
    game = played(folder=None, env=PlayEnv(length=4, success=False), auto_player=AutoPlayer(Walker()))
    game.session.command(Command.HAND_OVER)
    game.play(2)
    game.session.command(Command.SAVE)
    assert "--no-record" in game.said[-1]
    game.play(2)
    assert game.session.outcome is not None
    assert not game.session.outcome.needs_decision
    game.session.command(Command.CONTINUE)
    assert (game.session.phase, game.session.seed) == (Phase.PLAYING, 8)
    game.play(1)
    game.session.command(Command.RESTART)
    assert (game.session.ticks, game.session.seed) == (0, 8)
    assert list(tmp_path.iterdir()) == []


def test_frames_are_those_of_the_tick(played: Callable[..., Played], tmp_path: Path) -> None:
    game = played()
    for tick in range(3):
        assert read_counter(game.session.frame)[0] == tick
        game.play(1)
    game.session.command(Command.SAVE)
    (demo,) = kept(tmp_path)
    assert [read_counter(frame)[0] for frame in demo.frames()] == [0, 1, 2]


def test_an_expert_for_another_env_shows_at_the_start(tmp_path: Path) -> None:
    class Wrong(Walker):
        def act(self, env: gym.Env[Any, Any], observation: Any) -> HumanAction:
            raise TypeError("this expert needs another env")

    with pytest.raises(TypeError, match="another env"):
        Played(tmp_path, expert=Wrong(), auto_player=AutoPlayer(Walker()))
