"""Arrays of strings and choices are full Gymnasium spaces."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces.utils import flatdim, flatten, flatten_space, unflatten
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from gymnasium.vector.utils.space_utils import batch_differing_spaces
from gymnasium.wrappers import DelayObservation, FlattenObservation, FrameStackObservation
from gymnasium.wrappers.utils import create_zero_array
from hypothesis import given
from hypothesis import strategies as st

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym.spaces import Choice, Strings, TextArray


@given(st.lists(st.integers(0, 4), max_size=3), st.integers(1, 12), st.integers(0, 2**31))
def test_samples_are_contained_and_survive_json(shape: list[int], max_length: int, seed: int) -> None:
    space = TextArray(shape, max_length, seed)
    samples = [space.sample() for _ in range(2)]
    assert all(space.contains(sample) for sample in samples)
    again = space.from_jsonable(json.loads(json.dumps(space.to_jsonable(samples))))
    for sample, copy in zip(samples, again, strict=True):
        np.testing.assert_array_equal(sample, copy)


def test_sampling_follows_the_seed() -> None:
    first, second = TextArray((4,), seed=3), TextArray((4,), seed=3)
    assert (first.sample() == second.sample()).all()
    assert Choice("abc", seed=1).sample() == Choice("abc", seed=1).sample()


@pytest.mark.parametrize(
    "other",
    [
        "log",
        np.array(["log"]),
        np.array([1.0, 2.0]),
        np.array([b"log", b"air"]),
        np.array(["log", "crafting table"]),
    ],
)
def test_what_is_no_such_array_is_not_contained(other: object) -> None:
    assert not TextArray((2,), 8).contains(other)


def test_any_width_of_string_dtype_is_contained() -> None:
    assert TextArray((2,), 8).contains(np.array(["log", "air"], "<U40"))


def test_equality_and_repr() -> None:
    assert TextArray((2,), 8) == TextArray((2,), 8) != TextArray((2,), 9)
    assert TextArray((2,)) != TextArray((3,))
    assert repr(TextArray((2, 3), 8)) == "TextArray((2, 3), 8)"
    assert Choice(("a", "b")) == Choice(("a", "b")) != Choice(("a", "c"))
    assert repr(Choice(("a", "b"))) == "Choice(('a', 'b'))"
    assert not TextArray((1,)).is_np_flattenable
    assert not Choice("ab").is_np_flattenable


def test_batches() -> None:
    space = TextArray((2,), 8)
    assert batch_space(space, 3) == TextArray((3, 2), 8)
    assert batch_differing_spaces([space, TextArray((2,), 20)]) == TextArray((2, 2), 20)
    with pytest.raises(ValueError, match="different shapes"):
        batch_differing_spaces([space, TextArray((3,), 8)])
    items = [np.array(["log", "air"]), np.array(["dirt", "sand"])]
    out = concatenate(space, items, create_empty_array(space, 2))
    assert out.tolist() == [["log", "air"], ["dirt", "sand"]]
    assert [row.tolist() for row in iterate(batch_space(space, 2), out)] == out.tolist()


def test_choices() -> None:
    space = Choice(("none", "log"))
    assert space.contains("log")
    assert not space.contains("dirt")
    assert not space.contains(1)
    assert {space.sample() for _ in range(50)} == {"none", "log"}


def test_the_strings_of_a_choice_may_come_one_after_the_other() -> None:
    assert Choice(name for name in ("none", "log")) == Choice(("none", "log"))


@pytest.mark.parametrize("make", [lambda: TextArray((2,), 0), lambda: Choice(()), lambda: Choice(("a", "a"))])
def test_bad_spaces_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"max_length is 0|without duplicates"):
        make()


@pytest.mark.parametrize("space", [TextArray((2,)), Choice("ab")])
def test_masks_are_refused(space: gym.Space) -> None:
    with pytest.raises(ValueError, match="mask"):
        space.sample(mask=np.ones(2))


def test_strings_compare_with_allclose_and_are_arrays_otherwise() -> None:
    names = np.array(["log", "air"]).view(Strings)
    assert np.allclose(names, names.copy())
    assert not np.allclose(names, np.array(["log", "dirt"]).view(Strings))
    assert np.concatenate([names, names]).tolist() == ["log", "air"] * 2
    assert (names == "log").tolist() == [True, False]


class Naming(gym.Env):
    """Its observations are a frame, an array of strings and a choice; the strings and the choice change each step."""

    observation_space = gym.spaces.Dict(
        {
            "rgb": gym.spaces.Box(0, 255, (2, 2, 3), np.uint8),
            "names": TextArray((2, 3), 8),
            "tool": Choice(("none", "axe", "hoe")),
        }
    )
    action_space = gym.spaces.Discrete(2)

    def _observe(self):
        sample = self.observation_space.sample()
        self.seen.append(sample)
        return sample

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.seen = []
        return self._observe(), {}

    def step(self, action):
        return self._observe(), 0.0, False, False, {}


def test_stacked_observations_are_the_last_ones() -> None:
    env = FrameStackObservation(Naming(), 3, padding_type="zero")
    first, _ = env.reset(seed=0)
    assert env.observation_space.contains(first)
    assert (first["names"][:2] == "").all()
    assert first["tool"][:2] == ("none", "none")
    env.step(0)
    stacked = env.step(0)[0]
    assert stacked["names"].tolist() == [seen["names"].tolist() for seen in env.unwrapped.seen]
    assert list(stacked["tool"]) == [seen["tool"] for seen in env.unwrapped.seen]


def test_delayed_observations_begin_with_zeros() -> None:
    env = DelayObservation(Naming(), 1)
    first, _ = env.reset(seed=0)
    assert env.observation_space.contains(first)
    assert first["tool"] == "none"
    delayed = env.step(0)[0]
    np.testing.assert_array_equal(delayed["names"], env.unwrapped.seen[0]["names"])
    zeros = create_zero_array(env.observation_space)
    assert (zeros["names"] == "").all()


def test_flattened_observations_keep_everything() -> None:
    env = FlattenObservation(Naming())
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation["rgb"].dtype == np.uint8
    source, seen = env.unwrapped.observation_space, env.unwrapped.seen[0]
    np.testing.assert_array_equal(unflatten(source["names"], observation["names"]), seen["names"])
    assert unflatten(source["tool"], observation["tool"]) == seen["tool"]


@given(st.lists(st.integers(0, 4), max_size=3), st.integers(1, 12), st.integers(0, 2**31))
def test_flattening_is_exact(shape: list[int], max_length: int, seed: int) -> None:
    space = TextArray(shape, max_length, seed)
    sample = space.sample()
    flat = flatten(space, sample)
    assert flat.shape == (flatdim(space),)
    assert flatten_space(space).contains(flat)
    np.testing.assert_array_equal(unflatten(space, flat), sample)


def test_strings_of_another_width_and_order_flatten_too() -> None:
    space = TextArray((2, 2), 4)
    wide = np.array([["log", "é"], ["air", "😀"]], "<U40")
    np.testing.assert_array_equal(unflatten(space, flatten(space, wide.T)), wide.T)


@pytest.mark.parametrize("make", [SyncVectorEnv, partial(AsyncVectorEnv, shared_memory=False)])
def test_vectors_of_spaces_that_may_differ(make: Callable[..., gym.vector.VectorEnv]) -> None:
    vector = make([Naming, Naming], observation_mode="different")
    try:
        observation, _ = vector.reset(seed=0)
        assert observation["names"].shape == (2, 2, 3)
        assert len(observation["tool"]) == 2
    finally:
        vector.close()


def test_the_worlds_raw_observations_stack_and_flatten() -> None:
    world = gym.make("vpt_gym/Harvest1Log-v0", level="easy", image_size=(32, 32))
    for env in (FrameStackObservation(world, 2), FlattenObservation(world)):
        assert env.observation_space.contains(env.reset(seed=0)[0])
        assert env.observation_space.contains(env.step(env.action_space.sample())[0])
    world.close()


def test_a_single_string_is_batched_like_an_array_of_strings() -> None:
    space = TextArray((), 8)
    batch = concatenate(space, [np.array("log"), np.array("air")], create_empty_array(space, 2))
    assert batch.tolist() == ["log", "air"]
    assert [item in space for item in iterate(batch_space(space, 2), batch)] == [True, True]
    with pytest.raises(ValueError, match="shorter"):
        concatenate(space, [np.array("log")], create_empty_array(space, 2))
