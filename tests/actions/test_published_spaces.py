"""The spaces of other environments, written out as their sources publish them, and how they are recognised.

CraftGround's real package is tried in tests/integration. MCio needs Python 3.12 and a window library.
"""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from vpt_gym.actions.codec import N_BUTTONS, canonical, decode, encode
from vpt_gym.actions.craftground import CraftGroundTranslator
from vpt_gym.actions.minerl import MineRLTranslator
from vpt_gym.actions.translate import translator_for
from vpt_gym.wrappers import VPTActionWrapper, VPTObsWrapper

HOTBAR = [f"hotbar.{slot}" for slot in range(1, 10)]
# MCio 0.6.1, mcio_remote/envs/minerl_env.py: in the order of its source; MineRL 1.0 has the same entries
MCIO_KEYS = [
    *("attack", "use", "pickItem", "forward", "left", "right", "back", "drop", "inventory", "jump", "sneak", "sprint"),
    *("swapHands", *HOTBAR, "ESC"),
]
MCIO = spaces.Dict(
    {
        **{name: spaces.Discrete(2) for name in MCIO_KEYS},
        "camera": spaces.Box(low=-180.0, high=180.0, shape=(2,)),
    }
)
# CraftGround 2.7.4, craftground/environment/action_space.py
CRAFTGROUND_KEYS = [
    *("attack", "back", "forward", "jump", "left", "right", "sneak", "sprint", "use", "drop", "inventory", *HOTBAR),
]
CRAFTGROUND_V2 = spaces.Dict(
    {
        **{name: spaces.Discrete(2) for name in CRAFTGROUND_KEYS},
        "camera": spaces.Box(low=np.array([-180, -180]), high=np.array([180, 180]), dtype=np.float32),
    }
)
# openai/Video-Pre-Training, agent.py: what its agent demands of MineRL 1.0
VPT_KEYS = [
    *("ESC", "attack", "back", "drop", "forward", *HOTBAR, "inventory", "jump", "left", "pickItem", "right", "sneak"),
    *("sprint", "swapHands", "use"),
]
MINERL = spaces.Dict(
    {
        **{name: spaces.Discrete(2) for name in VPT_KEYS},
        "camera": spaces.Box(low=-180.0, high=180.0, shape=(2,)),
    }
)


class PublishedEnv(gym.Env):
    """An environment of these spaces that keeps the last action it was given."""

    def __init__(self, action_space: spaces.Dict, height: int, width: int) -> None:
        self.action_space = action_space
        self.observation_space = spaces.Dict(pov=spaces.Box(0, 255, (height, width, 3), np.uint8))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        self.action = action
        return self.observation_space.sample(), 0.0, False, False, {}


@pytest.mark.parametrize(
    ("space", "translator"),
    [(MINERL, MineRLTranslator), (MCIO, MineRLTranslator), (CRAFTGROUND_V2, CraftGroundTranslator)],
    ids=["minerl", "mcio", "craftground_v2"],
)
def test_every_code_arrives_as_its_keys(space: spaces.Dict, translator: type) -> None:
    found = translator_for(space)
    assert type(found) is translator
    for buttons in range(0, N_BUTTONS, 7):
        code = (buttons, buttons % 121)
        human, action = decode(code), found.to_env(decode(code))
        assert space.contains(action)
        assert all(action[name] == human[name] for name in space.spaces if name != "camera")
        assert np.array_equal(action["camera"], human["camera"])
        assert (encode(found.to_human(action)) == canonical(code)).all()
        assert found.unexpressed == {}


@pytest.mark.parametrize(("space", "size"), [(MINERL, (360, 640)), (MCIO, (480, 854))], ids=["minerl", "mcio"])
@pytest.mark.filterwarnings("error")
def test_pov_and_keys_are_wrapped_without_a_warning(space: spaces.Dict, size: tuple[int, int]) -> None:
    env = VPTActionWrapper(VPTObsWrapper(PublishedEnv(space, *size)), strict=True)
    frame, _ = env.reset(seed=0)
    assert (frame.shape, frame.dtype) == ((128, 128, 3), np.uint8)
    _, _, _, _, info = env.step((8639, 0))
    assert "translation" not in info
    human = decode((8639, 0))
    sent = env.unwrapped.action
    assert {name: sent[name] for name in VPT_KEYS} == {name: human[name] for name in VPT_KEYS}
    assert np.array_equal(sent["camera"], human["camera"])
