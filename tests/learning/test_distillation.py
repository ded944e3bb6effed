"""Distillation: the loss by hand, and what a student and its teacher saw against slow references."""

from __future__ import annotations

import math
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.support.numbered_demos import write_episodes
from tests.support.stand_in_device import STAND_IN, on_stand_in, stand_in_device
from vpt_gym import VPTAgent
from vpt_gym.actions.codec import code_space
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.heads import ChoicesDistribution
from vpt_gym.demos import DemoDataset
from vpt_gym.learning.acting_time import acting_seconds
from vpt_gym.learning.distillation import Agreement, Chunks, DemoReader, DistillationCollector, compare, minibatches
from vpt_gym.learning.losses import distillation_loss

SMALL = {"impala_width": 0.25, "n_recurrence_layers": 2, "timesteps": 16, "stem_pool": 8}
STUDENT = VPTConfig(hidsize=32, attention_heads=2, attention_memory_size=20, **SMALL)
TEACHER = VPTConfig(hidsize=48, attention_heads=3, attention_memory_size=24, **SMALL)
"""The two remember 3 and 7 frames."""


def agent(config: VPTConfig, seed: int) -> VPTAgent:
    made = VPTAgent.from_config(config, seed=seed)
    with torch.no_grad():  # fresh heads are nearly uniform, for every frame
        for head in (made.policy.pi_head.buttons, made.policy.pi_head.camera):
            head.linear_layer.weight.mul_(200.0)
    return made


@pytest.fixture
def student():
    return agent(STUDENT, 0)


@pytest.fixture
def teacher():
    return agent(TEACHER, 1)


def choices(*probabilities: list[float]) -> ChoicesDistribution:
    return ChoicesDistribution(tuple(torch.tensor([[p]]).log() for p in probabilities))


