"""Controls reach the compiled tick with the types that it was compiled for."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.flat_world import flat_state
from vpt_gym.world.interface.actions import CAM_INTERVAL, make_interface
from vpt_gym.world.player.controls import NO_INPUT, Controls
from vpt_gym.world.player.tick import advance, tick

ODD = Controls(forward=True, slot=np.int64(2), attack=np.bool_(True), pitch=3, yaw=np.float32(1.5))


def test_controls_of_other_types_become_ints_and_floats() -> None:
    exact = ODD.with_exact_types()
    assert exact == Controls(forward=1, slot=2, attack=1, pitch=3.0, yaw=1.5)
    assert [type(value) for value in exact] == [type(value) for value in NO_INPUT]


@pytest.mark.parametrize("actions", ["human", "native", "minedojo"])
def test_interfaces_give_controls_of_exact_types(actions: str) -> None:
    state = flat_state()
    interface = make_interface(actions, 15.0 if actions == "minedojo" else CAM_INTERVAL)
    interface.action_space.seed(3)
    for _ in range(20):
        controls, _ = interface.controls(interface.action_space.sample(), state.inventory)
        assert controls.with_exact_types() is controls


@pytest.mark.skipif(not hasattr(advance, "signatures"), reason="kernels run interpreted")
def test_the_tick_is_compiled_for_one_type_of_controls() -> None:
    state = flat_state()
    tick(state.world, 1.0, NO_INPUT)
    before = len(advance.signatures)
    tick(state.world, 1.0, ODD)
    assert state.player["slot"][0] == 2
    assert len(advance.signatures) == before
