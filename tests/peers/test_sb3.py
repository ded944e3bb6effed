"""The real Stable-Baselines3 trains, saves and loads VPT, with memory and without."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecFrameStack, VecNormalize, VecTransposeImage

from tests.support.paths import ROOT
from tests.support.small_policy import SMALL, small_policy
from vpt_gym import VPTAgent, VPTConfig
from vpt_gym.actions.codec import code_space
from vpt_gym.agents.engine import ActingEngine
from vpt_gym.agents.policy.policy import VPTPolicy as Network
from vpt_gym.integrations.sb3 import RememberingVecEnv, VPTFeatures, VPTPolicy

MINEDOJO = spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36])
TINY: dict[str, Any] = {"n_steps": 8, "batch_size": 8, "n_epochs": 2, "device": "cpu", "seed": 0}


class FlickerEnv(gym.Env[Any, Any]):
    """Shows a random frame in each tick; episode k lasts ``lengths[k]`` ticks and is truncated if k is odd."""

    observation_space: spaces.Space[Any] = spaces.Box(0, 255, (128, 128, 3), np.uint8)

    def __init__(self, seed: int = 0, lengths: tuple[int, ...] = (3, 5, 1, 4), actions: Any = None) -> None:
        self.action_space = code_space() if actions is None else actions
        self.rng, self.lengths, self.episode = np.random.default_rng(seed), lengths, -1
        self.shown: list[tuple[np.ndarray, bool]] = []
        """Every frame, and whether it was the first of its episode."""

    def _frame(self, first: bool) -> np.ndarray:
        coarse = self.rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        frame = coarse.repeat(16, 0).repeat(16, 1)
        self.shown.append((frame, first))
        return frame

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.episode += 1
        self.left = self.lengths[self.episode % len(self.lengths)]
        return self._frame(True), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self.left -= 1
        ended, truncated = self.left == 0, self.episode % 2 == 1
        return self._frame(False), 1.0, ended and not truncated, ended and truncated, {}


def makers(count: int, **kwargs: Any) -> list[Callable[[], gym.Env[Any, Any]]]:
    return [functools.partial(FlickerEnv, seed, **kwargs) for seed in range(count)]


def reference_latents(network: Network, env: FlickerEnv) -> np.ndarray:
    """The latents of all frames of an env, from one pass of the network over the sequence of its frames."""
    frames = torch.from_numpy(np.stack([frame for frame, _ in env.shown]))
    first = torch.tensor([begins for _, begins in env.shown])
    with torch.no_grad():
        return network(frames[None], first[None]).latent[0].numpy()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    VPTAgent(small_policy()).save_pretrained(tmp_path / "agent")
    return tmp_path / "agent"


# RememberingVecEnv


@pytest.mark.parametrize("precision", ["fp32", None])
def test_the_latents_are_those_of_the_network_over_whole_episodes(precision: Any) -> None:
    network = small_policy()
    inner = DummyVecEnv(makers(3))
    envs = RememberingVecEnv(inner, network, precision=precision)
    assert envs.observation_space == spaces.Box(-np.inf, np.inf, (32,), np.float32)
    seen: list[list[np.ndarray]] = [[latent] for latent in envs.reset()]
    ends = 0
    for _ in range(30):
        latents, _, dones, infos = envs.step(np.zeros((3, 2), np.int64))
        assert latents.shape == (3, 32)
        assert latents.dtype == np.float32
        for i in range(3):
            if dones[i]:
                ends += 1
                seen[i].append(infos[i]["terminal_observation"])
            else:
                assert "terminal_observation" not in infos[i]
            seen[i].append(latents[i])
    assert ends > 20
    for i, env in enumerate(inner.envs):
        np.testing.assert_allclose(np.stack(seen[i]), reference_latents(network, env.unwrapped), atol=1e-4)
    # remembering makes a difference: the last frame of an episode is not what it would be alone
    alone = VPTFeatures(inner.observation_space, network)(torch.from_numpy(np.stack([inner.envs[0].shown[3][0]])))
    assert np.abs(alone.numpy() - seen[0][3]).max() > 1e-2


def test_the_latents_are_those_of_the_engine_that_an_agent_acts_with() -> None:
    network = small_policy()
    inner = DummyVecEnv(makers(2, lengths=(100,)))
    envs, engine = RememberingVecEnv(inner, network), ActingEngine(network, 2)
    latents = envs.reset()
    for t in range(20):
        frames = torch.from_numpy(np.stack([env.shown[-1][0] for env in inner.envs]))
        expected = engine.step(frames, torch.full((2,), t == 0))
        torch.testing.assert_close(torch.from_numpy(latents), expected.latent, atol=0, rtol=0)
        latents, *_ = envs.step(np.zeros((2, 2), np.int64))


def test_a_reset_forgets_everything() -> None:
    inner = DummyVecEnv(makers(2, lengths=(100,)))
    envs = RememberingVecEnv(inner, small_policy())
    envs.reset()
    for _ in range(3):
        envs.step(np.zeros((2, 2), np.int64))
    latents = envs.reset()
    expected = reference_latents(small_policy(), inner.envs[1].unwrapped)
    np.testing.assert_allclose(latents[1], expected[-1], atol=2e-5)


def test_the_network_that_was_passed_is_left_alone() -> None:
    network = small_policy().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    envs = RememberingVecEnv(DummyVecEnv(makers(1)), network)
    first = envs.reset()
    with torch.no_grad():
        network.net.final_ln.bias += 1.0
    envs.venv.envs[0].unwrapped.rng = np.random.default_rng(0)
    np.testing.assert_array_equal(envs.reset(), first)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.net.parameters())
    assert before.keys() == network.state_dict().keys()


def test_frames_in_a_dictionary_and_channels_first_are_found() -> None:
    class DictEnv(FlickerEnv):
        observation_space = spaces.Dict({"img": spaces.Box(0, 255, (128, 128, 3), np.uint8)})

        def _frame(self, first: bool) -> Any:
            return {"img": super()._frame(first)}

    network = small_policy()
    plain = RememberingVecEnv(DummyVecEnv(makers(1)), network)
    others = [
        RememberingVecEnv(DummyVecEnv([DictEnv]), network),
        RememberingVecEnv(VecTransposeImage(DummyVecEnv(makers(1))), network),
    ]
    expected = plain.reset()
    for envs in others:
        np.testing.assert_array_equal(envs.reset(), expected)
    for _ in range(3):
        expected, _, _, infos = plain.step(np.zeros((1, 2), np.int64))
        for envs in others:
            latents, _, _, found = envs.step(np.zeros((1, 2), np.int64))
            np.testing.assert_array_equal(latents, expected)
    np.testing.assert_array_equal(found[0]["terminal_observation"], infos[0]["terminal_observation"])


def test_wrong_arguments_of_the_vector_env_are_errors() -> None:
    with pytest.raises(TypeError, match="DummyVecEnv"):
        RememberingVecEnv(FlickerEnv(), small_policy())
    with pytest.raises(ValueError, match="fresh weights"):
        RememberingVecEnv(DummyVecEnv(makers(1)), "nano")
    with pytest.raises(TypeError, match=r"agent\.policy"):
        RememberingVecEnv(DummyVecEnv(makers(1)), VPTAgent(small_policy()))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="no_such_agent"):
        RememberingVecEnv(DummyVecEnv(makers(1)), "no_such_agent")
    with pytest.raises(ValueError, match="is neither"):
        RememberingVecEnv(VecFrameStack(DummyVecEnv(makers(1)), 4), small_policy())


@pytest.mark.parametrize("part", ["vector env", "features", "policy"])
def test_a_model_that_acts_on_goals_is_an_error(part: str) -> None:
    model, frames = Network(replace(SMALL, goal_size=6)), FlickerEnv.observation_space
    parts: dict[str, Callable[[], object]] = {
        "vector env": lambda: RememberingVecEnv(DummyVecEnv([FlickerEnv]), model),
        "features": lambda: VPTFeatures(frames, model),
        "policy": lambda: VPTPolicy(frames, code_space(), lambda _: 1e-4, model=model),
    }
    with pytest.raises(ValueError, match=r"acts on goals \(its config has goal_size 6\), and SB3 gives it none"):
        parts[part]()


def test_frames_of_another_size_are_an_error() -> None:
    class SmallEnv(FlickerEnv):
        observation_space = spaces.Box(0, 255, (64, 64, 3), np.uint8)

    with pytest.raises(ValueError, match="VPTObsWrapper"):
        RememberingVecEnv(DummyVecEnv([SmallEnv]), small_policy())


# VPTFeatures


def latents_alone(frames: np.ndarray) -> torch.Tensor:
    first = torch.ones(len(frames), 1, dtype=torch.bool)
    with torch.no_grad():
        return small_policy()(torch.from_numpy(frames)[:, None], first).latent[:, 0]


CHW = spaces.Box(0, 255, (3, 128, 128), np.uint8)
FRAMES = np.stack([FlickerEnv(seed)._frame(True) for seed in range(70)])


@pytest.mark.parametrize("divided", [None, True, False])
@pytest.mark.parametrize("scale", [1.0, 255.0])
@pytest.mark.parametrize("count", [1, 33, 70])
def test_the_features_are_the_latents_of_frames_alone(divided: bool | None, scale: float, count: int) -> None:
    features = VPTFeatures(CHW, small_policy(), divided=divided)
    frames = torch.from_numpy(FRAMES[:count]).permute(0, 3, 1, 2).float() / scale
    if divided is not None and divided != (scale == 255.0):
        with pytest.raises(ValueError, match="divided by 255"):
            features(frames)
        return
    torch.testing.assert_close(features(frames), latents_alone(FRAMES[:count]), atol=2e-5, rtol=0)
    assert features.features_dim == 32


def test_frames_of_which_nobody_can_tell_the_scale_are_an_error() -> None:
    dark = torch.zeros(1, 3, 128, 128)
    features = VPTFeatures(CHW, small_policy())
    black = features(dark)  # black is black
    torch.testing.assert_close(black, latents_alone(np.zeros((1, 128, 128, 3), np.uint8)), atol=2e-5, rtol=0)
    dark[..., 0] = 1.0
    with pytest.raises(ValueError, match="only the values 0 and 1"):
        features(dark)
    features(torch.full((1, 3, 128, 128), 0.4))  # 102 / 255
    white = np.zeros((1, 128, 128, 3), np.uint8)
    white[:, :, 0] = 255
    torch.testing.assert_close(features(dark), latents_alone(white), atol=2e-5, rtol=0)
    with pytest.raises(ValueError, match="not divided by 255"):
        features(torch.full((1, 3, 128, 128), 102.0))
    undivided = VPTFeatures(CHW, small_policy(), divided=False)
    torch.testing.assert_close(undivided(dark), latents_alone(white // 255), atol=2e-5, rtol=0)


@pytest.mark.parametrize("value", [-0.2, 256.0, 0.5, 1.5, float("nan")])
def test_values_that_are_no_colours_are_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="VecNormalize"):
        VPTFeatures(CHW, small_policy())(torch.full((1, 3, 128, 128), value))


@pytest.mark.parametrize("normalize_images", [True, False])
def test_the_policies_of_sb3_take_the_features_and_keep_their_weights(normalize_images: bool, folder: Path) -> None:
    kwargs = {
        "features_extractor_class": VPTFeatures,
        "features_extractor_kwargs": {"model": folder},
        "normalize_images": normalize_images,
    }
    model = PPO("CnnPolicy", DummyVecEnv(makers(2)), policy_kwargs=kwargs, **TINY)
    extractor = model.policy.features_extractor
    weights = {name: value.clone() for name, value in extractor.network.net.state_dict().items()}
    trained = small_policy().net.state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in weights.items())
    found = model.policy.extract_features(model.policy.obs_to_tensor(FRAMES[:2])[0])
    torch.testing.assert_close(found, latents_alone(FRAMES[:2]), atol=2e-5, rtol=0)
    model.learn(16)
    assert all(torch.equal(value, weights[name]) for name, value in extractor.network.net.state_dict().items())


def test_the_network_is_trained_on_request() -> None:
    kwargs = {
        "features_extractor_class": VPTFeatures,
        "features_extractor_kwargs": {"model": small_policy(), "train": True},
    }
    model = PPO("CnnPolicy", DummyVecEnv(makers(2)), policy_kwargs=kwargs, **TINY)
    before = {name: value.clone() for name, value in model.policy.features_extractor.network.named_parameters()}
    model.learn(16)
    changed = [
        name
        for name, value in model.policy.features_extractor.network.named_parameters()
        if not torch.equal(value, before[name])
    ]
    assert any("img_process" in name for name in changed)
    assert any("recurrent_layer" in name for name in changed)


@pytest.mark.parametrize("shape", [(12, 128, 128), (3, 64, 64), (32,)])
def test_a_space_without_one_frame_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="VPTObsWrapper"):
        VPTFeatures(spaces.Box(0, 255, shape, np.uint8), small_policy())


# VPTPolicy


def policy_of(observations: spaces.Space[Any], actions: spaces.Space[Any], **kwargs: Any) -> VPTPolicy:
    return VPTPolicy(observations, actions, lambda _: 1e-3, **kwargs)


LATENTS = spaces.Box(-np.inf, np.inf, (32,), np.float32)


def test_the_heads_are_those_of_the_model() -> None:
    network = small_policy()
    network.value_head.update(torch.tensor([3.0, 5.0]))
    policy = policy_of(LATENTS, code_space(), model=network)
    latents = torch.randn(5, 32)
    codes = torch.randint(0, 121, (5, 2))
    pi = network.pi_head(latents)
    values, log_prob, entropy = policy.evaluate_actions(latents, codes.float())  # as SB3's buffer has them
    torch.testing.assert_close(log_prob, pi.log_prob(codes))
    torch.testing.assert_close(entropy, pi.entropy())
    torch.testing.assert_close(values[:, 0], network.value_head.denormalise(network.value_head(latents)))
    actions, _, _ = policy(latents, deterministic=True)
    torch.testing.assert_close(actions, pi.mode())
    torch.testing.assert_close(policy.predict_values(latents), values)


def test_an_untrained_value_is_0_and_the_model_is_not_changed() -> None:
    network = small_policy()
    policy = policy_of(LATENTS, code_space(), model=network)
    assert policy.predict_values(torch.randn(3, 32)).eq(0).all()
    assert network.value_head.normalizer.empty
    assert network.value_head.linear.weight.ne(0).any()


@pytest.mark.parametrize("space", [MINEDOJO, spaces.Discrete(4), spaces.MultiBinary(5)])
def test_other_actions_get_a_fresh_head_and_train(space: spaces.Space[Any], tmp_path: Path) -> None:
    envs = RememberingVecEnv(DummyVecEnv(makers(2, actions=space)), small_policy())
    model = PPO(VPTPolicy, envs, policy_kwargs={"model": small_policy()}, **TINY)
    model.learn(16)
    latents = torch.from_numpy(envs.reset())
    actions, _, log_prob = model.policy(latents)
    _, again, entropy = model.policy.evaluate_actions(latents, actions)
    torch.testing.assert_close(again, log_prob)
    pi = model.policy.to_network().pi_head(latents)
    torch.testing.assert_close(pi.log_prob(actions.long().reshape(2, -1)), log_prob)
    torch.testing.assert_close(pi.entropy(), entropy)
    # what it learned is an agent for these actions
    VPTAgent(model.policy.to_network()).save_pretrained(tmp_path / "agent")
    assert policy_of(LATENTS, space, model=tmp_path / "agent").config.action_sizes is not None
    with pytest.raises(ValueError, match="the model is for actions"):
        policy_of(LATENTS, code_space(), model=tmp_path / "agent")


@pytest.mark.parametrize("algorithm", [PPO, A2C])
def test_sb3_trains_the_heads_saves_them_and_loads_them(algorithm: Any, folder: Path, tmp_path: Path) -> None:
    envs = RememberingVecEnv(DummyVecEnv(makers(2)), folder)
    tiny = TINY if algorithm is PPO else {"n_steps": 8, "device": "cpu", "seed": 0}
    model = algorithm(VPTPolicy, envs, policy_kwargs={"model": str(folder)}, learning_rate=1e-2, **tiny)
    before = {name: value.clone() for name, value in model.policy.named_parameters()}
    model.learn(32)
    changed = {name for name, value in model.policy.named_parameters() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"action_net", "value_net"}
    assert not any("normalizer" in name for name in changed)
    evaluate_policy(model, envs, n_eval_episodes=4, warn=False)
    model.save(tmp_path / "model.zip")
    assert (tmp_path / "model.zip").stat().st_size < 10 * (32 * 8762 * 4)
    latents = envs.reset()
    expected, _ = model.predict(latents, deterministic=True)

    loaded = algorithm.load(tmp_path / "model.zip", env=envs, device="cpu")
    np.testing.assert_array_equal(loaded.predict(latents, deterministic=True)[0], expected)
    torch.testing.assert_close(loaded.policy.state_dict(), model.policy.state_dict())
    loaded.learn(16, reset_num_timesteps=False)

    # without the folder that it was made from
    folder.rename(tmp_path / "elsewhere")
    objects = {"policy_kwargs": {"model": SMALL}}
    moved = algorithm.load(tmp_path / "model.zip", custom_objects=objects, device="cpu")
    np.testing.assert_array_equal(moved.predict(latents, deterministic=True)[0], expected)
    with pytest.raises(ValueError, match="trunk="):
        moved.policy.to_network()
    moved.policy.to_network(trunk=tmp_path / "elsewhere")


@pytest.mark.parametrize("train_trunk", [True, False])
def test_sb3_trains_the_network_over_frames(train_trunk: bool, folder: Path, tmp_path: Path) -> None:
    envs = DummyVecEnv(makers(2))
    kwargs = {"model": str(folder), "train_trunk": train_trunk}
    model = PPO(VPTPolicy, envs, policy_kwargs=kwargs, **TINY)
    network = small_policy()
    first = torch.ones(2, 1, dtype=torch.bool)
    pi = network(torch.from_numpy(FRAMES[:2])[:, None], first).pi.at_time(0)
    distribution = model.policy.get_distribution(model.policy.obs_to_tensor(FRAMES[:2])[0])
    torch.testing.assert_close(distribution.entropy(), pi.entropy())
    model.learn(16)
    trained = model.policy.to_network()
    same = [torch.equal(value, network.net.state_dict()[name]) for name, value in trained.net.state_dict().items()]
    assert all(same) != train_trunk
    model.save(tmp_path / "model.zip")
    loaded = PPO.load(tmp_path / "model.zip", env=envs, device="cpu")
    torch.testing.assert_close(loaded.policy.state_dict(), model.policy.state_dict())
    loaded.learn(16, reset_num_timesteps=False)
    # the policy by itself
    model.policy.save(tmp_path / "policy.pt")
    alone = VPTPolicy.load(tmp_path / "policy.pt", device="cpu")
    torch.testing.assert_close(alone.state_dict(), model.policy.state_dict())
    frame = FRAMES[0]
    np.testing.assert_array_equal(
        alone.predict(frame, deterministic=True)[0], model.predict(frame, deterministic=True)[0]
    )
    # with the weights of the first frame of an episode: that is what the agent sees, too
    code = VPTAgent(trained).act(frame, first=True, deterministic=True)
    np.testing.assert_array_equal(model.predict(frame, deterministic=True)[0], code)


def test_what_sb3_has_trained_plays_as_an_agent() -> None:
    network = small_policy()
    inner = DummyVecEnv(makers(2, lengths=(6, 3)))
    envs = RememberingVecEnv(inner, network)
    model = PPO(VPTPolicy, envs, policy_kwargs={"model": network}, learning_rate=1e-2, **TINY)
    model.learn(16)
    agent = VPTAgent(model.policy.to_network(), precision="fp32")
    latents, first = envs.reset(), np.ones(2, np.bool_)
    for _ in range(14):
        frames = np.stack([env.shown[-1][0] for env in inner.envs])
        actions, _ = model.predict(latents, deterministic=True)
        np.testing.assert_array_equal(agent.act(frames, first=first, deterministic=True), actions)
        latents, _, first, _ = envs.step(actions)


def test_rollouts_bootstrap_where_an_episode_was_truncated() -> None:
    envs = RememberingVecEnv(DummyVecEnv(makers(1, lengths=(2, 2))), small_policy())
    model = PPO(VPTPolicy, envs, policy_kwargs={"model": small_policy()}, **TINY)
    with torch.no_grad():
        model.policy.value_net.head.linear.bias.fill_(7.0)
    model.learn(8)  # the buffer keeps this rollout
    rewards = model.rollout_buffer.rewards[:, 0].round(2)
    # every other episode is truncated, and its last reward holds 0.99 × 7
    assert rewards.tolist() == pytest.approx([1, 1, 1, 7.93, 1, 1, 1, 7.93], abs=0.01)
    starts = model.rollout_buffer.episode_starts[:, 0]
    assert starts.tolist() == [1, 0, 1, 0, 1, 0, 1, 0]


def test_wrong_arguments_of_the_policy_are_errors() -> None:
    network = small_policy()
    with pytest.raises(ValueError, match="is it the model of RememberingVecEnv"):
        policy_of(spaces.Box(-1, 1, (64,)), code_space(), model=network)
    with pytest.raises(ValueError, match="train_trunk"):
        policy_of(LATENTS, code_space(), model=network, train_trunk=True)
    with pytest.raises(ValueError, match="train_trunk is 'no'; it must be True or False"):
        policy_of(LATENTS, code_space(), model=network, train_trunk="no")
    with pytest.raises(ValueError, match="train is 'no'; it must be True or False"):
        VPTFeatures(CHW, network, train="no")
    with pytest.raises(ValueError, match="use_sde"):
        policy_of(LATENTS, code_space(), model=network, use_sde=True)
    with pytest.raises(ValueError, match="no head for the action space"):
        policy_of(LATENTS, spaces.Box(-1, 1, (2,)), model=network)
    with pytest.raises(ValueError, match="VPTObsWrapper"):
        policy_of(spaces.Box(0, 255, (64, 64, 3), np.uint8), code_space(), model=network)
    with pytest.raises(ValueError, match=r"float\(\)"):
        policy_of(LATENTS, code_space(), model=small_policy().bfloat16())
    assert policy_of(CHW, code_space(), model=VPTConfig.named("nano")).config.hidsize == 256
    envs = VecNormalize(DummyVecEnv(makers(1)))
    model = PPO(VPTPolicy, envs, policy_kwargs={"model": network}, **TINY)
    with pytest.raises(ValueError, match="VecNormalize"):
        model.learn(8)


def test_the_blocks_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    VPTAgent(small_policy()).save_pretrained("runs/bc/agent")
    page = (ROOT / "docs/jobs/other-trainers.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python notest\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    code = "".join(blocks)
    assert code.count("100_000") == 3
    assert code.count('MODEL = "nano-foundation"') == 1
    code = code.replace("nano-foundation", "runs/bc/agent")
    names: dict[str, Any] = {}
    exec(code.replace("100_000", "8").replace("256", "8"), names)
    assert names["minedojo"].action_space == MINEDOJO
    assert VPTAgent.from_pretrained("runs/sb3/agent").policy.config == SMALL


def test_processes_of_sb3_work_too() -> None:
    envs = RememberingVecEnv(SubprocVecEnv(makers(2), start_method="spawn"), small_policy())
    try:
        PPO(VPTPolicy, envs, policy_kwargs={"model": small_policy()}, **TINY).learn(16)
    finally:
        envs.close()
