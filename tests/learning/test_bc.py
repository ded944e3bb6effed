"""The trainer of behavioural cloning against a loop written out, and its continuation bit for bit."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.support.contractor_files import record, write_recording
from tests.support.frame_counter_env import counter_frame
from tests.support.numbered_demos import SIZE, write_episodes
from tests.support.small_policy import small_policy
from tests.support.stand_in_device import STAND_IN, on_stand_in, stand_in_device
from vpt_gym.actions.codec import NULL_CAMERA
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.learning import bc
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.non_finite import NonFiniteLossError
from vpt_gym.learning.schedule import warmup_cosine

LENGTHS = (17, 9, 23)


@pytest.fixture(scope="module")
def demos(tmp_path_factory) -> Path:
    return write_episodes(tmp_path_factory.mktemp("demos"), LENGTHS)


def options(**changes) -> TrainArgs:
    return TrainArgs(**{"steps": 10, "batch_size": 2, "seq_len": 5, "warmup": 3, **changes})


def trainer_of(demos: Path, args: TrainArgs, *, seed: int = 0) -> BCTrainer:
    return BCTrainer(small_policy(), make_dataset((demos,), args, seed=seed), args)


def weights(trainer: BCTrainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.policy.state_dict().items()}


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


class TestUpdate:
    @pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
    def test_it_is_the_loop_that_one_would_write(self, demos, name, kind):
        args = options(optimizer=name, weight_decay=0.1, max_grad_norm=0.5, lr=1e-3)
        trainer, policy = trainer_of(demos, args), small_policy().train()
        dataset = make_dataset((demos,), args, seed=0)
        optimizer = kind(policy.parameters(), weight_decay=0.1)
        for update in range(1, 4):
            metrics = trainer.update()
            batch = dataset.next_batch()
            pi = policy(batch.frames, batch.first).pi
            buttons = -pi.buttons.gather(-1, batch.codes[..., :1]).squeeze(-1)
            camera = -pi.camera.gather(-1, batch.codes[..., 1:]).squeeze(-1)
            loss = ((buttons + camera) * batch.weight).sum() / batch.weight.sum()
            optimizer.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
            optimizer.param_groups[0]["lr"] = 1e-3 * warmup_cosine(update, update / 10, warmup=3)
            optimizer.step()
            assert metrics["train/loss"] == pytest.approx(loss.item(), rel=1e-5)
            assert metrics["train/loss_buttons"] + metrics["train/loss_camera"] == pytest.approx(loss.item(), rel=1e-5)
            assert metrics["train/grad_norm"] == pytest.approx(norm.item(), rel=1e-4)
        for name, value in policy.state_dict().items():
            torch.testing.assert_close(trainer.policy.state_dict()[name], value, atol=1e-5, rtol=1e-4)

    def test_the_metrics_are_means_since_the_last_call(self, demos):
        trainer = trainer_of(demos, options())
        losses = [trainer.update()["train/loss"] for _ in range(3)]
        metrics = trainer.metrics()
        assert metrics["train/loss"] == pytest.approx(sum(losses) / 3)
        assert metrics["time/frames_per_second"] > 0
        assert trainer.metrics() == {}
        assert trainer.update()["train/loss"] == trainer.metrics()["train/loss"]

    def test_the_latent_is_measured_now_and_then(self, demos, monkeypatch):
        monkeypatch.setattr(bc, "LATENT_EVERY", 2)
        trainer = trainer_of(demos, options())
        trainer.update()
        assert not [name for name in trainer.metrics() if name.startswith("latent/")]
        trainer.update()
        metrics = trainer.metrics()
        assert 0 <= metrics["latent/dead_share"] <= 1
        assert metrics["latent/spread"] > 0

    def test_carried_memory_goes_from_batch_to_batch(self, demos):
        args = options(order="carried", drop_null="keep", lr=1e-9)
        trainer, dataset, policy = trainer_of(demos, args), make_dataset((demos,), args, seed=0), small_policy()
        memory = None
        for _ in range(4):
            loss = trainer.update()["train/loss"]
            batch = dataset.next_batch()
            output = policy(batch.frames, batch.first, memory)
            memory = output.memory
            assert loss == pytest.approx(-output.pi.log_prob(batch.codes).mean().item(), rel=1e-5)

    def test_the_start_policy_has_a_memory_of_its_own_and_only_ticks_with_weight_count(self, demos):
        args = options(order="carried", drop_null="mask", kl_to_start=0.5, lr=0.01, warmup=0)
        trainer, dataset = trainer_of(demos, args), make_dataset((demos,), args, seed=0)
        start, policy = small_policy(), small_policy().train()
        optimizer, memory, start_memory = torch.optim.Adam(policy.parameters()), None, None
        for update in range(1, 5):
            metrics, batch = trainer.update(), dataset.next_batch()
            with torch.no_grad():
                held = start(batch.frames, batch.first, start_memory)
            output = policy(batch.frames, batch.first, memory)
            memory, start_memory = output.memory.detach(), held.memory
            pairs = zip(held.pi.log_probs, output.pi.log_probs, strict=True)
            kl = sum((p.exp() * (p - q)).sum(-1) for p, q in pairs)
            counted = batch.weight > 0
            assert not counted.all()
            loss = (-output.pi.log_prob(batch.codes) + 0.5 * kl)[counted].mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.param_groups[0]["lr"] = 0.01 * warmup_cosine(update, update / 10, warmup=0)
            optimizer.step()
            assert metrics["train/kl_to_start"] == pytest.approx(kl[counted].mean().item(), rel=1e-3, abs=1e-6)
        assert metrics["train/kl_to_start"] > 0.1
        for name, value in weights(trainer).items():
            torch.testing.assert_close(value, policy.state_dict()[name], atol=1e-4, rtol=1e-3)

    def test_a_kl_of_the_start_holds_the_policy_back(self, demos):
        def distance(kl_to_start: float) -> float:
            trainer = trainer_of(demos, options(kl_to_start=kl_to_start, lr=1e-3, warmup=0))
            first = trainer.update()
            for _ in range(9):
                metrics = trainer.update()
            if kl_to_start:
                assert first["train/kl_to_start"] == pytest.approx(0.0, abs=1e-6)
                assert metrics["train/kl_to_start"] > 0
            batch = make_dataset((demos,), options(), seed=5).next_batch()
            start = small_policy()(batch.frames, batch.first).pi
            return start.kl(trainer.policy(batch.frames, batch.first).pi).mean().item()

        assert distance(100.0) < 0.3 * distance(0.0)

    def test_frozen_parameters_stay(self, demos):
        policy, args = small_policy(), options()
        freeze(policy, "net.*")
        trainer = BCTrainer(policy, make_dataset((demos,), args, seed=0), args)
        before = weights(trainer)
        trainer.update()
        changed = {name for name, value in weights(trainer).items() if not torch.equal(value, before[name])}
        assert changed
        assert all(name.startswith("pi_head.") for name in changed)
        freeze(policy, "*")
        with pytest.raises(ValueError, match="all parameters"):
            BCTrainer(policy, make_dataset((demos,), args, seed=0), args)


def test_chunks_are_chosen_and_flipped_as_the_options_say(demos):
    def cameras(motion_fraction: float, mirror: bool) -> torch.Tensor:
        args = options(batch_size=32, motion_fraction=motion_fraction, mirror=mirror)
        return make_dataset((demos,), args, seed=0).next_batch().codes[..., 1]

    still, one_way = cameras(0.0, False), cameras(1.0, False)
    assert (one_way != NULL_CAMERA).any(1).all()
    assert not (still != NULL_CAMERA).any(1).all()
    assert len(one_way.unique()) == 2  # at rest, and to the right
    assert len(cameras(1.0, True).unique()) == 3


class TestContinuation:
    @pytest.mark.parametrize(
        "changes",
        [{}, {"order": "carried"}, {"order": "carried", "kl_to_start": 1.0, "ema": 0.9, "optimizer": "adamw"}],
        ids=["random", "carried", "carried with a start and an average"],
    )
    def test_it_is_bit_equal_to_an_uninterrupted_training(self, demos, changes):
        args = options(**changes)
        whole = trainer_of(demos, args)
        for _ in range(3):
            whole.update()
        file = io.BytesIO()
        torch.save(whole.state_dict(), file)
        expected = [whole.update() for _ in range(4)]

        file.seek(0)
        torch.manual_seed(99)
        continued = trainer_of(demos, args)
        continued.load_state_dict(torch.load(file, weights_only=True))
        assert (continued.updates, continued.frames) == (3, 30)
        assert [continued.update() for _ in range(4)] == expected
        assert_equal(weights(continued), weights(whole))
        with continued.evaluating(), whole.evaluating():
            assert_equal(weights(continued), weights(whole))

    def test_options_that_it_is_continued_with_count(self, demos):
        trainer = trainer_of(demos, options())
        trainer.update()
        state = trainer.state_dict()
        changed = trainer_of(demos, options(precision="bf16", optimizer="adamw", weight_decay=0.5))
        changed.load_state_dict(state)
        assert changed.policy.precision == "bf16"
        (group,) = changed.state_dict()["optimizer"]["param_groups"]
        assert (group["weight_decay"], group["decoupled_weight_decay"]) == (0.5, True)

    @pytest.mark.parametrize("measured", ["fp32", "bf16"])
    def test_a_precision_that_was_measured_stays(self, demos, measured):
        """Another machine, or a busy one, may find the other one faster."""
        trainer = trainer_of(demos, options(precision="auto"))
        trainer.load_state_dict({**trainer.state_dict(), "precision": measured})
        assert trainer.policy.precision == measured

    def test_the_policy_that_it_is_held_near_may_not_be_replaced(self, demos):
        args = options(kl_to_start=1.0)
        held = trainer_of(demos, args)
        held.update()
        state = held.state_dict()
        other = BCTrainer(small_policy(seed=1), make_dataset((demos,), args, seed=0), args)
        message = "this run began with .*, which kl_to_start holds the policy near"
        with pytest.raises(ValueError, match=message):
            other.load_state_dict(state)
        trainer_of(demos, args).load_state_dict({name: part for name, part in state.items() if name != "start"})
        free = BCTrainer(small_policy(seed=1), make_dataset((demos,), args, seed=0), replace(args, kl_to_start=0.0))
        free.load_state_dict(state)
        with pytest.raises(ValueError, match=message):  # nor after a part of the run without the term
            other.load_state_dict(free.state_dict())

    def test_a_state_of_other_demos_or_batches_is_refused(self, demos, tmp_path):
        state = trainer_of(demos, options()).state_dict()
        with pytest.raises(ValueError, match="other shape"):
            trainer_of(demos, options(batch_size=3)).load_state_dict(state)
        with pytest.raises(ValueError, match="other demos"):
            trainer_of(write_episodes(tmp_path, (17,)), options()).load_state_dict(state)
        with pytest.raises(ValueError, match="ema"):
            trainer_of(demos, options(ema=0.9)).load_state_dict(state)
        with pytest.raises(ValueError, match=r"2 processes.*nproc-per-node 2"):
            trainer_of(demos, options()).load_state_dict({**state, "processes": state["processes"] * 2})


class TestEvaluating:
    def test_the_average_is_in_the_policy_only_meanwhile(self, demos):
        trainer = trainer_of(demos, options(ema=0.5, warmup=0))
        average = weights(trainer)
        for update in range(1, 4):
            trainer.update()
            decay = min(0.5, (1 + update) / (10 + update))
            average = {name: decay * average[name] + (1 - decay) * value for name, value in weights(trainer).items()}
        own = weights(trainer)
        with trainer.evaluating() as policy:
            assert not policy.training
            for name, value in policy.state_dict().items():
                torch.testing.assert_close(value, average[name])
        assert trainer.policy.training
        assert_equal(weights(trainer), own)
        trainer.finish()
        torch.testing.assert_close(trainer.policy.state_dict(), average)

    def test_it_acts_in_fp32_and_trains_in_bf16(self, demos):
        trainer = trainer_of(demos, options(precision="bf16", gradient_checkpointing=True))
        trainer.update()
        with trainer.evaluating() as policy:
            assert (policy.precision, policy.gradient_checkpointing) == ("fp32", False)
        assert (trainer.policy.precision, trainer.policy.gradient_checkpointing) == ("bf16", True)


class TestNonFinite:
    def test_it_stops_before_the_weights_are_spoilt_and_names_the_ticks(self, demos):
        trainer = trainer_of(demos, options())
        trainer.update()
        with torch.no_grad():
            trainer.policy.pi_head.camera.linear_layer.bias[60] = math.nan
        before = weights(trainer)
        with pytest.raises(NonFiniteLossError, match=r"update 2: the loss is nan.*learning rate") as caught:
            trainer.update()
        source = trainer.dataset.sources[0]
        assert f"row 0: {source.path}, ticks {source.first_tick} to {source.last_tick}" in str(caught.value)
        assert source.last_tick - source.first_tick == 4
        after = weights(trainer)
        assert all(torch.equal(value, after[name]) for name, value in before.items() if value.isfinite().all())
        assert trainer.updates == 1

    def test_a_gradient_that_is_not_finite_stops_it_too(self, demos):
        trainer = trainer_of(demos, options())
        trainer.policy.net.final_ln.weight.register_hook(lambda gradient: gradient * math.inf)
        before = weights(trainer)
        with pytest.raises(NonFiniteLossError, match="update 1: the norm of the gradient is"):
            trainer.update()
        assert_equal(weights(trainer), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"seconds": 0.0}, "seconds is 0.0"),
        ({"ema": 1.0}, "ema is 1.0"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"max_grad_norm": -1.0}, "max_grad_norm is -1.0"),
        ({"warmup": -1}, "warmup is -1"),
        ({"join_segments": True}, r"order 'random'.*--train\.order carried"),
    ],
)
def test_options_out_of_range_are_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainArgs(**changes)


def test_memory_goes_through_the_segments_of_a_session_if_they_are_to_be_joined(tmp_path):
    for start in ("100000", "100001"):
        frames = [counter_frame(t, SIZE) for t in range(7)]
        write_recording(
            tmp_path / f"Player7-abc-20211003-{start}", [record(t, keys=["key.keyboard.w"]) for t in range(7)], frames
        )
    for joined, starts in ((False, [0, 7]), (True, [0])):
        args = options(order="carried", batch_size=1, seq_len=14, join_segments=joined)
        (first,) = make_dataset((tmp_path,), args, seed=0).next_batch().first
        assert first.nonzero().flatten().tolist() == starts


def test_the_training_ends_by_the_clock_or_by_the_updates(demos):
    trainer = trainer_of(demos, options(steps=4))
    while not trainer.finished:
        trainer.update()
    assert (trainer.updates, trainer.progress) == (4, 1.0)
    trainer = trainer_of(demos, options(steps=10**9, seconds=0.05))
    while not trainer.finished:
        trainer.update()
    assert trainer.seconds >= 0.05


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "bf16"},
        {"order": "carried", "kl_to_start": 1.0, "ema": 0.9, "optimizer": "adamw", "precision": "auto"},
    ],
    ids=["random", "bf16", "all options"],
)
def test_on_a_gpu_every_tensor_is_moved(demos, changes):
    with stand_in_device():
        args = options(**changes)
        trainer = BCTrainer(small_policy().to(STAND_IN), make_dataset((demos,), args, seed=0), args)
        here = trainer_of(demos, args)
        for _ in range(2):
            there, expected = trainer.update(), here.update()
            assert there["train/loss"] == pytest.approx(expected["train/loss"], rel=1e-2)
        trainer.load_state_dict(trainer.state_dict())
        trainer.update()
        with trainer.evaluating() as policy:
            assert all(on_stand_in(value) for value in policy.state_dict().values())
        trainer.finish()
        assert all(on_stand_in(value) for value in trainer.policy.state_dict().values())
