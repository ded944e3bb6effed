"""``PlayExpert``: plays without a task, like a person who does now this and now that."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.creatures import IS_HOSTILE
from vpt_gym.world.experts.aims import AIMS, Aim, InTurn, Leave
from vpt_gym.world.experts.clumsiness import Clumsiness
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.expert import TaskExpert
from vpt_gym.world.experts.plans import Armed, CloseScreen, Plan
from vpt_gym.world.experts.skills.chasing import Chaser
from vpt_gym.world.experts.skills.screen_work import close_screen
from vpt_gym.world.player.screen_layout import CLOSED

LEAST_SKILL = 0.3
"""The skill of each episode is uniform between this and 1."""
TICKS_PER_SECOND = 20
STALE_TICKS = 80
"""Ticks without anything new after which an aim is given up. To dig a stone by hand takes 150, with news in all."""
SHORTEST = 20
"""Ticks below which an aim counts as one that could not be pursued."""
MOST_FAILURES = 5
"""Number of such aims in a row after which the player gets out of the place where it is."""
REST_TICKS = (3, 20)
"""Range of the ticks of rest after an aim."""
TOO_NEAR = 4.0
"""Distance within which the player defends itself against monsters, blocks."""
PEACEFUL = ("fight", "survive", "idle")
"""Aims during which it does not, because they do so themselves, or because nothing is to be done."""
FIRST_AIMS = ("chop", "make")
"""Aims that a player who has nothing starts with, in this order: wood comes first, as it does for people."""
LEAVE, LEAVING = "leave", Aim(lambda rng: InTurn(CloseScreen(), Leave()), (5.0, 20.0))


class Play:
    """A plan without an end: one aim of ``AIMS`` after another, in an order drawn from the world's seed.

    All aims come up before one comes up again. A player who starts with nothing gathers wood first. An aim ends when
    it is reached, when its time is up, when it cannot be pursued here, or when nothing new happens for ``STALE_TICKS``.

    Args:
        seed: Seed of the order and of all choices, beside the world's.
        aims: Names of the aims to choose from.

    Attributes:
        aim: Name of the present aim; "" between two.
    """

    def __init__(self, seed: int = 0, aims: Sequence[str] = tuple(AIMS)) -> None:
        if not aims or not set(aims) <= set(AIMS):
            raise ValueError(f"aims are {tuple(aims)}; they must be one or more of {', '.join(AIMS)}")
        self._seed = seed
        self._aims = [name for name in aims for _ in range(AIMS[name].times)]
        self._defend = Armed(Chaser(lambda c: IS_HOSTILE[c["kind"]], farthest=TOO_NEAR, hidden=False))
        self.reset()

    def reset(self) -> None:
        """See ``Plan``."""
        self._rng: np.random.Generator | None = None
        self._defend.reset()
        self._order: list[str] = []
        self._plan: Plan | None = None
        self._began = self._until = self._rest_until = self._new_at = 0
        self._seen: set[tuple[Any, ...]] = set()
        self._failures = 0
        self.aim = ""

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        now = pilot.body.ticks
        if self._rng is None:
            self._rng = np.random.default_rng([self._seed, int(pilot.state.clock["seed"][0]), 1])
        defence = None if self.aim in PEACEFUL else self._defend.act(pilot)
        if defence is not None:
            self._new_at = now
            return defence
        for _ in self._aims:
            if now < self._rest_until:
                break
            if self._plan is None:
                self._begin(self._rng, pilot)
            action = self._pursue(pilot)
            if action is not None:
                return action
            self._end(self._rng, now)
        return close_screen(pilot) or human_action()

    def _begin(self, rng: np.random.Generator, pilot: Pilot) -> None:
        """Turns to the next aim."""
        now = pilot.body.ticks
        if self._failures >= MOST_FAILURES:
            self.aim, aim, self._failures = LEAVE, LEAVING, 0
        else:
            if not self._order:
                self._order = [str(name) for name in rng.permutation(self._aims)]
            if now == 0 and not pilot.counts().any():
                first = [name for name in FIRST_AIMS if name in self._order]
                for name in first:
                    self._order.remove(name)
                self._order += reversed(first)  # which is taken from the end
            self.aim = self._order.pop()
            aim = AIMS[self.aim]
        self._plan, self._rests = aim.plan(rng), aim.rests
        self._began = self._new_at = now
        self._until = now + round(TICKS_PER_SECOND * float(rng.uniform(*aim.seconds)))
        self._seen.clear()

    def _pursue(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action for the present aim, or None if that has come to its end."""
        now = pilot.body.ticks
        news = _situation(pilot)
        if self._rests or news not in self._seen:
            self._seen.add(news)
            self._new_at = now
        if self._plan is None or now >= self._until or now - self._new_at > STALE_TICKS:
            return None
        return self._plan.act(pilot)

    def _end(self, rng: np.random.Generator, now: int) -> None:
        """Ends the present aim, with a short rest if it was pursued at all."""
        pursued = now - self._began >= SHORTEST
        self._failures = 0 if pursued else self._failures + 1
        self._rest_until = now + int(rng.integers(*REST_TICKS)) if pursued else now
        self._plan, self.aim = None, ""