class ClockEnv(gym.Env):
    """Lasts ``length`` ticks; the frame shows episode and tick; the world keeps the executed codes."""

    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)
    action_space = code_space()

    def __init__(self, length: int, breaks: bool = False) -> None:
        self.length, self.breaks = length, breaks
        self.episode, self.executed = 0, []

    def frame(self):
        shade = np.add.outer(np.arange(128) * (3 + self.episode), np.arange(128) * (1 + self.tick))
        return np.repeat((shade % 256).astype(np.uint8)[:, :, None], 3, axis=2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.tick, self.episode = 0, self.episode + 1
        return self.frame(), {}

    def step(self, action):
        if self.breaks and self.tick == 2:
            return self.frame(), 0.0, False, True, {"success": False, "env_error": "the game ended"}
        self.tick += 1
        self.executed.append(np.asarray(action).tolist())
        over = self.tick == self.length
        return self.frame(), 0.0, over, False, {"success": over and self.episode % 2 == 1}


def collector(student, teacher, *lengths, chunk=4, mode=AutoresetMode.NEXT_STEP, **options):
    envs = SyncVectorEnv([lambda n=n: ClockEnv(n, **options) for n in lengths], autoreset_mode=mode)
    return DistillationCollector(student, teacher, envs, chunk=chunk, seed=0)


class TestLoss:
    def test_it_is_the_kl_from_teacher_to_student_by_hand(self):
        teacher, student = choices([0.5, 0.25, 0.25], [0.9, 0.1]), choices([0.25, 0.25, 0.5], [0.5, 0.5])
        by_hand = 0.5 * math.log(2) + 0.25 * math.log(0.5)
        by_hand += 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
        loss = distillation_loss(teacher, student, torch.ones(1, 1))
        assert loss.item() == pytest.approx(by_hand, rel=1e-6)
        assert distillation_loss(student, teacher, torch.ones(1, 1)).item() != pytest.approx(by_hand, rel=1e-2)
        assert distillation_loss(teacher, teacher, torch.ones(1, 1)).item() == 0.0

    def test_its_gradient_by_logit_is_the_students_probability_less_the_teachers(self):
        logits = torch.tensor([[[0.3, -0.2, 1.0]]], requires_grad=True)
        teacher = choices([0.5, 0.25, 0.25])
        distillation_loss(teacher, ChoicesDistribution((logits.log_softmax(-1),)), torch.ones(1, 1)).backward()
        torch.testing.assert_close(logits.grad, logits.softmax(-1).detach() - torch.tensor([[[0.5, 0.25, 0.25]]]))

    def test_a_tick_without_weight_does_not_count(self):
        both = [ChoicesDistribution((torch.randn(2, 3, 5).log_softmax(-1),)) for _ in range(2)]
        weight = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        expected = (both[0].choices[0][0, 0].exp() * (both[0].choices[0] - both[1].choices[0])[0, 0]).sum()
        torch.testing.assert_close(distillation_loss(*both, weight), expected)

    def test_agreement_by_hand(self):
        teacher, student = choices([0.5, 0.3, 0.2], [0.9, 0.1]), choices([0.2, 0.6, 0.2], [0.6, 0.4])
        ticks = compare(teacher, student)[0, 0]
        assert ticks[1].item() == pytest.approx((0.2 + 0.3 + 0.2) * (0.6 + 0.1))
        assert ticks[2:].tolist() == [0.0, 1.0]
        rows = torch.tensor([[1.0, 0.5, 0.0, 1.0], [3.0, 0.7, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0]])
        mean = Agreement.mean(rows, torch.tensor([1.0, 1.0, 0.0]))
        assert (mean.kl, mean.mode) == (2.0, (0.5, 1.0))
        assert mean.overlap == pytest.approx(0.6)


class TestCollector:
    def test_frames_starts_and_weights_belong_to_their_ticks(self, student, teacher):
        seen, _ = collector(student, teacher, 3, 5).collect(2, beta=0.0)
        assert seen.first.view(2, 8).int().tolist() == [[1, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 1, 0]]
        assert seen.weight.view(2, 8).tolist() == [[1, 1, 1, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 0, 1, 1]]
        clock = ClockEnv(5)
        clock.reset()
        frames = seen.frames.view(2, 8, 128, 128, 3)
        for tick in range(6):
            clock.tick = tick
            assert np.array_equal(frames[1, tick].numpy(), clock.frame())

    def test_the_teacher_follows_the_students_frames_with_its_own_memory(self, student, teacher):
        playing = collector(student, teacher, 3, 20)
        parts = [playing.collect(2, beta=0.0)[0] for _ in range(2)]  # episodes go on between two calls
        frames, first = (
            torch.cat([getattr(part, name).unflatten(0, (2, 2)).flatten(1, 2) for part in parts], 1)
            for name in ("frames", "first")
        )
        expected = teacher.policy(frames, first).pi.log_probs
        forgetful = teacher.policy(frames[:, 8:], first[:, 8:]).pi.log_probs
        for k, head in enumerate(expected):
            stored = torch.cat([part.teacher[k].unflatten(0, (2, 2)).flatten(1, 2) for part in parts], 1).float()
            torch.testing.assert_close(stored, head, atol=2e-2, rtol=2e-3)  # stored in half precision
            assert (forgetful[k][1, 0] - head[1, 8]).abs().max() > 0.5

    def test_a_chunk_starts_from_the_memory_that_the_student_had(self, student, teacher):
        seen, _ = collector(student, teacher, 6, 20).collect(4, beta=0.0)
        chunked = student.policy(seen.frames, seen.first, seen.memory).pi.buttons.view(2, 16, -1)
        frames, first = seen.frames.view(2, 16, 128, 128, 3), seen.first.view(2, 16)
        torch.testing.assert_close(chunked, student.policy(frames, first).pi.buttons, atol=1e-3, rtol=1e-3)

    @pytest.mark.parametrize("beta", [0.0, 1.0])
    def test_beta_chooses_who_acts(self, student, teacher, beta):
        with torch.no_grad():  # each always presses its own code
            student.policy.pi_head.buttons.linear_layer.bias[11] = 1e4
            teacher.policy.pi_head.buttons.linear_layer.bias[22] = 1e4
        playing = collector(student, teacher, 9, 9)
        playing.collect(1, beta=beta)
        for env in playing.envs.unwrapped.envs:
            assert {buttons for buttons, _ in env.unwrapped.executed} == {22 if beta else 11}

    def test_a_share_of_the_ticks_is_the_teachers(self, student, teacher):
        with torch.no_grad():
            student.policy.pi_head.buttons.linear_layer.bias[11] = 1e4
            teacher.policy.pi_head.buttons.linear_layer.bias[22] = 1e4
        playing = collector(student, teacher, *[99] * 8)
        playing.collect(5, beta=0.25)
        codes = [buttons for env in playing.envs.unwrapped.envs for buttons, _ in env.unwrapped.executed]
        assert 20 < codes.count(22) < 60  # of 160
        assert len({tuple(env.unwrapped.executed[t][0] for t in range(20)) for env in playing.envs.unwrapped.envs}) > 1

    def test_agreement_is_that_of_the_acting_student(self, student, teacher):
        seen, agreement = collector(student, teacher, 3, 20).collect(3, beta=0.0)
        output = student.policy(seen.frames, seen.first, seen.memory)
        assert agreement.kl == pytest.approx(distillation_loss(seen.pi, output.pi, seen.weight).item(), rel=1e-2)
        assert 0.0 <= agreement.overlap <= 1.0

    def test_a_step_in_which_the_game_failed_teaches_nothing(self, student, teacher):
        playing = collector(student, teacher, 9, chunk=6, breaks=True)
        seen, _ = playing.collect(1, beta=0.0)
        assert seen.weight.tolist() == [[1, 1, 0, 0, 1, 1]]
        assert playing.successes == []

    def test_successes_are_counted_once(self, student, teacher):
        playing = collector(student, teacher, 3)
        playing.collect(4, beta=0.0)
        assert playing.successes == [True, False, True, False]
        assert playing.started == [5]  # the last step was a reset

    def test_it_is_reproducible(self, teacher):
        one, other = (collector(agent(STUDENT, 0), teacher, 5, 7).collect(2, beta=0.5)[0] for _ in range(2))
        assert torch.equal(one.frames, other.frames)
        assert torch.equal(one.teacher[0], other.teacher[0])

    def test_what_cannot_work_is_refused(self, student, teacher):
        with pytest.raises(ValueError, match="NEXT_STEP"):
            collector(student, teacher, 3, mode=AutoresetMode.SAME_STEP)
        with pytest.raises(ValueError, match="chunk is 0"):
            collector(student, teacher, 3, chunk=0)
        with pytest.raises(ValueError, match=r"beta is 1\.5"):
            collector(student, teacher, 3).collect(1, beta=1.5)
        other = VPTAgent(student.policy.with_action_space(gym.spaces.Discrete(4)))
        with pytest.raises(ValueError, match=r"teacher has action_sizes=None, the student \(4,\)"):
            collector(other, teacher, 3)


def contents(parts: list[Chunks]) -> list[tuple[float, ...]]:
    """The frames, the teacher and the memory of each chunk as three sums, sorted."""
    return sorted(
        (part.frames[row].sum().item(), part.teacher[1][row].float().sum().item(), part.memory.keys[row].sum().item())
        for part in parts
        for row in range(len(part))
    )


class TestMinibatches:
    def test_each_chunk_comes_once_with_its_own_memory(self, student, teacher):
        playing = collector(student, teacher, 3, 20)
        parts = [playing.collect(2, beta=0.0)[0], playing.collect(1, beta=0.0)[0]]
        found = list(minibatches(parts, 4, torch.Generator().manual_seed(0)))
        assert [len(part) for part in found] == [4, 2]
        assert contents(found) == contents(parts)
        for part in found:
            output = student.policy(part.frames, part.first, part.memory)
            loss = distillation_loss(part.pi, output.pi, part.weight)
            loss.backward()
            assert torch.isfinite(loss)


class TestDemos:
    def test_memories_are_carried_from_batch_to_batch(self, tmp_path: Path, student, teacher):
        write_episodes(tmp_path, [10, 13])
        options = {"seq_len": 4, "batch_size": 2, "drop_null": False}
        read = DemoReader(student, teacher, DemoDataset(tmp_path, **options)).read(4)
        dataset = DemoDataset(tmp_path, **options)
        batches = [dataset.next_batch() for _ in range(4)]
        frames, first = (torch.cat([getattr(batch, name) for batch in batches], 1) for name in ("frames", "first"))
        expected = teacher.policy(frames, first).pi.buttons
        stored = torch.cat([part.teacher[0] for part in read], 1).float()
        torch.testing.assert_close(stored, expected, atol=2e-2, rtol=2e-3)
        chunked = torch.cat([student.policy(part.frames, part.first, part.memory).pi.buttons for part in read], 1)
        torch.testing.assert_close(chunked, student.policy(frames, first).pi.buttons, atol=1e-3, rtol=1e-3)
        assert all(isinstance(part, Chunks) and part.weight.all() for part in read)

    def test_random_chunks_are_refused(self, tmp_path: Path, student, teacher):
        write_episodes(tmp_path, [10])
        with pytest.raises(ValueError, match="order='random'"):
            DemoReader(student, teacher, DemoDataset(tmp_path, seq_len=4, batch_size=2, order="random"))


def test_the_time_for_an_action_is_measured_for_each_agent(student, teacher):
    seconds = acting_seconds({"teacher": teacher, "student": student}, np.zeros((128, 128, 3), np.uint8), calls=3)
    assert set(seconds) == {"teacher", "student"}
    assert all(value > 0 for value in seconds.values())
    assert student.memory is None
    with pytest.raises(ValueError, match="calls is 0"):
        acting_seconds({}, np.zeros((128, 128, 3), np.uint8), calls=0)


def test_it_works_off_the_cpu(tmp_path: Path):
    write_episodes(tmp_path, [10])
    with stand_in_device():
        student, teacher = (VPTAgent(agent(config, 0).policy, device=STAND_IN) for config in (STUDENT, TEACHER))
        seen, agreement = collector(student, teacher, 3, 20).collect(2, beta=0.5)
        read = DemoReader(student, teacher, DemoDataset(tmp_path, seq_len=4, batch_size=1)).read(2)
        assert not on_stand_in(seen.frames), "what is kept for later is kept outside the device's memory"
        optimizer = torch.optim.AdamW(student.policy.parameters(), lr=1e-3)
        for batch in minibatches([seen, *read], 3, torch.Generator().manual_seed(0)):
            part = batch.to(STAND_IN)
            output = student.policy(part.frames, part.first, part.memory)
            loss = distillation_loss(part.pi, output.pi, part.weight)
            assert on_stand_in(loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        collector(student, teacher, 3).collect(1, beta=0.0)
    assert agreement.kl > 0


def test_labels_are_drawn_for_the_ticks_that_count(student):
    certain = torch.full((2, 3, 4), -50.0)
    certain.scatter_(2, torch.tensor([[[0], [1], [2]], [[3], [0], [1]]]), 0.0)
    weight, first = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), torch.zeros(2, 3, dtype=torch.bool)
    chunks = Chunks(torch.zeros(2, 3), first, weight, (certain,), student.policy.initial_memory(2))
    assert chunks.labels(torch.Generator()).tolist() == [[0], [2], [0], [1]]
