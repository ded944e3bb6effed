"""``Survive``: the plan to stay alive by eating, fighting nearby monsters, gathering by day, and hiding at night."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.creatures import CHICKEN, COW, IS_HOSTILE, PIG, SHEEP
from vpt_gym.world.catalog.items import DAMAGE, FOOD, ITEMS, ROTTEN_FLESH, WOODEN_SWORD
from vpt_gym.world.core.clock import TICKS_PER_DAY
from vpt_gym.world.core.state import HOTBAR_SLOTS, MAX_FOOD, MAX_HEALTH
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.plans import LOGS, Armed, CloseScreen, DoNothing, FirstOf, MakeTool, Plan
from vpt_gym.world.experts.skills.chasing import Chaser
from vpt_gym.world.experts.skills.screen_work import bring_to_hotbar, close_screen
from vpt_gym.world.experts.skills.seeking import Seeker, ids
from vpt_gym.world.experts.skills.shelter import Shelter
from vpt_gym.world.experts.skills.tunnelling import Tunneller

DUSK, DAWN = 11500, 23600
"""Times of day between which the player hides, ticks."""
ENOUGH_FOOD = 4
"""Number of food items that are enough."""
ENOUGH_LOGS = 8
NEAR_MONSTER, TOO_NEAR = 10.0, 4.0
"""Distance within which monsters are fought, blocks: with a sword by day; otherwise."""
HUNGRY = 12
"""Food level up to which hunting comes before making a sword."""
EDIBLE = tuple(item for item in ITEMS if FOOD[item] > 0 and item != ROTTEN_FLESH)


class Eat:
    """Eats if no food is wasted by it, or if the player has lost health."""

    def reset(self) -> None:
        """See ``Plan``."""

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        body = pilot.body
        slot = pilot.slot_of(EDIBLE)
        if slot < 0 or body.food >= MAX_FOOD:
            return None
        worth = int(FOOD[int(pilot.state.inventory[slot, 0])])
        if body.eat_ticks == 0 and body.food + worth > MAX_FOOD and body.health >= MAX_HEALTH:
            return None
        if slot >= HOTBAR_SLOTS:
            return bring_to_hotbar(pilot, slot, body.slot)
        closing = close_screen(pilot)
        if closing is not None:
            return closing
        pilot.intent = ("eat",)
        return pilot.wielding(slot, human_action("use"))


class Survive:
    """Fights, eats, hunts, makes a sword, cuts wood and hides."""

    def __init__(self) -> None:
        animals = Chaser(lambda c: np.isin(c["kind"], (PIG, COW, SHEEP, CHICKEN)))
        self._shelter = Shelter()
        self._fight = Armed(Chaser(lambda c: IS_HOSTILE[c["kind"]], farthest=NEAR_MONSTER))
        self._defend = Armed(Chaser(lambda c: IS_HOSTILE[c["kind"]], farthest=TOO_NEAR, hidden=False))
        self._eat = Eat()
        close, leave, rest = CloseScreen(), Tunneller(None), DoNothing()
        food = ids(*EDIBLE)
        self._hunt: Plan = FirstOf(close, Seeker(ids(), food, explores=False), Armed(animals))
        self._gather_logs: Plan = FirstOf(close, Seeker(ids(*LOGS), ids(*LOGS)), leave, rest)
        self._make_sword = MakeTool(WOODEN_SWORD)
        self._explore: Plan = FirstOf(close, Seeker(ids(), ids()), leave, rest)
        self._leave = leave
        gather = (self._hunt, self._make_sword, self._gather_logs)
        self._parts: tuple[Any, ...] = (self._shelter, self._fight, self._defend, self._eat, *gather, self._explore)

    def reset(self) -> None:
        """See ``Plan``."""
        for part in self._parts:
            part.reset()

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        time = int(pilot.state.clock["time"][0]) % TICKS_PER_DAY
        night = DUSK <= time < DAWN
        inside = self._shelter.is_inside(pilot)
        armed = self._is_armed(pilot)
        if not inside:
            # a zombie dies of twenty blows of the fist and kills with seven, so an unarmed player only defends itself
            action = (self._fight if armed and not night else self._defend).act(pilot)
            if action is None and night:
                action = self._shelter.act(pilot)
            if action is not None:
                return action
        action = self._eat.act(pilot)
        if action is not None:
            return action
        if night:
            return (self._shelter if inside else self._explore).act(pilot)
        if inside:
            return close_screen(pilot) or self._leave.act(pilot) or human_action()
        counts, free = pilot.counts(), not pilot.screen  # a craft that has started is finished first
        meals = sum(int(counts[item]) for item in EDIBLE)
        logs = sum(int(counts[log]) for log in LOGS)
        for plan, due in (
            (self._hunt, free and meals == 0 and pilot.body.food <= HUNGRY),
            (self._make_sword, not armed),
            (self._hunt, free and meals < ENOUGH_FOOD),
            (self._gather_logs, logs < ENOUGH_LOGS),
        ):
            action = plan.act(pilot) if due else None
            if action is not None:
                return action
        return self._explore.act(pilot)

    @staticmethod
    def _is_armed(pilot: Pilot) -> bool:
        """Returns whether there is a weapon in the hotbar that deals at least as much damage as a wooden sword."""
        item, quantity, _ = pilot.state.inventory[pilot.weapon()].tolist()
        return quantity > 0 and bool(DAMAGE[item] >= DAMAGE[WOODEN_SWORD])
