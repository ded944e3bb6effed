"""The example that learns an env's own actions, as a user runs it, and after it was killed."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import gymnasium as gym
import pytest
import torch

from tests.support.contractor_files import golden_records, write_recording
from tests.support.example_scripts import load_example
from tests.support.paths import ROOT
from tests.support.python_processes import output_of, run, start
from tests.support.small_policy import SMALL
from tests.support.stand_in_device import STAND_IN, on_stand_in, stand_in_device
from vpt_gym import VPTAgent, VPTObsWrapper
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.run import record
from vpt_gym.collect.session import Recording
from vpt_gym.demos import list_demos
from vpt_gym.demos.dataset.native import NativeLabels
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.runs.args import RunArgs
from vpt_gym.learning.validation import Validation

KWARGS = json.dumps(
    {"level": "easy", "actions": "minedojo", "cam_interval": 5, "image_size": [64, 64], "max_episode_steps": 10}
)
TRAIN = ("--train.seq-len", "4", "--train.batch-size", "2", "--no-tensorboard", "--env-kwargs", KWARGS)
EPISODES = ("--validation-episodes", "2", "--eval-episodes", "2")
SIZES = (3, 3, 4, 73, 73, 8, 244, 36)


SCRIPT = ROOT / "examples" / "finetune_native.py"


@pytest.fixture(scope="module")
def demos(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("demos")
    record(Recording(folder, episodes=3, size="128"))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("model") / "agent"
    VPTAgent.from_config(SMALL, seed=0).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def frozen(demos, model, tmp_path_factory) -> Path:
    out: Path = tmp_path_factory.mktemp("runs") / "frozen"
    options = ("--freeze", "net.*", "--train.steps", "80", "--validate-every", "40", "--train.lr", "5e-3")
    words = ("--demos", demos, "--model", model, "--out", out, *options, *TRAIN, *EPISODES)
    output = output_of(SCRIPT, *words, fresh=True)
    assert "2 demos to train on, 1 to validate on" in output
    return out


def test_the_heads_learn_on_a_frozen_trunk(model, frozen):
    before, after = (VPTAgent.from_pretrained(path).policy for path in (model, frozen / "agent"))
    assert after.config.action_sizes == SIZES
    for (name, one), other in zip(before.net.state_dict().items(), after.net.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    metrics = read_metrics(frozen / "metrics.jsonl")
    assert metrics[-1]["train/loss"] < metrics[0]["train/loss"]
    validated = [entry for entry in metrics if "validation/loss" in entry]
    assert [entry["step"] for entry in validated] == [40, 80]
    assert {"validation/accuracy_move", "validation/accuracy_yaw", "validation/success"} <= set(validated[0])
    results = json.loads((frozen / "results.json").read_text())
    assert results["entries"]["craft"] == {"accuracy": 1.0, "majority": 1.0}
    assert results["evaluation"]["seed_range"]["first"] == 9_000_000


def test_the_saved_agent_acts_without_a_translator(frozen):
    env = VPTObsWrapper(gym.make("vpt_gym/Harvest1Log-v0", **json.loads(KWARGS)))
    agent = VPTAgent.from_pretrained(frozen / "agent", precision="fp32")
    obs, _ = env.reset(seed=0)
    agent.reset(seed=0)
    for _ in range(3):
        action = agent.act(obs)
        assert env.action_space.contains(action)
        obs, *_ = env.step(action)
    env.close()


def test_a_saved_agent_is_trained_on_with_its_heads(demos, frozen, tmp_path):
    options = ("--train.steps", "1", "--validation-episodes", "0", "--eval-episodes", "0", "--train.lr", "1e-6")
    output_of(SCRIPT, "--demos", demos, "--model", frozen / "agent", "--out", tmp_path / "run", *TRAIN, *options)
    before, after = (VPTAgent.from_pretrained(path).policy for path in (frozen / "agent", tmp_path / "run" / "agent"))
    for one, other in zip(before.pi_head.parameters(), after.pi_head.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_after_a_kill_the_weights_are_those_of_an_uninterrupted_run(demos, model, tmp_path):
    options = ("--demos", demos, "--model", model, "--validate-every", "5", "--validation-episodes", "0", *TRAIN)
    options = (*options, "--eval-episodes", "0", "--train.steps")
    output_of(SCRIPT, *options, "20", "--out", tmp_path / "whole")
    killed = tmp_path / "killed"
    process = start(SCRIPT, *options, "20", "--out", killed)
    deadline = time.monotonic() + 300
    while process.poll() is None and not (killed / "checkpoints" / "last.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    output_of(SCRIPT, "--resume", killed, fresh=True)  # its sets have another order
    weights = [VPTAgent.from_pretrained(out / "agent").policy.state_dict() for out in (tmp_path / "whole", killed)]
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name
    steps = [[entry["step"] for entry in read_metrics(out / "metrics.jsonl")] for out in (tmp_path / "whole", killed)]
    assert steps[0] == steps[1] == [5, 10, 15, 20]


def test_its_heads_are_trained_and_validated_off_the_cpu(demos):
    script = load_example("finetune_native")
    args = script.Args((demos,), train=TrainArgs(steps=2, seq_len=4, batch_size=1, order="carried", mirror=False))
    args.device, args.precision = STAND_IN, None
    env = args.make_env()
    labels = NativeLabels(lambda: args.make_translator(env))
    with stand_in_device():
        agent, fresh = script.with_heads(VPTAgent.from_config(SMALL, seed=0), labels.space, labels.sizes, args)
        assert fresh
        dataset = make_dataset(args.demos, args.train, seed=0, labels=labels)
        init_action_heads(agent.policy, dataset.labels)
        trainer = BCTrainer(agent.policy, dataset, args.train)
        assert trainer.update()["train/loss"] > 0
        figures = Validation(list_demos(demos), labels=labels).measure(agent.policy)
        assert on_stand_in(agent.policy.pi_head.choices[0].linear_layer.weight)
    assert figures.accuracies["6"] == 1.0, "nothing is crafted"
    env.close()


def test_an_env_of_ones_own_with_a_translator_of_ones_own(demos, model, tmp_path):
    (tmp_path / "walking.py").write_text(
        "import gymnasium as gym, numpy as np\n"
        "from vpt_gym.actions import Translator\n"
        "class Walk(gym.Env):\n"
        "    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)\n"
        "    action_space = gym.spaces.Discrete(2)\n"
        "    def reset(self, *, seed=None, options=None):\n"
        "        super().reset(seed=seed)\n"
        "        self.left = 5\n"
        "        return np.zeros((128, 128, 3), np.uint8), {}\n"
        "    def step(self, action):\n"
        "        assert self.action_space.contains(action), action\n"
        "        self.left -= 1\n"
        "        return np.zeros((128, 128, 3), np.uint8), 0.0, self.left == 0, False, {'success': bool(action)}\n"
        "class Keys(Translator):\n"
        "    action_space = Walk.action_space\n"
        "    def to_env(self, human):\n"
        "        self.unexpressed = {}\n"
        "        return int(human['forward'])\n"
        "    def to_human(self, env_action): ...\n"
        "    def coverage(self): ...\n"
        "gym.register('Walk-v0', Walk)\n"
    )
    options = ("--train.steps", "2", "--train.seq-len", "4", "--train.batch-size", "2", "--no-tensorboard", *EPISODES)
    own = ("--env", "walking:Walk-v0", "--translator", "walking:Keys", "--out", tmp_path / "run")
    output_of(SCRIPT, "--demos", demos, "--model", model, *own, *options, cwd=tmp_path)
    assert VPTAgent.from_pretrained(tmp_path / "run" / "agent").policy.config.action_sizes == (2,)


def test_joined_segments_of_a_session_are_all_held_out_or_none(model, tmp_path):
    for number in range(2):
        write_recording(tmp_path / "demos" / f"Player1-abc-20211003-10000{number}", golden_records())
    script = load_example("finetune_native")
    args = script.Args(
        (tmp_path / "demos",),
        model=str(model),
        validation=0.5,
        train=TrainArgs(order="carried", join_segments=True, mirror=False),
        eval_episodes=0,
        env=EnvArgs(kwargs=KWARGS),
        run=RunArgs(out=tmp_path / "run", tensorboard=False),
    )
    with pytest.raises(ValueError, match=r"1 episodes, .* holds out 1, leave nothing"):
        script.main(args)


def test_new_heads_are_not_kept_near_what_they_start_from(model, tmp_path):
    script = load_example("finetune_native")
    train = TrainArgs(kl_to_start=0.5, mirror=False)
    args = script.Args((tmp_path,), model=str(model), train=train, env=EnvArgs(kwargs=KWARGS))
    with pytest.raises(ValueError, match=r"kl_to_start is 0\.5.*fresh heads"):
        script.main(args)


def test_what_cannot_be_learned_is_reported(demos, model, tmp_path):
    arguments = ("--demos", demos, "--model", model, "--out", tmp_path / "run", "--env-kwargs", '{"level": "easy"}')
    result = run(SCRIPT, *arguments)
    assert result.returncode != 0
    assert "no head for the action space Dict" in result.stderr
    assert not (tmp_path / "run").exists()
