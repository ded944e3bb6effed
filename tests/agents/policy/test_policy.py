from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vpt_goldens import (
    arrays,
    config_of,
    facts,
    procedural_frames,
    procedural_policy,
    procedural_weight,
    run_chunks,
    tiny_policy,
)
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.heads import ActionDistribution, CategoricalHead, ValueHead
from vpt_gym.agents.policy.image_network import ImageNorm
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory, by_key, visibility

EXACT = 1e-9
TOLERANCE = {"tiny": 5e-3, "small": 1e-3, "1x": 1e-3}
"""Between two fp32 implementations; the tiny net has 4-channel norms on images of low contrast."""


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tiny_sequence(first: str = "first") -> tuple[torch.Tensor, torch.Tensor]:
    data = arrays("tiny_frames")
    return torch.from_numpy(data["frames"]), torch.from_numpy(data[first])


def only_at_chunk_starts(first: torch.Tensor, chunk: int) -> torch.Tensor:
    """The values of ``first`` that the published code reads when it gets chunks of this length."""
    seen = first.clone().view(first.shape[0], -1, chunk)
    seen[:, :, 1:] = False
    return seen.view(first.shape)


def close(actual: np.ndarray, golden: np.ndarray, atol: float) -> None:
    np.testing.assert_allclose(actual, golden.reshape(actual.shape), rtol=0, atol=atol)


IRREGULAR = arrays("tiny_frames")["irregular_chunks"].tolist()
CUTS = {"steps": [1] * 48, "chunks of 8": [8] * 6, "whole": [48], "irregular": IRREGULAR}


