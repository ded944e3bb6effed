from __future__ import annotations

import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch

from tests.support.vpt_goldens import arrays, procedural_frames, procedural_policy, tiny_policy
from vpt_gym.agents.engine import ActingEngine, EnginePrecision, available_precisions
from vpt_gym.agents.engine.engine import ONE_THREAD
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.heads import ChoicesDistribution
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory

EXACT = 1e-4
"""Between log-probabilities of the policy and of the engine in fp32, where norms are well conditioned."""
GOLDEN = {"tiny": 5e-3, "small": 1e-3, "1x": 1e-3}
"""Between log-probabilities of the published code and of the engine in fp32; as for the policy itself."""
KL = {"bf16": 5e-3, "int8": 1.5e-2}
"""Mean over frames, in nats, from the published code to the engine."""
AGREEMENT = 0.85
"""Share of frames with the same most probable choice; the nets are random, and many choices are nearly even."""
MINI = VPTConfig(
    hidsize=32,
    attention_heads=4,
    impala_width=1,
    impala_chans=(8, 8, 8),
    n_recurrence_layers=2,
    attention_memory_size=9,
    timesteps=4,
    stem_pool=8,
)
"""M = 5: a few ticks fill the ring."""

PRECISIONS = pytest.mark.parametrize(
    "precision",
    [
        pytest.param(name, marks=pytest.mark.skipif(name not in available_precisions(), reason="no instructions"))
        for name in ("fp32", "bf16", "int8")
    ],
)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def mini_policy(config: VPTConfig = MINI, seed: int = 0) -> VPTPolicy:
    torch.manual_seed(seed)
    policy = VPTPolicy(config).eval()
    for name, parameter in policy.named_parameters():
        if name.endswith("bias") and parameter.requires_grad:  # so that an omitted bias is noticed
            torch.nn.init.normal_(parameter, std=0.2)
    return policy