def _situation(pilot: Pilot) -> tuple[Any, ...]:
    """Returns what changes when the player makes progress: its place, its items, the dug block, and the cursor."""
    body, screen = pilot.body, pilot.state.screen[0]
    place = math.floor(body.x), math.floor(body.y), math.floor(body.z)
    items = zlib.crc32(pilot.state.inventory.tobytes() + pilot.state.grid.tobytes())
    dug = round(10.0 * float(pilot.state.player["dug"][0]))
    digging = (*body.aim, dug) if dug else ()
    if pilot.screen == CLOSED:
        return place, items, digging
    return int(screen.open), int(screen.carried_count), items, int(screen.cursor_x) // 16, int(screen.cursor_y) // 16


class PlayExpert(TaskExpert):
    """Plays without a task, like a person who does now this and now that; see ``Play``.

    Args:
        skill: In (0, 1], see ``clumsiness``. None: drawn for each episode from the world's seed, in
            [``LEAST_SKILL``, 1].
        seed: Seed of its choices and errors, beside the world's.
        aims: Names of the aims to choose from, keys of ``AIMS``.

    Attributes:
        skill: Its skill in this episode.

    Raises:
        ValueError: ``skill`` is not in (0, 1], or there is no such aim.

    Example:
        >>> import gymnasium as gym, vpt_gym
        >>> from vpt_gym.world.experts import PlayExpert
        >>> env = gym.make("vpt_gym/Play-v0")
        >>> _ = env.reset(seed=3_000_000)
        >>> expert = PlayExpert()
        >>> for _ in range(20):
        ...     _ = env.step(expert.act(env))
        >>> 0.3 <= expert.skill <= 1.0
        True
    """

    def __init__(self, skill: float | None = None, seed: int | None = None, aims: Sequence[str] = tuple(AIMS)) -> None:
        super().__init__(None, 1.0 if skill is None else skill, seed)
        self._seed = 0 if seed is None else seed
        self._play = Play(self._seed, aims)
        self._plan = self._play
        self._draws_skill = skill is None
        self.skill = 1.0 if skill is None else skill

    @property
    def aim(self) -> str:
        """Name of its present aim, a key of ``AIMS``; "" between two."""
        return self._play.aim

    def _begin(self, world_seed: int) -> None:
        if self._draws_skill:
            rng = np.random.default_rng([self._seed, world_seed, 2])
            self.skill = float(rng.uniform(LEAST_SKILL, 1.0))
            self._clumsiness = Clumsiness(self.skill, self._seed)
        super()._begin(world_seed)