def test_the_temperature_of_a_head_divides_its_logits() -> None:
    head, latent = CategoricalHead(32, 50, 3.0), torch.randn(2, 5, 32, requires_grad=True)
    torch.nn.init.normal_(head.linear_layer.bias)
    inputs = [latent, *head.parameters()]
    ours, expected = head(latent), (head.linear_layer(latent) / 3.0).log_softmax(-1)
    torch.testing.assert_close(ours, expected)
    ours, expected = (torch.autograd.grad(x[..., 7].sum(), inputs) for x in (ours, expected))
    for mine, theirs in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_tiny_net_matches_the_published_one_with_first_at_every_frame(cut: str, dtype: torch.dtype) -> None:
    frames, first = tiny_sequence()
    golden, golden64 = arrays("tiny_golden"), arrays("tiny_golden_f64")
    out, parts = run_chunks(tiny_policy(dtype), frames, first, CUTS[cut])
    if dtype == torch.float64:
        close(out["buttons"][..., golden64["sel_buttons"]], golden64["b_buttons_sel"], EXACT)
        close(out["camera"], golden64["b_camera"], EXACT)
        close(out["vpred"], golden64["b_vpred"], EXACT)
        assert_memory(parts[-1].memory, golden64, "b_state{}_", EXACT)
    else:
        atol = TOLERANCE["tiny"]
        close(out["buttons"][:, ::8], golden["b_buttons_every8"], atol)
        close(out["camera"], golden["b_camera"], atol)
        close(out["vpred"], golden["b_vpred"], atol)
        assert_memory(parts[-1].memory, golden, "b_state_final_layer{}_", atol)
    assert np.array_equal(out["buttons"].argmax(-1), golden["b_argmax_buttons"][..., 0])
    assert np.array_equal(out["camera"].argmax(-1), golden["b_argmax_camera"][..., 0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_tiny_net_matches_the_published_chunks_where_first_is_only_at_their_start(dtype: torch.dtype) -> None:
    frames, first = tiny_sequence()
    golden, golden64 = arrays("tiny_golden"), arrays("tiny_golden_f64")
    out, parts = run_chunks(tiny_policy(dtype), frames, only_at_chunk_starts(first, 8), [8] * 6)
    if dtype == torch.float64:
        close(out["buttons"][..., golden64["sel_buttons"]], golden64["a_buttons_sel"], EXACT)
        close(out["camera"], golden64["a_camera"], EXACT)
        close(out["vpred"], golden64["a_vpred"], EXACT)
        assert_memory(parts[-1].memory, golden64, "a_state{}_", EXACT)
    else:
        atol = TOLERANCE["tiny"]
        close(out["buttons"][..., golden["sel_buttons"]], golden["a_buttons_sel"], atol)
        close(out["buttons"][:, ::8], golden["a_buttons_every8"], atol)
        close(out["camera"], golden["a_camera"], atol)
        close(out["vpred"], golden["a_vpred"], atol)
        for chunk, part in enumerate(parts):
            assert_memory(part.memory, golden, f"a_state_after_chunk{chunk}_layer{{}}_", atol)


@pytest.mark.parametrize(
    ("golden", "first", "chunks"),
    [
        ("x_chunk_aligned", "first_aligned", [8] * 6),
        ("x_step_aligned", "first_aligned", [1] * 48),
        ("x_one_nofirst", None, [48]),
        ("x_step_nofirst", None, [1] * 48),
        ("x_irr", "first_irregular", IRREGULAR),
        ("x_step_irr", "first_irregular", [1] * 48),
    ],
)
def test_tiny_net_matches_the_published_one_however_the_sequence_is_cut(
    golden: str, first: str | None, chunks: list[int]
) -> None:
    frames, marks = tiny_sequence(first or "first")
    data = arrays("tiny_golden")
    out, _ = run_chunks(tiny_policy(), frames, marks if first else torch.zeros_like(marks), chunks)
    atol = TOLERANCE["tiny"]
    close(out["camera"], data[f"{golden}_camera"], atol)
    close(out["vpred"], data[f"{golden}_vpred"], atol)
    close(out["buttons"][..., data["sel_buttons"]], data[f"{golden}_buttons_sel"], atol)
    assert np.array_equal(out["buttons"].argmax(-1), data[f"{golden}_buttons_argmax"][..., 0])


def assert_memory(memory: Memory, golden: dict[str, np.ndarray], pattern: str, atol: float) -> None:
    """Compares with the published state, whose row 0 can never be attended to and is not kept."""
    valid = memory.valid.numpy()
    for layer in range(memory.keys.shape[1]):
        name = pattern.format(layer)
        assert np.array_equal(valid, golden[f"{name}mask"][:, 0, 1:])
        close(memory.keys[:, layer].numpy(), golden[f"{name}K"][:, 1:], atol)
        close(memory.values[:, layer].numpy(), golden[f"{name}V"][:, 1:], atol)


def test_memory_of_the_tiny_net_matches_the_published_one_step_by_step() -> None:
    frames, first = tiny_sequence()
    golden = arrays("tiny_golden")
    _, outputs = run_chunks(tiny_policy(), frames, first, [1] * 48)
    for t in (0, 4, 11, 16, 30):
        assert_memory(outputs[t].memory, golden, f"b_state_after_t{t}_layer{{}}_", TOLERANCE["tiny"])
    history = np.stack([out.memory.valid.numpy() for out in outputs])
    assert np.array_equal(history, golden["b_mask_history"][:, 0, :, 0, 1:])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("cut", ["steps", "chunks"])
def test_small_net_matches_the_published_one(cut: str, dtype: torch.dtype) -> None:
    golden = arrays("proc_small")
    frames, first = procedural_frames("small"), torch.from_numpy(golden["first"])
    chunks = golden["chunks"].tolist() if cut == "chunks" else [1] * 40
    out, parts = run_chunks(procedural_policy("small", dtype), frames, first, chunks)
    atol = EXACT if dtype == torch.float64 else TOLERANCE["small"]
    close(out["camera"], golden["f64_camera"], atol)
    close(out["vpred"], golden["f64_vpred"], atol)
    close(out["buttons"][..., golden["sel_buttons"]], golden["f64_buttons_sel"], atol)
    assert np.array_equal(out["buttons"].argmax(-1), golden["f64_buttons_argmax"][..., 0])
    if dtype == torch.float32:
        close(out["camera"], golden["step_camera"], atol)
        close(out["buttons"][:, ::8], golden["step_buttons_every8"], atol)
        memory = parts[-1].memory
        for layer in range(3):
            assert np.array_equal(memory.valid.numpy(), golden[f"step_state{layer}_mask"][:, 0, 1:])
            close(memory.keys[:, layer, -2:].numpy(), golden[f"step_state{layer}_K_last2"], atol)
            close(memory.values[:, layer, -2:].numpy(), golden[f"step_state{layer}_V_last2"], atol)


@pytest.mark.slow
def test_1x_net_matches_the_published_one_past_its_full_memory() -> None:
    golden = arrays("proc_1x")
    policy, frames = procedural_policy("1x"), procedural_frames("1x")
    atol = TOLERANCE["1x"]
    out, parts = run_chunks(policy, frames, torch.from_numpy(golden["first"]), golden["chunks"].tolist())
    close(out["buttons"][:, golden["buttons_t"]], golden["step_buttons"], atol)
    close(out["camera"], golden["step_camera"], atol)
    close(out["camera"], golden["chunk_camera"], atol)
    close(out["vpred"], golden["step_vpred"], atol)
    close(out["buttons"].sum(-1, dtype=np.float64), golden["step_buttons_sum"], 1.0)
    close(out["buttons"][..., golden["sel_buttons"]], golden["f64_buttons_sel"], atol)
    close(out["camera"], golden["f64_camera"], atol)
    assert np.array_equal(out["buttons"].argmax(-1), golden["f64_buttons_argmax"][..., 0])
    denormalised = policy.value_head.denormalise(torch.from_numpy(out["vpred"])).numpy()
    close(denormalised, golden["step_vpred_denorm"], 10 * atol)
    for layer in range(4):
        assert np.array_equal(parts[-1].memory.valid.numpy(), golden[f"step_state{layer}_mask"][:, 0, 1:])
        close(parts[-1].memory.keys[:, layer, -2:].numpy(), golden[f"step_state{layer}_K_last2"], atol)

    # A new episode at frame 100, the start of the third chunk: only frames from there on differ.
    memory = parts[1].memory
    with torch.no_grad():
        again = policy(frames[:, 100:], torch.from_numpy(golden["first2"])[:, 100:], memory)
    close(again.pi.camera.numpy(), golden["chunk_first2_camera"][:, 100:], atol)
    close(again.value.numpy(), golden["chunk_first2_vpred"][:, 100:], atol)
    assert np.abs(again.pi.camera.numpy() - out["camera"][:, 100:]).max() > 0.1


def test_1x_net_in_float64_is_exact() -> None:
    golden = arrays("proc_1x")
    steps = 6
    frames, first = procedural_frames("1x")[:, :steps], torch.from_numpy(golden["first"])[:, :steps]
    out, _ = run_chunks(procedural_policy("1x", torch.float64), frames, first, [4, 2])
    close(out["camera"], golden["f64_camera"][:, :steps], EXACT)
    close(out["vpred"], golden["f64_vpred"][:, :steps], EXACT)
    close(out["buttons"][..., golden["sel_buttons"]], golden["f64_buttons_sel"][:, :steps], EXACT)


def test_every_layer_matches_inside() -> None:
    golden = arrays("tiny_internals")
    policy = tiny_policy()
    frames, first = tiny_sequence()
    first = only_at_chunk_starts(first, 8)
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str):
        def hook(_module: object, _inputs: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
            seen[name] = output[0] if isinstance(output, tuple) else output

        return hook

    for name, module in policy.named_modules():
        module.register_forward_hook(keep(name))
    run_chunks(policy, frames[:, :24], first[:, :24], [8, 8, 8])

    def compare(name: str, module: str, relu: bool = False) -> None:
        value = seen[module].detach()
        value = value.relu() if relu else value
        value = value.unflatten(0, (2, 8)) if value.shape[0] == 16 else value
        expected = golden[name]
        if expected.ndim == 4:  # of the images, the first two frames of the first stream
            value = value[0, :2]
        np.testing.assert_allclose(value.numpy(), expected, atol=5e-3, rtol=0, err_msg=name)

    cnn = "net.img_process.cnn"
    compare(f"{cnn}.stacks.0.firstconv", f"{cnn}.stacks.0.firstconv", relu=True)
    for name in (f"{cnn}.stacks.0.n", f"{cnn}.stacks.0.blocks.0", *(f"{cnn}.stacks.{i}" for i in range(3))):
        compare(name, name)
    compare(f"{cnn}.dense", f"{cnn}.dense")
    compare("net.img_process.linear", "net.img_process.linear")
    block = "net.recurrent_layer.blocks.0"
    for name in ("pre_r_ln", "mlp0", "mlp1"):
        compare(f"{block}.{name}", f"{block}.{name}")
    for name in ("q_layer", "k_layer", "v_layer", "r_layer", "proj_layer"):
        compare(f"block0.{name}", f"{block}.r.orc_block.{name}")
    for layer in range(2):
        compare(f"net.recurrent_layer.blocks.{layer}.r", f"net.recurrent_layer.blocks.{layer}.r.orc_block")
        compare(f"net.recurrent_layer.blocks.{layer}", f"net.recurrent_layer.blocks.{layer}")
    compare("net.lastlayer", "net.lastlayer")
    compare("net.final_ln", "net.final_ln")
    logits = seen["pi_head.buttons.linear_layer"].detach()[:, :2] / 2.0
    np.testing.assert_allclose(logits.numpy(), golden["buttons_raw_linear_div_temp"], atol=5e-3)

    relative = policy.net.recurrent_layer.blocks[0].r.orc_block
    r_bthn = seen[f"{block}.r.orc_block.r_layer"].detach().unflatten(-1, (4, 10))
    bias = by_key((r_bthn @ relative.b_nd.detach()).transpose(1, 2))  # (B, H, T, M - 1 + T)
    expected = golden["block0.rel_bias"].reshape(2, 4, 8, 16)[..., 1:]
    allowed = golden["block0.mask"].reshape(2, 4, 8, 16)[..., 1:].astype(bool)
    np.testing.assert_allclose(bias.numpy()[allowed], expected[allowed], atol=5e-3)


def test_distribution_matches_the_published_log_probs_entropies_divergences_and_samples() -> None:
    golden, golden64 = arrays("tiny_golden"), arrays("tiny_golden_f64")
    frames, first = tiny_sequence()
    codes = torch.from_numpy(np.concatenate([golden["act_buttons"], golden["act_camera"]], -1))
    for dtype, data, atol in ((torch.float32, golden, 5e-3), (torch.float64, golden64, EXACT)):
        out, _ = run_chunks(tiny_policy(dtype), frames, first, [48])
        pi = ActionDistribution(torch.from_numpy(out["buttons"]), torch.from_numpy(out["camera"]))
        close(pi.log_prob(codes).numpy(), data["b_logprob"], atol)
        close(pi.entropy().numpy(), data["b_entropy"], atol)
    one, other = (ActionDistribution(pi.buttons[i : i + 1], pi.camera[i : i + 1]) for i in (0, 1))
    close(one.kl(other).numpy(), golden["b_kl_0_1"], 5e-3)
    close(other.kl(one).numpy(), golden["b_kl_1_0"], 5e-3)
    assert torch.equal(pi.mode()[..., 0], torch.from_numpy(golden["b_argmax_buttons"][..., 0]))
    pi32 = ActionDistribution(pi.buttons.float(), pi.camera.float())
    samples = pi32.sample(torch.Generator().manual_seed(123))
    assert np.array_equal(samples[..., 0].numpy(), golden["b_sample123_buttons"][..., 0])
    assert np.array_equal(samples[..., 1].numpy(), golden["b_sample123_camera"][..., 0])


def test_samples_follow_the_distribution_and_its_temperature() -> None:
    log_probs = torch.tensor([0.7, 0.2, 0.1]).log()
    pi = ActionDistribution(log_probs.expand(40_000, 3), log_probs.flip(0).expand(40_000, 3))
    for temperature in (1.0, 0.5, 2.0):
        expected = (log_probs / temperature).softmax(0)
        drawn = pi.sample(torch.Generator().manual_seed(1), temperature=temperature)
        for head, p in ((0, expected), (1, expected.flip(0))):
            frequency = torch.bincount(drawn[:, head], minlength=3) / 40_000
            assert (frequency - p).abs().max() < 0.012  # five standard deviations


def test_rows_with_their_own_generators_are_drawn_independently_of_each_other() -> None:
    pi = ActionDistribution(torch.randn(3, 2, 50).log_softmax(-1), torch.randn(3, 2, 20).log_softmax(-1))

    def generators() -> list[torch.Generator]:
        return [torch.Generator().manual_seed(s) for s in (5, 6, 7)]

    together = pi.sample(generators())
    for row, generator in enumerate(generators()):
        alone = ActionDistribution(pi.buttons[row : row + 1], pi.camera[row : row + 1]).sample(generator)
        assert torch.equal(alone[0], together[row])
    with pytest.raises(ValueError, match="2 generators for 3 rows"):
        pi.sample(generators()[:2])
    with pytest.raises(ValueError, match="temperature"):
        pi.sample(temperature=0.0)


def test_log_prob_refuses_codes_of_another_type_or_shape() -> None:
    pi = ActionDistribution(torch.zeros(2, 5), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="int64"):
        pi.log_prob(torch.zeros(2, 2, dtype=torch.int32))
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        pi.log_prob(torch.zeros(3, 2, dtype=torch.int64))


def test_masks_match_the_published_ones_frame_by_frame() -> None:
    for case in facts("mask_golden")["get_mask_sequence"]:
        context, steps = case["maxlen"], case["t"]
        first = torch.zeros(2, steps, dtype=torch.bool)
        first[:, 0] = torch.tensor(case["first_at_chunk_start"], dtype=torch.bool)
        state = case["state_mask_in"]
        valid = torch.zeros(2, context) if state is None else torch.tensor(state)[:, 0]
        visible, valid_out = visibility(first, valid[:, 1:].bool())
        expected = torch.tensor(case["mask"]).bool()
        assert not expected[..., 0].any()  # the row that is not kept here
        assert torch.equal(visible, expected[..., 1:])
        assert torch.equal(valid_out, torch.tensor(case["state_mask_out"])[:, 0, 1:].bool())


def test_relative_bias_matches_the_published_table() -> None:
    for case in facts("mask_golden")["bandify"]:
        by_distance = torch.tensor(case["b_nd"])[:, None, :].expand(-1, case["t"], -1)
        expected = torch.tensor(case["D_ntT"])
        ours = by_key(by_distance)
        shared = min(ours.shape[-1], expected.shape[-1])
        assert torch.equal(ours[..., -shared:], expected[..., -shared:])
        assert not expected[..., :-shared].any()


def test_value_normalisation_matches_the_published_one() -> None:
    golden = facts("normalizer_golden")
    for case in golden["cases"]:
        head = ValueHead(4)
        with torch.no_grad():
            head.normalizer.running_mean.fill_(case["running_mean"])
            head.normalizer.running_mean_sq.fill_(case["running_mean_sq"])
            head.normalizer.debiasing_term.fill_(case["debiasing"])
        x = torch.tensor(case["x"])
        mean, variance = head.normalizer.mean_and_variance()
        torch.testing.assert_close(mean, torch.tensor(case["mean"]), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(variance, torch.tensor(case["var"]), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(head.denormalise(x), torch.tensor(case["denormalize"]), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(head.normalise(x), torch.tensor(case["normalize_eval"]), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(head.normalise(head.denormalise(x)), x, rtol=1e-4, atol=1e-4)
        head.update(x)
        torch.testing.assert_close(head.normalise(x), torch.tensor(case["normalize_train"]), rtol=1e-4, atol=1e-4)
        after = case["after_train"]
        norm = head.normalizer
        torch.testing.assert_close(norm.running_mean.data, torch.tensor(after["running_mean"]), rtol=1e-5, atol=1e-9)
        for _ in range(3):
            head.update(2 * x + 1)
        after = case["after_3_more_2x_plus_1"]
        torch.testing.assert_close(
            norm.running_mean_sq.data, torch.tensor(after["running_mean_sq"]), rtol=1e-5, atol=1e-9
        )
        assert norm.debiasing_term.item() == pytest.approx(after["debiasing"], rel=1e-5)


def use_the_published_norm_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's channels-last group norm, whose rounding errors on flat images are part of the fp32 goldens."""
    monkeypatch.setattr(ImageNorm, "forward", lambda self, x: F.group_norm(x, 1, self.weight, self.bias))


@pytest.mark.parametrize(("kernel", "rtol"), [("ours", 5e-2), ("published", 1e-4)])
def test_cloning_gradients_and_the_adam_step_match_the_published_ones(
    kernel: str, rtol: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernel == "published":
        use_the_published_norm_kernel(monkeypatch)
    golden = arrays("tiny_train")
    frames, first = tiny_sequence("first_aligned")
    data = arrays("tiny_golden")
    codes = torch.from_numpy(np.concatenate([data["act_buttons"], data["act_camera"]], -1))[:, :8]
    policy = tiny_policy()
    loss = -policy(frames[:, :8], first[:, :8]).pi.log_prob(codes).mean()
    loss.backward()
    assert loss.item() == pytest.approx(float(golden["loss"]), rel=rtol / 100)
    trained = {name: p for name, p in policy.named_parameters() if p.grad is not None}
    assert {name for name, _ in policy.named_parameters()} - set(trained) == {
        key.removeprefix("nograd/") for key in golden if key.startswith("nograd/")
    }
    for name, p in trained.items():
        norm = float(golden[f"grad_norm/{name}"])
        assert float(p.grad.double().norm()) == pytest.approx(norm, rel=rtol), name
        head = golden[f"grad_head/{name}"]
        np.testing.assert_allclose(p.grad.flatten()[:8].numpy(), head, rtol=0, atol=rtol * norm, err_msg=name)

    before = {name: p.detach().clone() for name, p in trained.items()}
    total = torch.nn.utils.clip_grad_norm_(policy.parameters(), 5.0)
    assert float(total) == pytest.approx(float(golden["grad_norm_before_clip"]), rel=rtol / 10)
    if kernel != "published":
        return  # Adam's first step is the sign of the gradient, so rounding errors flip some of them
    torch.optim.Adam(policy.parameters(), lr=1.81e-4, weight_decay=0.039428).step()
    for name, p in trained.items():
        delta = (p.detach() - before[name]).double()
        assert float(delta.norm()) == pytest.approx(float(golden[f"adam_delta_norm/{name}"]), rel=1e-3), name
        head = golden[f"adam_delta_head/{name}"]
        np.testing.assert_allclose(delta.flatten()[:8].numpy(), head, rtol=0, atol=0.04 * 1.81e-4, err_msg=name)


@pytest.mark.parametrize("name", ["1x", "2x", "3x", "small", "tiny"])
def test_state_dict_is_the_published_one_in_keys_order_and_shapes(name: str) -> None:
    description = facts(f"state_dict_{name}")
    config = config_of(description["config"])
    with torch.device("meta"):
        policy = VPTPolicy(config)
    shapes = {key: list(value.shape) for key, value in policy.state_dict().items()}
    assert shapes == description["shapes"]
    assert list(shapes) == list(description["shapes"])
    assert sum(p.numel() for p in policy.parameters()) == description["n_params_total"]
    assert not list(policy.buffers())
    frozen = [key for key, p in policy.named_parameters() if not p.requires_grad]
    assert frozen == [f"value_head.normalizer.{n}" for n in ("running_mean", "running_mean_sq", "debiasing_term")]
    if name.endswith("x"):
        assert config == VPTConfig.named(name)


def test_fresh_weights_have_the_published_row_norms() -> None:
    torch.manual_seed(0)
    config = VPTConfig(hidsize=64, attention_heads=4, impala_width=1, n_recurrence_layers=3)
    state = VPTPolicy(config).state_dict()
    s = (2 * 3) ** -0.5
    expected = {
        "firstconv.layer.weight": 1.0,
        "conv0.layer.weight": 1.1067,
        "conv1.layer.weight": 1.1067,
        "dense.layer.weight": 1.4,
        "img_process.linear.layer.weight": 1.0,
        "q_layer.weight": 0.1,
        "k_layer.weight": 0.2,
        "r_layer.weight": 0.1,
        "v_layer.weight": s**0.5,
        "proj_layer.weight": s**0.5,
        "mlp0.layer.weight": 1.0,
        "mlp1.layer.weight": s,
        "lastlayer.layer.weight": 1.0,
    }
    checked = set()
    for key, value in state.items():
        for suffix, norm in expected.items():
            # "r.orc_block" names hold "r_layer" in other names too, hence the leading dot
            if key.endswith((f".{suffix}", f"/{suffix}")):
                rows = value.flatten(1).norm(dim=1)
                torch.testing.assert_close(rows, torch.full_like(rows, norm), rtol=1e-4, atol=0)
                checked.add(key)
        if key.endswith("norm.weight") or key.split(".")[-2] in ("n", "pre_r_ln", "final_ln"):
            assert (value == (1.0 if key.endswith("weight") else 0.0)).all(), key
        if key.startswith("net.") and key.endswith("bias"):
            assert (value == 0).all(), key
        if key.endswith("b_nd"):
            assert value.std().item() == pytest.approx(0.2, rel=0.1)
    weights = {k for k, v in state.items() if k.startswith("net.") and v.dim() >= 2 and not k.endswith("b_nd")}
    assert checked == weights
    for key in ("pi_head.buttons.linear_layer.weight", "value_head.linear.weight"):
        assert state[key].abs().max().item() == pytest.approx(1 / 8, rel=0.1)  # PyTorch's uniform +-1/sqrt(64)


MINI = VPTConfig(
    hidsize=16,
    attention_heads=2,
    impala_width=1,
    impala_chans=(2, 4, 4),
    n_recurrence_layers=2,
    attention_memory_size=12,
    timesteps=8,
    stem_pool=8,
)


@pytest.fixture(scope="module")
def mini() -> tuple[VPTPolicy, torch.Tensor]:
    return mini_policy(MINI), torch.from_numpy(
        np.random.default_rng(3).integers(0, 256, (2, 14, 128, 128, 3), np.uint8)
    )


def mini_policy(config: VPTConfig) -> VPTPolicy:
    """A float64 net with large random weights, so that every visible frame matters."""
    policy = VPTPolicy(config)
    for key, value in policy.state_dict().items():
        value.copy_(torch.from_numpy(procedural_weight(key, list(value.shape), seed=7, g_qk=2.5)))
    return policy.double()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_cut_of_a_sequence_gives_the_same_outputs(
    mini: tuple[VPTPolicy, torch.Tensor], data: st.DataObject
) -> None:
    policy, frames = mini
    first = torch.tensor(data.draw(st.lists(st.lists(st.booleans(), min_size=14, max_size=14), min_size=2, max_size=2)))
    ends = sorted(data.draw(st.sets(st.integers(1, 13))))
    chunks = np.diff([0, *ends, 14]).tolist()
    whole, (last,) = run_chunks(policy, frames, first, [14])
    cut, parts = run_chunks(policy, frames, first, chunks)
    for name, value in whole.items():
        np.testing.assert_allclose(cut[name], value, rtol=0, atol=1e-10)
    assert torch.equal(parts[-1].memory.valid, last.memory.valid)
    torch.testing.assert_close(parts[-1].memory.keys, last.memory.keys, rtol=0, atol=1e-10)


def test_an_episode_is_blind_to_what_was_before_it(mini: tuple[VPTPolicy, torch.Tensor]) -> None:
    policy, frames = mini
    first = torch.zeros(2, 14, dtype=torch.bool)
    first[:, 9] = True
    whole, _ = run_chunks(policy, frames, first, [14])
    alone, _ = run_chunks(policy, frames[:, 9:], torch.zeros(2, 5, dtype=torch.bool), [5])
    np.testing.assert_allclose(whole["buttons"][:, 9:], alone["buttons"], atol=1e-10)
    seeing, _ = run_chunks(policy, frames, torch.zeros_like(first), [14])
    assert np.abs(seeing["buttons"][:, 9] - alone["buttons"][:, 0]).max() > 0.01


def test_a_frame_sees_exactly_context_frames() -> None:
    policy = mini_policy(replace(MINI, n_recurrence_layers=1, attention_memory_size=9, timesteps=5))
    frames = torch.randint(0, 256, (1, 8, 128, 128, 3), dtype=torch.uint8)
    first = torch.zeros(1, 8, dtype=torch.bool)
    before, _ = run_chunks(policy, frames, first, [8])
    changed = frames.clone()
    changed[:, 2] = 255 - changed[:, 2]
    after, _ = run_chunks(policy, changed, first, [8])
    differs = np.abs(after["camera"] - before["camera"]).max((0, 2)) > 0
    assert differs.tolist() == [False, False, True, True, True, True, False, False]  # M = 4


def test_a_context_of_one_frame_needs_no_memory() -> None:
    policy = mini_policy(replace(MINI, attention_memory_size=9, timesteps=8))
    frames = torch.randint(0, 256, (1, 4, 128, 128, 3), dtype=torch.uint8)
    first = torch.zeros(1, 4, dtype=torch.bool)
    whole, (out,) = run_chunks(policy, frames, first, [4])
    steps, _ = run_chunks(policy, frames, first, [1] * 4)
    assert out.memory.keys.shape == (1, 2, 0, 16)
    np.testing.assert_allclose(steps["camera"], whole["camera"], atol=1e-10)


def test_gradients_flow_through_the_memory_until_it_is_detached(mini: tuple[VPTPolicy, torch.Tensor]) -> None:
    policy, frames = mini
    first = torch.zeros(2, 5, dtype=torch.bool)
    start = policy.initial_memory(2)
    memory = policy(frames[:, :5], first, start).memory
    keys = memory.keys
    keys.retain_grad()
    policy(frames[:, 5:6], first[:, :1], memory).value.sum().backward()
    assert keys.grad is not None
    assert keys.grad.abs().sum() > 0
    assert not memory.detach().keys.requires_grad
    assert not start.valid.any()  # the policy did not change its input
    assert not start.keys.any()


def test_memory_of_chosen_streams_can_be_taken_reset_and_moved(mini: tuple[VPTPolicy, torch.Tensor]) -> None:
    policy, frames = mini
    with torch.no_grad():
        memory = policy(frames, torch.zeros(2, 14, dtype=torch.bool)).memory
    one = memory.index([1])
    assert one.batch_size == 1
    assert torch.equal(one.keys[0], memory.keys[1])
    reset = memory.reset(torch.tensor([True, False]))
    assert not reset.valid[0].any()
    assert reset.valid[1].all()
    assert memory.valid.all()
    assert torch.equal(reset.values[1], memory.values[1])
    assert memory.to(dtype=torch.float32).keys.dtype == torch.float32
    with pytest.raises(ValueError, match=r"bool \(2,\)"):
        memory.reset(torch.tensor([True]))


def test_bf16_convolutions_stay_near_fp32_and_leave_the_rest_alone() -> None:
    torch.manual_seed(0)
    policy = VPTPolicy(VPTConfig.named("nano"))
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (1, 6, 16, 16, 3), dtype=np.uint8).repeat(8, 2).repeat(8, 3)
    frames, first = torch.from_numpy(blocks), torch.zeros(1, 6, dtype=torch.bool)
    keys = list(policy.state_dict())
    with torch.no_grad():
        exact = policy(frames, first)
        policy.set_precision("bf16")
        fast = policy(frames, first)
        policy.set_precision("fp32")
        again = policy(frames, first)
    assert fast.pi.buttons.dtype == torch.float32
    assert fast.memory.keys.dtype == torch.float32
    assert 0 < exact.pi.kl(fast.pi).max() < 1e-3
    assert torch.equal(exact.pi.buttons, again.pi.buttons)
    assert list(policy.state_dict()) == keys
    with pytest.raises(ValueError, match="fp16"):
        policy.set_precision("fp16")


def test_bf16_training_gives_nearly_the_same_gradients() -> None:
    torch.manual_seed(0)
    policy = VPTPolicy(VPTConfig.named("nano"))
    blocks = np.random.default_rng(1).integers(0, 256, (2, 4, 16, 16, 3), dtype=np.uint8).repeat(8, 2).repeat(8, 3)
    frames = torch.from_numpy(blocks)
    codes = torch.tensor([100, 60]).expand(2, 4, 2)
    gradients = []
    for precision in ("fp32", "bf16"):
        policy.zero_grad()
        policy.set_precision(precision)
        (-policy(frames, torch.zeros(2, 4, dtype=torch.bool)).pi.log_prob(codes).mean()).backward()
        gradients.append({n: p.grad.flatten().clone() for n, p in policy.named_parameters() if p.grad is not None})
    exact, fast = gradients
    assert all(g.dtype == torch.float32 for g in fast.values())
    for part, similarity in (("net.img_process.cnn.", 0.9), ("net.recurrent_layer.", 0.99), ("pi_head.", 0.99)):
        names = [name for name in exact if name.startswith(part)]
        one, other = (torch.cat([g[name] for name in names]) for g in gradients)
        assert F.cosine_similarity(one, other, dim=0) > similarity, part


def test_the_stem_pools_by_the_mean_and_chunks_of_frames_change_nothing(mini: tuple[VPTPolicy, torch.Tensor]) -> None:
    policy, frames = mini
    images = policy.net.img_process._images(frames[0])
    reference = F.avg_pool2d(frames[0].permute(0, 3, 1, 2).double() / 255, 8)
    torch.testing.assert_close(images, reference, rtol=0, atol=1e-12)
    image_net = mini_policy(MINI).net.img_process
    whole = image_net(frames[0])
    image_net.chunk = 3
    torch.testing.assert_close(image_net(frames[0]), whole, rtol=0, atol=1e-12)


def test_bad_calls_are_refused_with_the_shapes_they_need(mini: tuple[VPTPolicy, torch.Tensor]) -> None:
    policy, frames = mini
    first = torch.zeros(2, 14, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"uint8 \(B, T, 128, 128, 3\), or features float.*got torch.float32"):
        policy(frames.float(), first)
    with pytest.raises(ValueError, match=r"got torch.uint8 \(2, 14, 3, 128, 128\)"):
        policy(frames.permute(0, 1, 4, 2, 3), first)
    with pytest.raises(ValueError, match=r"first must be bool \(2, 14\)"):
        policy(frames, first.to(torch.uint8))
    with pytest.raises(ValueError, match=r"first must be bool \(2, 14\)"):
        policy(frames, first[:, :1])
    with pytest.raises(ValueError, match="at least one"):
        policy(frames[:, :0], first[:, :0])
    with pytest.raises(ValueError, match="initial_memory"):
        policy(frames, first, policy.initial_memory(3))
    with pytest.raises(ValueError, match=r"keys of the type torch\.float64 are needed, got torch\.float32"):
        policy(frames, first, policy.initial_memory(2).to(dtype=torch.float32))
    longer = mini_policy(replace(MINI, attention_memory_size=13))
    with pytest.raises(ValueError, match="initial_memory"):
        policy(frames, first, longer.initial_memory(2))


def test_the_device_is_that_of_the_parameters() -> None:
    policy = tiny_policy()
    assert policy.device == torch.device("cpu")
    assert policy.to("meta").device == torch.device("meta")
