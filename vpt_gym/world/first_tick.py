"""Plays a tick in an empty world: ``python -m vpt_gym.world.first_tick`` compiles the kernels of a tick.

At the first use on a machine the environment runs it as a second process, see ``cold_start.compile_in_background``.
"""

from __future__ import annotations

import numpy as np

from vpt_gym.world.core.state import WorldState
from vpt_gym.world.interface.observation import Observer
from vpt_gym.world.player.controls import NO_INPUT
from vpt_gym.world.player.tick import tick

if __name__ == "__main__":
    state = WorldState()
    state.place_player(8.0, 40.0, 8.0, 0.0)
    tick(state.world, 1.0, NO_INPUT)
    Observer().observe(state, np.zeros((3, 1, 1), np.uint8))
