"""Coverage is counted by trying every code, and through wrappers that translate one above the other."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from tests.support.view_env import ViewEnv
from vpt_gym import HumanActionWrapper, ResilientEnv, VPTActionWrapper
from vpt_gym.actions import Coverage, Translator, human_action, translator_for
from vpt_gym.actions.chain import ChainedTranslator, through_wrappers
from vpt_gym.actions.coverage import count_coverage, missing_keys, same
from vpt_gym.actions.human import HOTBAR
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.wrappers.vector.thread_vector_env import ThreadVectorEnv


class ThreeActions(Translator):
    """0: nothing, 1: forward, 2: attack. It does not count its coverage itself."""

    action_space = spaces.Discrete(3)
    dialect = "three actions"

    def to_env(self, human: dict[str, Any]) -> int:
        lost = [key for key in ("back", "left", "right", "jump", "use") if human[key]]
        self.unexpressed = {"dropped": tuple(lost)} if lost else {}
        return 2 if human["attack"] else int(human["forward"])

    def to_human(self, env_action: int) -> dict[str, Any]:
        return (human_action(), human_action("forward"), human_action("attack"))[env_action]


class Game(gym.Env):
    """Takes three actions."""

    action_space = spaces.Discrete(3)
    observation_space = spaces.Box(0, 255, (36, 64, 3), np.uint8)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


def counts(coverage: Coverage) -> tuple[int, ...]:
    return (
        coverage.buttons_kept,
        coverage.buttons_changed,
        coverage.buttons_lost,
        coverage.buttons_slow,
        coverage.camera_kept,
    )


def test_a_translator_needs_no_count_of_its_own() -> None:
    coverage = ThreeActions().coverage()
    # kept: nothing, forward, attack, each with the camera's digit on and off
    assert (coverage.buttons_kept, coverage.camera_kept) == (6, 1)
    # changed: what holds forward or attack besides; of 8,641 codes, those that hold neither do nothing
    held = 8641 - 10 * 2 * 3 * 3 * 2 * 2 * 2 * 2 - 1
    assert coverage.buttons_changed == held - 4
    assert coverage.buttons_lost == 8641 - coverage.buttons_kept - coverage.buttons_changed
    assert "three actions keeps 6 of VPT's 8,641" in str(coverage)
    assert "It has no back, jump, left, right, sneak, sprint, use, drop, inventory, hotbar keys" in str(coverage)
    assert "It has no camera" in str(coverage)


@pytest.mark.parametrize("equips", [True, False])
def test_the_count_equals_that_of_translators_that_count_by_rule(equips: bool) -> None:
    translator = MineDojoTranslator(spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36]), equips=equips)
    translator.to_env(human_action("sprint", "forward", camera=(3.0, 3.0)))
    before = (translator.unexpressed, translator._sprinting, translator._residual.tolist())
    counted = count_coverage(translator, "counted")
    assert counts(counted) == counts(translator.coverage())
    # the episode of the translator goes on
    assert (translator.unexpressed, translator._sprinting, translator._residual.tolist()) == before


def test_a_nested_wrapper_has_the_coverage_of_the_game() -> None:
    with pytest.warns(UserWarning, match="three actions keeps 6 of"):
        inner = HumanActionWrapper(Game(), translator=ThreeActions())
    inner_coverage = inner.translator.coverage()
    for outer in (VPTActionWrapper, HumanActionWrapper):
        between = gym.wrappers.TimeLimit(inner, 10)
        with pytest.warns(UserWarning, match=f"{outer.__name__}: three actions keeps 6 of"):
            env = outer(between)
        assert env.translator.coverage() == inner_coverage
        with pytest.raises(ValueError, match="strict=True, but three actions keeps 6 of"):
            outer(between, strict=True)
    assert translator_for(inner).coverage() == inner_coverage
    with pytest.raises(ValueError, match="strict=True, but three actions"):
        VPTActionWrapper(inner, translator=translator_for(inner.action_space), strict=True)
    # over a complete game nothing is lost
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert VPTActionWrapper(HumanActionWrapper(ViewEnv("human")), strict=True).translator.coverage().complete


class Slow(Translator):
    """Human actions without attack."""

    def __init__(self, space: spaces.Space) -> None:
        self.action_space, self.dialect = space, "no attack"

    def to_env(self, human: dict[str, Any]) -> dict[str, Any]:
        self.unexpressed = {"dropped": ("attack",)} if human["attack"] else {}
        return {**human, "attack": 0}

    def to_human(self, env_action: dict[str, Any]) -> dict[str, Any]:
        return env_action


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_two_translators_lose_is_lost_together() -> None:
    inner = HumanActionWrapper(Game(), translator=ThreeActions())
    env = VPTActionWrapper(inner, translator=Slow(inner.action_space))
    coverage = env.translator.coverage()
    assert (coverage.buttons_kept, coverage.camera_kept) == (4, 1)
    assert "no attack through three actions" in str(coverage)
    env.reset(seed=0)
    human = human_action("attack", "jump")
    info = HumanActionWrapper(inner, translator=Slow(inner.action_space)).step(human)[4]
    assert info["translation"] == {"dropped": ("attack", "jump")}


class Remembers(Slow):
    """Keeps what it is given."""

    def __init__(self, space: spaces.Space) -> None:
        super().__init__(space)
        self.observed, self.resets = [], 0

    def reset(self) -> None:
        super().reset()
        self.resets += 1

    def observe(self, observation: Any) -> None:
        self.observed.append(observation)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_translator_above_others_works_as_it_does_alone() -> None:
    inner = HumanActionWrapper(Game(), translator=ThreeActions())
    middle = HumanActionWrapper(inner, translator=Remembers(inner.action_space))
    below, above = middle.translator.first, Remembers(inner.action_space)
    chained = through_wrappers(above, middle)
    assert (type(chained), chained.action_space) == (ChainedTranslator, above.action_space)
    human = human_action("attack", "jump")
    assert same(chained.to_env(human), {**human, "attack": 0})
    assert chained.unexpressed == above.unexpressed == {"dropped": ("attack",)}
    assert same(chained.to_human(human), human)
    chained.observe("an observation")
    chained.reset()
    assert (above.observed, above.resets, above.unexpressed) == (["an observation"], 1, {})
    assert "no attack through three actions" in str(chained.coverage())
    assert (chained.coverage().buttons_kept, below.observed, below.resets) == (4, [], 0)  # counted with copies
    assert above.resets == 1
    assert through_wrappers(above, Game()) is above


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_lost_between_two_that_keep_everything_is_lost() -> None:
    game = HumanActionWrapper(ViewEnv("human"))
    middle = HumanActionWrapper(game, translator=Slow(game.action_space))
    top = HumanActionWrapper(middle).translator
    assert top.first.coverage().complete
    assert top.coverage().buttons_kept == Slow(game.action_space).coverage().buttons_kept < 8641


class Moody(ThreeActions):
    """Acts in the first tick of an episode alone, attacks without a key, and turns too little."""

    acted = False

    def to_env(self, human: dict[str, Any]) -> int:
        acted, self.acted = self.acted, True
        action = super().to_env(human)
        self.unexpressed = {"camera_residual": (0.0, 2.5)}
        return 0 if acted else action

    def by_other_means(self, env_action: int) -> bool:
        return env_action == 2

    def reset(self) -> None:
        super().reset()
        self.acted = False


class NoDrop(Slow):
    """Human actions without drop, which the game lacks too."""

    def to_env(self, human: dict[str, Any]) -> dict[str, Any]:
        self.unexpressed = {}
        return {**human, "drop": 0}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_translator_of_the_game_counts_through_others_as_it_does_alone() -> None:
    inner = HumanActionWrapper(Game(), translator=Moody())
    alone, through = Moody().coverage(), through_wrappers(NoDrop(inner.action_space), inner).coverage()
    assert counts(through) == counts(alone)
    assert alone.buttons_kept == 4  # nothing and forward
    assert through.camera_error == alone.camera_error == 2.5


def test_actions_are_compared_by_value() -> None:
    assert same({"a": np.array([1, 2]), "b": "none"}, {"b": "none", "a": np.array([1.0, 2.0])})
    assert not same({"a": 1}, {"b": 1})
    assert not same((1, 2), (1, 3))
    assert same(np.int8(1), 1)
    assert same((1, "none"), (1, "none"))
    for one, other in [((1, 2), (1, 2, 3)), ((1, 2), (1,)), ({"a": 1}, 1), ({"a": 1}, {"a": 2}), (1, 2), ("a", "b")]:
        assert not same(one, other)
        assert not same(other, one)


def test_missing_keys_are_named_and_all_hotbar_keys_at_once() -> None:
    assert missing_keys(()) == ()
    assert missing_keys(HOTBAR) == ("It has no hotbar keys",)
    assert missing_keys((*HOTBAR, "drop")) == ("It has no drop, hotbar keys",)
    assert missing_keys(("hotbar.3", "use", "hotbar.9")) == ("It has no use, hotbar.3, hotbar.9",)


def test_a_coverage_in_words() -> None:
    whole = Coverage("game", 8641, 0, 0, 0, 121, 0)
    assert whole.complete
    assert str(whole) == (
        "game keeps 8,641 of VPT's 8,641 button codes (0 changed, 0 lost) and 121 of its 121 camera codes"
    )
    part = Coverage("game", 8000, 600, 41, 7, 21, 100, 1.5, ("A note", "Another"), "Do this")
    assert not part.complete
    assert str(part).endswith(
        "(600 changed, 41 lost; of those kept or changed, 7 take extra ticks) and 21 of its 121 camera codes; the view "
        "is at most 1.5° off. A note. Another. Do this"
    )
    assert not Coverage("game", 8641, 0, 0, 0, 120, 1).complete
    assert not Coverage("game", 8640, 1, 0, 0, 121, 0).complete


def human_game() -> gym.Env:
    return HumanActionWrapper(Game(), translator=ThreeActions())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_translators_in_another_process_count_too() -> None:
    env = ResilientEnv(lambda: TimeLimit(HumanActionWrapper(human_game()), 5))
    try:
        with pytest.raises(ValueError, match=r"strict=True, but .* keeps 6 of VPT's 8,641"):
            VPTActionWrapper(env, strict=True)
    finally:
        env.close()


def test_in_a_vector_each_environment_has_its_chain() -> None:
    with pytest.raises(ValueError, match=r"strict=True, but .* keeps 6"):
        ThreadVectorEnv([lambda: VPTActionWrapper(Game(), ThreeActions(), strict=True)])
    for vector in (SyncVectorEnv, ThreadVectorEnv):
        envs = vector([Game] * 2)
        with pytest.raises(TypeError, match=r"envs.get_attr\('translator'\)"):
            translator_for(envs)  # type: ignore[arg-type]
        for around in (envs, gym.wrappers.vector.RecordEpisodeStatistics(envs)):
            with pytest.raises(TypeError, match=rf"Wrap each of them: {vector.__name__}\(\[lambda: VPTActionWrapper"):
                VPTActionWrapper(around, strict=True)  # type: ignore[arg-type]
        envs.close()
