"""Training towards goals: what a batch is told, the layer for goals, and the script that trains it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from tests.support.example_scripts import load_example
from tests.support.numbered_demos import write_episodes
from tests.support.paths import ROOT
from tests.support.python_processes import output_of
from tests.support.small_policy import SMALL, small_policy
from vpt_gym import VPTAgent
from vpt_gym.agents.goals.video import GOAL_FRAMES, video_goals
from vpt_gym.agents.policy.trainable import freeze, train_last_layers
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.demo import read_demo
from vpt_gym.demos.files.names import list_demos
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.features import FeatureCache
from vpt_gym.learning.hindsight import HindsightGoals
from vpt_gym.learning.processes import processes
from vpt_gym.learning.runs.args import parse
from vpt_gym.learning.runs.run import Run
from vpt_gym.learning.validation import Validation

LENGTHS = (40, 25, 33)
OPTIONS = {"steps": 10, "batch_size": 2, "seq_len": 6, "warmup": 3, "mirror": False}


@pytest.fixture(scope="module")
def demos(tmp_path_factory) -> Path:
    return write_episodes(tmp_path_factory.mktemp("demos"), LENGTHS)


def test_a_goal_is_what_the_policy_saw_in_the_last_16_frames():
    policy = small_policy().eval()
    frames = np.random.default_rng(0).integers(0, 255, (70, 128, 128, 3), dtype=np.uint8)
    first = torch.zeros(1, 70, dtype=torch.bool)
    first[0, 0] = True
    with torch.no_grad():
        latent = policy(torch.from_numpy(frames)[None], first).latent[0]
    goals = video_goals(policy, frames)
    assert goals.shape == (70, SMALL.hidsize)
    for tick in (0, 5, 15, 16, 63, 64, 69):
        mean = latent[max(0, tick + 1 - GOAL_FRAMES) : tick + 1].mean(0).numpy()
        np.testing.assert_allclose(goals[tick], (mean - mean.mean()) / np.sqrt(mean.var() + 1e-5), atol=1e-4)
    features = policy.encode(torch.from_numpy(frames)).detach().numpy()
    np.testing.assert_allclose(video_goals(policy, features), goals, atol=1e-4)


@pytest.mark.parametrize("order", ["random", "carried"])
def test_a_batch_is_told_what_its_episodes_show_later(demos, order):
    policy, cache = small_policy(), FrameCache()
    dataset = make_dataset((demos,), TrainArgs(**OPTIONS, order=order), seed=0, cache=cache)
    goals = HindsightGoals(policy, cache=cache, seed=3, unconditional=0.3)
    empty = 0
    for number in range(12):
        dataset.next_batch()
        batch = goals.of_batch(dataset.sources, (2, 6), number)
        assert torch.equal(batch, goals.of_batch(dataset.sources, (2, 6), number))
        row_filled = [0, 0]
        for source in dataset.sources:
            episode = video_goals(policy, cache.frames(read_demo(source.path)))
            for tick in range(source.first_tick, source.last_tick + 1):
                told = batch[source.row, row_filled[source.row]].numpy()
                row_filled[source.row] += 1
                if not told.any():
                    empty += 1
                    continue
                # the goal may lie one tick back: the tick after a goal still has it
                later = np.abs(episode[max(0, tick - 1) :] - told).max(1)
                assert later.min() < 1e-6
    assert 0 < empty < 12 * 12


def test_goals_differ_by_seed_batch_and_process(demos):
    policy, cache = small_policy(), FrameCache()
    dataset = make_dataset((demos,), TrainArgs(**{**OPTIONS, "batch_size": 16}), seed=0, cache=cache)
    dataset.next_batch()
    told = []
    for seed, number, rank in ((0, 1, 0), (1, 1, 0), (0, 2, 0), (0, 1, 1)):
        goals = HindsightGoals(policy, cache=cache, seed=seed, unconditional=0.5)
        told.append(goals.of_batch(dataset.sources, (16, 6), number, rank=rank))
    assert not any(torch.equal(one, other) for one, other in itertools.combinations(told, 2))


def test_a_policy_with_a_new_layer_acts_as_before_until_it_is_trained(demos):
    policy = small_policy().eval()
    other = policy.with_goals(7)
    frames = torch.randint(0, 255, (1, 4, 128, 128, 3), dtype=torch.uint8)
    first = torch.zeros(1, 4, dtype=torch.bool)
    pi, towards = policy(frames, first).pi, other(frames, first, None, torch.randn(1, 7)).pi
    assert torch.equal(pi.buttons, towards.buttons)
    assert set(other.state_dict()) - set(policy.state_dict()) == {
        "net.mineclip_embed_linear.weight",
        "net.mineclip_embed_linear.bias",
    }
    with pytest.raises(ValueError, match="takes goals already"):
        other.with_goals(7)
    with pytest.raises(ValueError, match="a policy that takes none itself"):
        video_goals(other, frames[0].numpy())


def trained(demos: Path, updates: int, state: dict | None = None) -> BCTrainer:
    seen = small_policy()
    policy = small_policy().with_goals(SMALL.hidsize)
    freeze(policy, "net.img_process.*")
    cache, args = FeatureCache(policy), TrainArgs(**OPTIONS)
    goals = HindsightGoals(seen, cache=cache)
    trainer = BCTrainer(policy, make_dataset((demos,), args, seed=0, cache=cache), args, goals=goals)
    if state is not None:
        trainer.load_state_dict(state)
    for _ in range(updates):
        trainer.update()
    return trainer


def test_training_continues_bit_for_bit_and_learns_the_layer(demos):
    whole, part = trained(demos, 4), trained(demos, 2)
    rest = trained(demos, 2, part.state_dict())
    for (name, one), other in zip(whole.policy.state_dict().items(), rest.policy.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert whole.policy.net.mineclip_embed_linear.weight.any()


def test_what_does_not_go_with_goals_is_refused(demos):
    policy, args = small_policy().with_goals(SMALL.hidsize), TrainArgs(**OPTIONS)
    dataset = make_dataset((demos,), args, seed=0)
    with pytest.raises(ValueError, match="acts on goals"):
        BCTrainer(policy, dataset, args)
    goals = HindsightGoals(small_policy())
    with pytest.raises(ValueError, match="the goals have 32 floats, the policy takes 5"):
        BCTrainer(small_policy().with_goals(5), dataset, args, goals=goals)
    with pytest.raises(ValueError, match='drop_null="cut"'):
        BCTrainer(policy, dataset, TrainArgs(**OPTIONS, drop_null="cut"), goals=goals)
    with pytest.raises(ValueError, match="flip"):
        BCTrainer(policy, dataset, TrainArgs(**{**OPTIONS, "mirror": True}), goals=goals)
    frozen = small_policy().with_goals(SMALL.hidsize)
    train_last_layers(frozen, 1)
    with pytest.raises(ValueError, match=r"layer for goals is zero and frozen.*leave out --last-layers"):
        BCTrainer(frozen, dataset, args, goals=goals)
    frozen.net.mineclip_embed_linear.weight.data[0, 0] = 1.0  # it was trained before
    BCTrainer(frozen, dataset, args, goals=goals)
    with pytest.raises(ValueError, match="a policy that takes none itself"):
        HindsightGoals(policy)


def test_features_of_the_training_are_used_where_the_image_network_is_the_same(demos, tmp_path):
    trained = small_policy()
    freeze(trained, "net.img_process.*")
    cache = FeatureCache(trained, directory=tmp_path)
    dataset = make_dataset((demos,), TrainArgs(**OPTIONS), seed=0, cache=cache)
    dataset.next_batch()
    files = set(tmp_path.iterdir())
    trained.set_precision("bf16")  # as a trainer may do
    expected = HindsightGoals(small_policy()).of_batch(dataset.sources, (2, 6), 1)
    goals = HindsightGoals(small_policy(), cache=cache).of_batch(dataset.sources, (2, 6), 1)
    torch.testing.assert_close(goals, expected, atol=1e-4, rtol=0)
    assert set(tmp_path.iterdir()) == files
    HindsightGoals(small_policy(1), cache=cache).of_batch(dataset.sources, (2, 6), 1)
    assert set(tmp_path.iterdir()) > files


def test_validation_tells_the_goals(demos):
    policy = small_policy().with_goals(SMALL.hidsize).eval()
    torch.nn.init.normal_(policy.net.mineclip_embed_linear.weight)
    validation = Validation([path for path in demos.iterdir() if path.suffix == ".json"])
    goals = HindsightGoals(small_policy())
    without, told = validation.measure(policy), validation.measure(policy, goals)
    assert told.loss != without.loss
    assert told == validation.measure(policy, goals)


def test_goals_of_a_validation_do_not_depend_on_how_it_is_divided(demos):
    policy = small_policy().with_goals(SMALL.hidsize).eval()
    torch.nn.init.normal_(policy.net.mineclip_embed_linear.weight)
    goals, paths = HindsightGoals(small_policy()), list_demos(demos)
    whole = Validation(paths).measure(policy, goals)
    parts = [Validation([path]).measure(policy, goals) for path in reversed(paths)]  # as of so many processes
    assert sum(part.ticks for part in parts) == whole.ticks
    assert sum(part.loss * part.ticks for part in parts) / whole.ticks == pytest.approx(whole.loss, rel=1e-5)


def test_the_script_trains_an_agent_that_acts_on_goals(demos, tmp_path):
    VPTAgent.from_config(SMALL, seed=0).save_pretrained(tmp_path / "small")
    words = ("--demos", demos, "--model", tmp_path / "small", "--goals", tmp_path / "small", "--out", tmp_path / "run")
    frozen = ("--freeze", "net.img_process.*", "--features", tmp_path / "features", "--train.no-mirror")
    sizes = ("--train.steps", "3", "--train.batch-size", "2", "--train.seq-len", "5", "--validation", "1")
    env = ("--env-kwargs", '{"level": "easy", "image_size": [32, 32], "max_episode_steps": 3}')
    played = ("--rollout-episodes", "0", "--eval-episodes", "1", "--no-tensorboard", *env)
    printed = output_of(ROOT / "examples" / "bc.py", *words, *frozen, *sizes, *played)
    assert "validation/loss_without_goals" in printed
    agent = VPTAgent.from_pretrained(tmp_path / "run" / "agent")
    assert agent.policy.config.goal_size == SMALL.hidsize
    assert json.loads((tmp_path / "run" / "results.json").read_text())["evaluation"]["episodes"] == 1

    other, example = tmp_path / "other", load_example("bc")
    VPTAgent.from_config(SMALL, seed=1).save_pretrained(other)
    args = parse(example.Args, ["--resume", str(tmp_path / "run"), "--goals", str(other)])
    message = f"--goals {other} has weights with the digest .*, which the goals so far are made with: give it the"
    with processes("cpu") as group, pytest.raises(ValueError, match=message), Run("bc", args) as run:
        example.learn(args, run, group, Console(quiet=True))
