"""What set_goal accepts: embeddings, text, names, one for all environments or one for each."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.small_policy import SMALL
from vpt_gym import VPTAgent
from vpt_gym.agents import GoalPrior, TextGoals
from vpt_gym.agents.goals.text import PROMPTS
from vpt_gym.agents.policy.policy import VPTPolicy


@pytest.fixture
def agent() -> VPTAgent:
    return VPTAgent(VPTPolicy(replace(SMALL, goal_size=4)))


def lengths(text: str) -> np.ndarray:
    """A text encoder that counts letters."""
    return np.array([len(text), text.count("i"), text.count("o"), 1.0], np.float32)


def test_an_embedding_is_taken_as_it_is_and_copied(agent: VPTAgent) -> None:
    embedding = np.arange(4, dtype=np.float64)
    for given in (embedding, embedding[None], torch.from_numpy(embedding).requires_grad_(), embedding.tolist()):
        agent.set_goal(given)
        assert agent.goal.tolist() == [[0, 1, 2, 3]]
        assert agent.goal.dtype == np.float32
    agent.set_goal(embedding)
    embedding[:] = 9
    agent.goal[:] = 9
    assert agent.goal.tolist() == [[0, 1, 2, 3]]


def test_no_goal_is_zeros(agent: VPTAgent) -> None:
    assert agent.goal is None
    agent.set_goal(None)
    assert agent.goal.tolist() == [[0, 0, 0, 0]]


def test_text_needs_an_encoder_and_the_error_says_which(agent: VPTAgent) -> None:
    with pytest.raises(ValueError, match=r"'swim' is text, and this agent has no encoder.*TextGoals\(encode_text"):
        agent.set_goal("swim")
    assert agent.goal is None
    agent.goal_encoder = lengths
    agent.set_goal("dig it")
    assert agent.goal.tolist() == [[6, 2, 0, 1]]
    agent.goal_encoder = lambda text: np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"the embedding of 'swim' must have the shape \(4,\), got \(3,\)"):
        agent.set_goal("swim")


def test_a_dictionary_has_goals_by_name(agent: VPTAgent) -> None:
    agent.goal_encoder = {"wood": np.ones(4, np.float32)}
    agent.set_goal("wood")
    assert agent.goal.tolist() == [[1, 1, 1, 1]]
    with pytest.raises(ValueError, match=r"no goal is named 'sky'; there are 'wood'"):
        agent.set_goal("sky")


def test_a_list_has_a_goal_for_each_environment(agent: VPTAgent) -> None:
    agent.goal_encoder = lengths
    agent.set_goal(["oo", None, np.ones(4, np.float32)])
    assert agent.goal.tolist() == [[2, 0, 2, 1], [0, 0, 0, 0], [1, 1, 1, 1]]
    frames = np.zeros((3, 128, 128, 3), np.uint8)
    assert agent.act(frames, first=np.ones(3, bool)).shape == (3, 2)


@pytest.mark.parametrize(
    ("goal", "error", "message"),
    [
        (np.zeros(5, np.float32), ValueError, r"shape \(4,\) or \(N, 4\), got \(5,\)"),
        (np.zeros((0, 4), np.float32), ValueError, r"got \(0, 4\)"),
        (np.zeros((1, 1, 4), np.float32), ValueError, r"got \(1, 1, 4\)"),
        ([], ValueError, r"got \(0,\)"),
        (np.full(4, np.nan, np.float32), ValueError, "NaN or infinity"),
        (np.zeros(4, np.int64), TypeError, "must be an embedding of floats, text or None"),
        (7, TypeError, "must be an embedding of floats, text or None, got 7"),
        ({"a": 1}, TypeError, "must be an embedding of floats"),
        ([np.zeros((1, 4), np.float32), "x"], ValueError, "each goal of a list must be one"),
    ],
)
def test_anything_else_is_refused(agent: VPTAgent, goal: object, error: type[Exception], message: str) -> None:
    agent.goal_encoder = lengths
    with pytest.raises(error, match=message):
        agent.set_goal(goal)


def test_text_goes_through_the_prior() -> None:
    prior = GoalPrior(size=4, hidden=8, latent=3).eval()
    centre = TextGoals(lengths, prior, deterministic=True)
    wanted = prior(torch.from_numpy(lengths("swim there"))[None]).detach().numpy()[0]
    np.testing.assert_allclose(centre("swim there"), wanted)
    sampled = [TextGoals(lengths, prior, seed=seed) for seed in (1, 1, 2)]
    first, same, other = (goals("swim") for goals in sampled)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    copied = copy.deepcopy(sampled[0])  # as an agent is copied with its encoder
    second = sampled[0]("swim")
    assert not np.array_equal(second, first)  # each call draws another one
    assert np.array_equal(copied("swim"), second)


def test_names_stand_for_texts_and_embeddings() -> None:
    plain = TextGoals(lengths, None)
    assert np.array_equal(plain("dig"), lengths("dig as far as possible"))
    assert np.array_equal(plain("dig deep"), lengths("dig deep"))
    named = TextGoals(lengths, None, named={"here": np.arange(4.0)})
    assert named("here").tolist() == [0, 1, 2, 3]
    assert np.array_equal(named("dig"), lengths("dig"))
    assert " ".join(PROMPTS) == "dig dirt sky leaves wood seeds flower explore swim underwater inventory"


def test_a_text_encoder_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"what the text encoder returns must have the shape \(5,\), got \(4,\)"):
        TextGoals(lengths, GoalPrior(size=5, hidden=8, latent=3))("x")
    with pytest.raises(TypeError, match="text_encoder must be a function"):
        TextGoals("mineclip", None)  # type: ignore[arg-type]
