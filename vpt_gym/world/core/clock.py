"""Times of day, in ticks. A tick is 1/20 s; tick 0 of a day is 6 in the morning, as in Minecraft."""

from __future__ import annotations

TICKS_PER_DAY = 24_000
MORNING = 0
NOON = 6_000
NIGHT = 14_000
"""The time at which MineDojo's fights with monsters begin."""
