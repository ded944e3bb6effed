"""What a mission's info tells that the embedded world does not model: health, food, time of day, weather."""

from __future__ import annotations

from dataclasses import dataclass

from vpt_gym.world.malmo.mission import MAX_FOOD, MAX_HEALTH, Mission


@dataclass
class Conditions:
    """They are accepted, changed by commands and reported; they change nothing.

    It is always a bright day here, and nobody gets hungry or hurt.

    Attributes:
        health: Half hearts.
        food: Half drumsticks.
        weather: ``"normal"``, ``"clear"``, ``"rain"`` or ``"thunder"``.
        day_time: Of the world, ticks.
        total_time: Ticks since the mission began.
        time_passes: Whether ``day_time`` goes on.
    """

    health: float
    food: int
    weather: str
    day_time: int
    total_time: int
    time_passes: bool

    @classmethod
    def of(cls, mission: Mission) -> Conditions:
        """Returns the conditions in which a mission starts."""
        return cls(mission.health, mission.food, mission.weather, mission.start_time, 0, mission.time_passes)

    @property
    def is_raining(self) -> bool:
        """Whether the weather is wet."""
        return self.weather in ("rain", "thunder")

    def tick(self) -> None:
        """Lets one tick pass."""
        self.total_time += 1
        if self.time_passes:
            self.day_time += 1

    def respawn(self) -> None:
        """Restores health and food."""
        self.health, self.food = MAX_HEALTH, MAX_FOOD