def sequence(streams: int, steps: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise, and episodes that begin at different ticks in different streams."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (streams, steps, 128, 128, 3), dtype=torch.uint8, generator=generator)
    first = torch.rand(streams, steps, generator=generator) < 0.1
    first[:, 0] = True
    return frames, first


def play(engine: ActingEngine, frames: torch.Tensor, first: torch.Tensor) -> dict[str, torch.Tensor]:
    outputs = [engine.step(frames[:, t], first[:, t], value=True) for t in range(frames.shape[1])]
    return {
        "buttons": torch.stack([out.pi.buttons for out in outputs], 1),
        "camera": torch.stack([out.pi.camera for out in outputs], 1),
        "value": torch.stack([out.value for out in outputs], 1),
    }


def assert_same(played: dict[str, torch.Tensor], other: dict[str, torch.Tensor], atol: float) -> None:
    for name, tensor in played.items():
        torch.testing.assert_close(
            tensor, other[name], rtol=0, atol=atol, msg=lambda text, name=name: f"{name}: {text}"
        )


def from_policy(policy: VPTPolicy, frames: torch.Tensor, first: torch.Tensor) -> tuple[dict[str, torch.Tensor], Memory]:
    with torch.no_grad():
        out = policy(frames, first)
    return {"buttons": out.pi.buttons, "camera": out.pi.camera, "value": out.value}, out.memory


def published(name: str) -> tuple[VPTPolicy, torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    """A golden net, its frames and ``first``, and the output of the published code frame by frame."""
    if name == "tiny":
        data, golden, prefix = arrays("tiny_frames"), arrays("tiny_golden"), "b"
        policy, frames, first = tiny_policy(), torch.from_numpy(data["frames"]), torch.from_numpy(data["first"])
    else:
        golden, prefix = arrays(f"proc_{name}"), "step"
        policy, frames, first = procedural_policy(name), procedural_frames(name), torch.from_numpy(golden["first"])
    if name == "1x":
        times, buttons = golden["buttons_t"], golden["step_buttons"]
    else:
        times, buttons = np.arange(0, first.shape[1], 8), golden[f"{prefix}_buttons_every8"]
    argmax = golden["b_argmax_buttons" if name == "tiny" else "step_buttons_argmax"]
    expected = {
        "times": torch.from_numpy(times),
        "buttons": torch.from_numpy(buttons).flatten(2),
        "camera": torch.from_numpy(golden[f"{prefix}_camera"]).flatten(2),
        "value": torch.from_numpy(golden[f"{prefix}_vpred"]).squeeze(-1),
        "argmax": torch.from_numpy(argmax).squeeze(-1),
    }
    return policy.eval(), frames, first, expected


@PRECISIONS
@pytest.mark.parametrize("name", ["tiny", "small", pytest.param("1x", marks=pytest.mark.slow)])
def test_engine_keeps_the_published_policy_within_the_tolerance_of_its_precision(
    name: str, precision: EnginePrecision
) -> None:
    policy, frames, first, expected = published(name)
    played = play(ActingEngine(policy, len(frames), precision=precision), frames, first)
    buttons = played["buttons"][:, expected["times"]]
    if precision == "fp32":
        found = {"buttons": buttons, "camera": played["camera"], "value": played["value"]}
        assert_same(found, expected, GOLDEN[name])
        assert torch.equal(played["buttons"].argmax(-1), expected["argmax"])
        return
    terms = [(expected["buttons"].double(), buttons), (expected["camera"].double(), played["camera"])]
    divergence = sum(float((p.exp() * (p - q)).sum(-1).mean()) for p, q in terms)
    assert 0 < divergence < KL[precision]
    for head, golden in (("buttons", expected["argmax"]), ("camera", expected["camera"].argmax(-1))):
        assert (played[head].argmax(-1) == golden).double().mean() >= AGREEMENT


def test_fp32_engine_is_the_policy_through_300_ticks_with_episodes_that_begin_anywhere() -> None:
    policy = mini_policy()
    frames, first = sequence(streams=3, steps=300)
    engine = ActingEngine(policy, 3)
    expected, memory = from_policy(policy, frames, first)
    assert_same(play(engine, frames, first), expected, EXACT)
    assert torch.equal(engine.memory.valid, memory.valid)
    seen = memory.valid[:, None, :, None]
    torch.testing.assert_close(engine.memory.keys * seen, memory.keys * seen, rtol=0, atol=EXACT)
    torch.testing.assert_close(engine.memory.values * seen, memory.values * seen, rtol=0, atol=EXACT)


@PRECISIONS
def test_what_a_stream_gets_does_not_depend_on_the_others(precision: EnginePrecision) -> None:
    policy = mini_policy()
    frames, first = sequence(streams=4, steps=12)
    batch = play(ActingEngine(policy, 4, precision=precision), frames, first)
    for stream in range(4):
        row = slice(stream, stream + 1)
        alone = play(ActingEngine(policy, 1, precision=precision), frames[row], first[row])
        assert_same(alone, {name: tensor[row] for name, tensor in batch.items()}, EXACT)


@PRECISIONS
def test_nothing_drifts(precision: EnginePrecision) -> None:
    policy = mini_policy()
    frames, first = sequence(streams=1, steps=300)
    first[:, 1:] = False
    long = ActingEngine(policy, precision=precision)
    played = play(long, frames, first)
    again = ActingEngine(policy, precision=precision)
    # Frames more than 2 blocks of M - 1 frames ago cannot matter.
    later = play(again, frames[:, 280:], first[:, 280:])
    assert_same({k: v[:, 10:] for k, v in later.items()}, {k: v[:, 290:] for k, v in played.items()}, EXACT)


@PRECISIONS
def test_autocast_around_it_changes_nothing(precision: EnginePrecision) -> None:
    policy = mini_policy()
    frames, first = sequence(streams=2, steps=6)
    expected = play(ActingEngine(policy, 2, precision=precision), frames, first)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # as around the training step of many trainers
        found = play(ActingEngine(policy, 2, precision=precision), frames, first)
    assert_same(found, expected, 0.0)


@PRECISIONS
@pytest.mark.parametrize("at", [1, 3, 4, 5, 6, 13])
def test_memory_saved_in_an_episode_and_restored_continues_it(precision: EnginePrecision, at: int) -> None:
    policy = mini_policy()
    frames, first = sequence(streams=2, steps=20)
    engine = ActingEngine(policy, 2, precision=precision)
    play(engine, frames[:, :at], first[:, :at])
    memory = engine.memory
    expected = play(engine, frames[:, at:], first[:, at:])
    kept = memory.clone()
    other = ActingEngine(policy, 2, precision=precision)
    play(other, frames[:, 11:], first[:, 11:])
    for restored in (engine, other):
        restored.memory = memory
        assert torch.equal(restored.memory.keys, kept.keys)
        assert torch.equal(restored.memory.values, kept.values)
        assert torch.equal(restored.memory.valid, kept.valid)
        assert_same(play(restored, frames[:, at:], first[:, at:]), expected, EXACT)
    assert torch.equal(memory.keys, kept.keys)  # a copy, which later ticks do not change


def test_memory_goes_from_the_policy_to_the_engine_and_back() -> None:
    policy = mini_policy()
    frames, first = sequence(streams=2, steps=21)
    expected, _ = from_policy(policy, frames, first)
    with torch.no_grad():
        head = policy(frames[:, :7], first[:, :7])
        engine = ActingEngine(policy, 2)
        engine.memory = head.memory
        middle = play(engine, frames[:, 7:14], first[:, 7:14])
        tail = policy(frames[:, 14:], first[:, 14:], engine.memory)
    assert_same(middle, {name: tensor[:, 7:14] for name, tensor in expected.items()}, EXACT)
    torch.testing.assert_close(tail.pi.buttons, expected["buttons"][:, 14:], rtol=0, atol=EXACT)


def test_memory_and_probabilities_of_an_engine_may_take_part_in_training() -> None:
    policy = mini_policy()
    frames, first = sequence(streams=2, steps=9)
    engine = ActingEngine(policy, 2)
    played = play(engine, frames[:, :6], first[:, :6])
    output = policy(frames[:, 6:], first[:, 6:], engine.memory)
    target = played["camera"][:, :3]
    loss = (output.pi.camera * target.exp()).sum() + (output.value * played["value"][:, :3]).sum()
    loss.backward()
    assert policy.net.final_ln.weight.grad is not None


def test_reset_forgets_the_marked_streams_only() -> None:
    policy = mini_policy()
    frames, first = sequence(streams=3, steps=16)
    first[:, 1:] = False
    engine = ActingEngine(policy, 3)
    play(engine, frames[:, :9], first[:, :9])
    engine.reset(torch.tensor([False, True, False]))
    assert engine.memory.valid.any(1).tolist() == [True, False, True]
    reset = first.clone()
    reset[1, 9] = True
    expected, _ = from_policy(policy, frames, reset)
    assert_same(
        play(engine, frames[:, 9:], first[:, 9:]), {name: tensor[:, 9:] for name, tensor in expected.items()}, EXACT
    )
    engine.reset()
    assert not engine.memory.valid.any()
    anew, _ = from_policy(policy, frames, first)
    assert_same(play(engine, frames, first), anew, EXACT)


@PRECISIONS
@pytest.mark.parametrize("rows", [[2], [3, 0], [1, 2, 3]])
def test_streams_that_are_kept_continue_as_before(precision: EnginePrecision, rows: list[int]) -> None:
    policy = mini_policy()
    frames, first = sequence(streams=4, steps=18)
    expected = play(ActingEngine(policy, 4, precision=precision), frames, first)
    engine = ActingEngine(policy, 4, precision=precision)
    play(engine, frames[:, :7], first[:, :7])
    before = engine.memory
    engine.keep(rows)
    assert engine.batch_size == len(rows)
    assert torch.equal(engine.memory.keys, before.keys[rows])
    assert torch.equal(engine.memory.valid, before.valid[rows])
    rest = play(engine, frames[rows, 7:], first[rows, 7:])
    assert_same(rest, {name: tensor[rows, 7:] for name, tensor in expected.items()}, EXACT)
    with pytest.raises(ValueError, match="rows must be different numbers"):
        engine.keep([len(rows)])


def test_a_stream_recovers_by_reset_from_a_memory_that_is_not_finite() -> None:
    policy = mini_policy()
    frames, first = sequence(streams=2, steps=6)
    engine = ActingEngine(policy, 2)
    play(engine, frames, first)
    memory = engine.memory
    memory.values[1] = torch.nan
    engine.memory = memory
    assert not engine.step(frames[:, 0], torch.tensor([False, False])).pi.camera.isfinite().all(-1)[1]
    engine.reset(torch.tensor([False, True]))
    assert engine.step(frames[:, 0], torch.tensor([False, True])).pi.camera.isfinite().all()


@pytest.mark.parametrize("context", [1, 2])
def test_the_shortest_memories(context: int) -> None:
    policy = mini_policy(VPTConfig(**{**vars(MINI), "attention_memory_size": MINI.timesteps + context}))
    frames, first = sequence(streams=2, steps=8)
    engine = ActingEngine(policy, 2)
    expected, memory = from_policy(policy, frames, first)
    assert_same(play(engine, frames[:, :5], first[:, :5]), {k: v[:, :5] for k, v in expected.items()}, EXACT)
    saved = engine.memory
    assert saved.keys.shape == memory.keys.shape
    engine.memory = saved
    assert_same(play(engine, frames[:, 5:], first[:, 5:]), {k: v[:, 5:] for k, v in expected.items()}, EXACT)


def test_other_action_spaces_have_their_own_distribution() -> None:
    policy = mini_policy().with_action_space(gym.spaces.MultiDiscrete([3, 7])).eval()
    frames, first = sequence(streams=2, steps=4)
    engine = ActingEngine(policy, 2)
    with torch.no_grad():
        expected = policy(frames, first).pi
    for t in range(4):
        pi = engine.step(frames[:, t], first[:, t]).pi
        assert isinstance(pi, ChoicesDistribution)
        for mine, theirs in zip(pi.log_probs, expected.log_probs, strict=True):
            torch.testing.assert_close(mine, theirs[:, t], rtol=0, atol=EXACT)


def test_value_is_computed_only_when_asked_and_inputs_are_left_alone() -> None:
    frames, first = sequence(streams=1, steps=1)
    engine = ActingEngine(mini_policy())
    before = frames.clone()
    first_out = engine.step(frames[:, 0], first[:, 0])
    kept = first_out.pi.buttons.clone()
    assert first_out.value is None
    assert engine.step(frames[:, 0], ~first[:, 0], value=True).value.shape == (1,)
    assert torch.equal(first_out.pi.buttons, kept)
    assert torch.equal(frames, before)


def test_stale_says_that_the_weights_were_changed() -> None:
    policy = mini_policy()
    engine = ActingEngine(policy)
    assert not engine.stale
    engine.step(*(x[:, 0] for x in sequence(1, 1)))
    assert not engine.stale
    optimizer = torch.optim.Adam(policy.parameters())
    frames, first = sequence(1, 2)
    policy(frames, first).pi.buttons[..., 0].mean().backward()
    optimizer.step()
    assert engine.stale
    assert not ActingEngine(policy).stale
    engine = ActingEngine(policy)
    policy.load_state_dict(mini_policy(seed=5).state_dict())
    assert engine.stale
    engine = ActingEngine(policy)
    policy.value_head.linear.bias.data.add_(1.0)  # PyTorch does not count changes through .data
    assert engine.stale


def test_training_of_the_policy_leaves_the_engine_as_it_was_packed() -> None:
    policy = mini_policy()
    frames, first = sequence(streams=1, steps=6)
    expected, _ = from_policy(policy, frames, first)
    engine = ActingEngine(policy)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(1.0)
    assert_same(play(engine, frames, first), expected, EXACT)


def test_packing_leaves_the_choice_of_quantised_back_end_alone_and_warns_of_nothing() -> None:
    engines = torch.backends.quantized.supported_engines
    chosen = torch.backends.quantized.engine
    other = next(name for name in engines if name not in ("none", "fbgemm", chosen))
    torch.backends.quantized.engine = other
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for precision in available_precisions():
                ActingEngine(mini_policy(), precision=precision)
        assert torch.backends.quantized.engine == other
    finally:
        torch.backends.quantized.engine = chosen


def test_bad_arguments_are_named() -> None:
    policy = mini_policy()
    with pytest.raises(ValueError, match="batch_size must be a positive integer, got 0"):
        ActingEngine(policy, 0)
    with pytest.raises(ValueError, match="precision must be one of 'fp32', 'bf16', 'int8', got 'fp8'"):
        ActingEngine(policy, precision="fp8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"float32, this one has torch.float64: use policy.float\(\)"):
        ActingEngine(mini_policy().double())
    with pytest.raises(ValueError, match="compile=True is for CUDA devices"):
        ActingEngine(policy, compile=True)
    with pytest.raises(ValueError, match="needs a CPU or a CUDA device; run the policy itself"):
        ActingEngine(VPTPolicy(MINI).to("meta"))
    engine = ActingEngine(policy, 2)
    frames, first = sequence(2, 1)
    frames, first = frames[:, 0], first[:, 0]
    with pytest.raises(ValueError, match=r"frames must be uint8 \(2, 128, 128, 3\), got torch.float32"):
        engine.step(frames.float(), first)
    with pytest.raises(ValueError, match=r"frames must be uint8 .* got torch.uint8 \(1, 128, 128, 3\)"):
        engine.step(frames[:1], first)
    with pytest.raises(ValueError, match=r"first must be bool \(2,\), got torch.uint8"):
        engine.step(frames, first.to(torch.uint8))
    with pytest.raises(ValueError, match=r"mask must be bool \(2,\), got torch.bool \(3,\)"):
        engine.reset(torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"keys of the shape \(2, 2, 4, 32\) are needed, got \(3, 2, 4, 32\)"):
        engine.memory = policy.initial_memory(3)


@pytest.mark.parametrize(("streams", "threads"), [(1, 1), (ONE_THREAD // 2048, 1), (ONE_THREAD // 2048 + 1, 2)])
def test_a_small_step_runs_on_one_thread_and_returns_the_callers_number(
    streams: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest activation of ``MINI`` has 8 × 16 × 16 = 2,048 numbers for each stream."""
    torch.set_num_threads(2)
    engine, used = ActingEngine(mini_policy(), streams), []
    step = engine._step

    def watched(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        used.append(torch.get_num_threads())
        return step(*inputs)

    def failing(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        raise RuntimeError("in the step")

    frames, first = sequence(streams, 1)
    monkeypatch.setattr(engine, "_step", watched)
    engine.step(frames[:, 0], first[:, 0])
    assert (used, torch.get_num_threads()) == ([threads], 2)
    monkeypatch.setattr(engine, "_step", failing)
    with pytest.raises(RuntimeError, match="in the step"):
        engine.step(frames[:, 0], first[:, 0])
    assert torch.get_num_threads() == 2
