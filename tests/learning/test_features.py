from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.contractor_files import record, write_recording
from tests.support.frame_counter_env import counter_frame
from vpt_gym.actions.human import human_action
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.trainable import freeze, unfreeze
from vpt_gym.demos import DemoDataset, DemoWriter, read_demo
from vpt_gym.demos.dataset.cache import CacheFullError
from vpt_gym.learning.features import FeatureCache
from vpt_gym.learning.losses import bc_loss

CONFIG = VPTConfig(
    hidsize=32,
    attention_heads=2,
    impala_width=1,
    impala_chans=(8, 8, 8),
    n_recurrence_layers=1,
    attention_memory_size=12,
    timesteps=4,
    stem_pool=8,
)
CHOICES = {"seq_len": 8, "batch_size": 2, "order": "carried", "seed": 3}


def write(directory: Path, episode: int, ticks: int) -> Path:
    writer = DemoWriter(directory)
    for t in range(ticks):
        writer.append(counter_frame(t, (32, 48), episode), human_action("forward", camera=(0.0, float(t % 3))))
    path = writer.close()
    assert path is not None
    return path


@pytest.fixture
def demos(tmp_path: Path) -> Path:
    for episode, ticks in enumerate((70, 19)):
        write(tmp_path / "demos", episode, ticks)
    return tmp_path / "demos"


@pytest.fixture
def policy() -> VPTPolicy:
    torch.manual_seed(0)
    policy = VPTPolicy(CONFIG)
    freeze(policy, "net.img_process.*")
    return policy


def files(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in directory.iterdir() if path.name != "in_use"}


def test_training_on_features_is_training_on_frames(demos: Path, policy: VPTPolicy) -> None:
    cache = FeatureCache(policy)
    on_frames, on_features = DemoDataset(demos, **CHOICES), DemoDataset(demos, cache=cache, **CHOICES)
    memories = [None, None]
    for _ in range(6):
        losses, gradients = [], []
        for which, dataset in enumerate((on_frames, on_features)):
            batch = dataset.next_batch()
            policy.zero_grad()
            output = policy(batch.frames, batch.first, memories[which])
            memories[which] = output.memory.detach()
            loss = bc_loss(output.pi, batch.codes, batch.weight)
            loss.backward()
            losses.append(loss.item())
            gradients.append({name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None})
        assert batch.frames.shape == (2, 8, CONFIG.hidsize)
        assert batch.frames.dtype == torch.float32
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)
        assert gradients[0].keys() == gradients[1].keys()
        assert not any(name.startswith("net.img_process.") for name in gradients[1])
        for name, gradient in gradients[0].items():
            torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-6)


def test_files_are_found_again_until_weights_precision_or_video_change(
    demos: Path, policy: VPTPolicy, tmp_path: Path
) -> None:
    directory = tmp_path / "features"
    paths = sorted(demos.glob("*.json"))
    first = [np.array(FeatureCache(policy, directory=directory).frames(read_demo(path))) for path in paths]
    assert [len(part) for part in first] == [len(read_demo(path)) for path in paths]
    kept = files(directory)
    assert len(kept) == 2

    cache = FeatureCache(policy, directory=directory)
    again = cache.frames(read_demo(paths[0]))
    assert files(directory) == kept
    assert np.array_equal(again, first[0])
    assert not again.flags.writeable

    with torch.no_grad():  # no part of the image network
        policy.net.final_ln.bias.add_(1.0)
    cache.frames(read_demo(paths[0]))
    assert files(directory) == kept

    with torch.no_grad():
        policy.net.img_process.linear.layer.weight.mul_(2.0)
    doubled = cache.frames(read_demo(paths[0]))
    np.testing.assert_allclose(doubled, 2 * first[0], rtol=1e-5, atol=1e-5)
    assert len(files(directory)) == 3

    policy.set_precision("bf16")
    rounded = cache.frames(read_demo(paths[0]))
    assert len(files(directory)) == 4
    assert not np.array_equal(rounded, doubled)
    np.testing.assert_allclose(rounded, doubled, rtol=0, atol=0.2 * np.abs(doubled).max())

    for path in demos.iterdir():
        path.unlink()
    other = write(demos, 7, 30)
    assert cache.frames(read_demo(other)).shape == (30, CONFIG.hidsize)
    assert len(files(directory)) == 5


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-1], lambda content: b"x" + content])
def test_a_damaged_file_of_features_is_computed_again(demos: Path, policy: VPTPolicy, tmp_path: Path, damage) -> None:
    demo = read_demo(sorted(demos.glob("*.json"))[0])
    expected = np.array(FeatureCache(policy, directory=tmp_path / "cache").frames(demo))
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(RuntimeWarning, match="is damaged; its features are computed again"):
        assert np.array_equal(FeatureCache(policy, directory=tmp_path / "cache").frames(demo), expected)


def test_features_are_those_of_the_frames_with_their_cursor(policy: VPTPolicy, tmp_path: Path) -> None:
    records = [record(t, isGuiOpen=True, mouse={"x": 100.0 * t, "y": 50.0 * t}) for t in range(4)]
    recording = write_recording(tmp_path / "demos" / "a", records, [counter_frame(t, (36, 64)) for t in range(4)])
    large = np.full((30, 30, 4), 255, np.uint8)
    found = {}
    for name, sprite in (("own arrow", None), ("large", large), ("own arrow again", None)):
        demo = read_demo(recording, cursor=sprite)
        found[name] = np.array(FeatureCache(policy, directory=tmp_path / "cache").frames(demo))
        assert np.array_equal(found[name], FeatureCache(policy).frames(demo))
    assert not np.array_equal(found["own arrow"], found["large"])
    assert np.array_equal(found["own arrow"], found["own arrow again"])
    assert len(files(tmp_path / "cache")) == 2


def test_a_full_disk_is_an_error_that_names_it(demos: Path, policy: VPTPolicy, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        with pytest.raises(CacheFullError, match=r"the disk of .* is full: 8,960 bytes of features do not fit"):
            DemoDataset(demos, cache=FeatureCache(policy, directory=place), **CHOICES)
        assert not [path for path in place.iterdir() if path.is_dir()]
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_what_a_killed_process_left_is_removed_and_nothing_else(demos: Path, policy: VPTPolicy, tmp_path: Path) -> None:
    demo = read_demo(sorted(demos.glob("*.json"))[0])
    directory = tmp_path / "cache"
    FeatureCache(policy, directory=directory).frames(demo)
    (whole,) = directory.iterdir()
    whole.rename(tmp_path / whole.name)
    child = os.fork()
    if child == 0:
        policy.encode = lambda frames: os.kill(os.getpid(), signal.SIGKILL)
        FeatureCache(policy, directory=directory).frames(demo)
    os.waitpid(child, 0)
    (left,) = directory.iterdir()
    foreign = directory / "film.npy"
    foreign.write_bytes(b"mine")
    FeatureCache(policy, directory=directory).frames(demo)
    assert set(directory.iterdir()) == {whole, left, foreign}  # as young as that of a process that is just beginning
    whole.unlink()
    os.utime(left, (0, 0))
    FeatureCache(policy, directory=directory).frames(demo)
    assert set(directory.iterdir()) == {whole, foreign}


def test_a_temporary_directory_goes_with_the_cache(demos: Path, policy: VPTPolicy) -> None:
    cache = FeatureCache(policy)
    directory = cache.directory
    dataset = DemoDataset(demos, cache=cache, **CHOICES)
    assert len(files(directory)) == 2
    dataset.next_batch()
    del dataset, cache
    assert not directory.exists()


def test_what_cannot_be_cached_is_refused(demos: Path, policy: VPTPolicy) -> None:
    cache = FeatureCache(policy)
    with pytest.raises(ValueError, match="mirror=True flips frames, but this cache holds features"):
        DemoDataset(demos, cache=cache, seq_len=4, order="random", mirror=True)
    unfreeze(policy)
    with pytest.raises(ValueError, match=r'such as cnn\.stacks.* call freeze\(policy, "net\.img_process\.\*"\) first'):
        FeatureCache(policy)
    with pytest.raises(ValueError, match="frozen image network"):
        cache.frames(read_demo(next(demos.glob("*.json"))))


def test_checkpointing_changes_no_gradient(policy: VPTPolicy) -> None:
    unfreeze(policy)
    frames = torch.randint(0, 256, (2, 5, 128, 128, 3), dtype=torch.uint8)
    first = torch.zeros(2, 5, dtype=torch.bool)
    policy.net.img_process.chunk = 4
    there_anyway = {tensor.untyped_storage().data_ptr() for tensor in (frames, *policy.parameters())}
    kept, gradients = [], []
    for wanted in (False, True):
        policy.gradient_checkpointing = wanted
        assert policy.gradient_checkpointing is wanted
        policy.zero_grad()
        sizes: list[int] = []

        def keep(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            if tensor.untyped_storage().data_ptr() not in there_anyway:
                sizes.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            output = policy(frames, first)
        kept.append(sum(sizes))
        (output.value.sum() + output.pi.buttons[..., 0].sum()).backward()
        gradients.append({name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None})
    assert kept[1] < kept[0] / 2
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-6)
