"""`VPTAgent.from_pretrained`: files, folders, published names and ids of the Hugging Face Hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support.file_server import Files, serving
from tests.support.published_files import SMALL_1X, published_state, write_model
from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.checkpoints.errors import DownloadError, WrongFile
from vpt_gym.agents.checkpoints.policy import load_pair
from vpt_gym.agents.checkpoints.pretrained import is_hub_id
from vpt_gym.agents.policy.heads import ValueHead
from vpt_gym.agents.policy.policy import VPTPolicy


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return published_state(SMALL_1X)


@pytest.fixture
def pair(tmp_path: Path, state: dict[str, Tensor]) -> tuple[Path, Path]:
    torch.save(state, tmp_path / "x.weights")
    return write_model(tmp_path / "x.model", SMALL_1X), tmp_path / "x.weights"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VPT_GYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VPT_GYM_MIRROR", "http://127.0.0.1:1")  # no server listens there
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


def same(agent: VPTAgent, state: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in agent.policy.state_dict().items())


def test_a_published_name_is_downloaded_and_then_comes_from_the_cache(
    cache: Path, pair: tuple[Path, Path], state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, weights = (path.read_bytes() for path in pair)
    with serving(Files({"/2x.model": model, "/rl-from-early-game-2x.weights": weights})) as files:
        monkeypatch.setenv("VPT_GYM_MIRROR", files.url)
        assert same(VPTAgent.from_pretrained("rl-from-early-game-2x"), state)
    monkeypatch.setenv("VPT_GYM_MIRROR", "http://127.0.0.1:1")
    agent = VPTAgent.from_pretrained("rl-from-early-game-2x")
    assert same(agent, state)
    assert agent.report is not None
    assert agent.report.source == str(cache / "rl-from-early-game-2x.weights")
    assert set(agent.report.ignored.values()) == {"auxiliary value head"}


def test_without_a_network_the_error_says_what_to_do(cache: Path) -> None:
    with pytest.raises(DownloadError, match=rf"cannot be reached.*\n.*put them into {cache}"):
        VPTAgent.from_pretrained("foundation-1x")


def test_what_exists_comes_before_names(cache: Path, tmp_path: Path) -> None:
    VPTAgent.from_config(SMALL_1X, seed=1).save_pretrained("foundation-1x")
    VPTAgent.from_config(SMALL_1X, seed=2).save_pretrained("org/name")
    for name in ("foundation-1x", "org/name"):
        assert VPTAgent.from_pretrained(name).policy.config == SMALL_1X
        assert VPTAgent.from_pretrained(Path(name)).policy.config == SMALL_1X


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("foundation-1", "no file or folder foundation-1, and no published checkpoint.*did you mean foundation-1x"),
        ("Foundation_2X", "did you mean foundation-2x"),
        ("something else", "published are foundation-1x, "),
        ("models/foundation-model-1x.model", r"no file or folder models/foundation-model-1x\.model$"),
        ("a/b/c", "no file or folder a/b/c, and"),
    ],
)
def test_the_error_of_an_unknown_source_lists_similar_names(cache: Path, source: str, message: str) -> None:
    with pytest.raises(FileNotFoundError, match=message):
        VPTAgent.from_pretrained(source)


def test_combinations_that_make_no_sense_are_refused(cache: Path, pair: tuple[Path, Path]) -> None:
    model, weights = pair
    with pytest.raises(ValueError, match=r"describes an architecture; give its weights too"):
        VPTAgent.from_pretrained(model)
    with pytest.raises(ValueError, match=r"holds weights alone; give the \.model file first"):
        VPTAgent.from_pretrained(weights)
    for name, message in (("agent.onnx", "is an export, which is no agent"), ("notes.txt", r"nor a \.model file")):
        (other := model.with_name(name)).write_bytes(b"other")
        with pytest.raises(ValueError, match=message):
            VPTAgent.from_pretrained(other)
    with pytest.raises(ValueError, match="foundation-1x comes with its own weights; leave weights_path out"):
        VPTAgent.from_pretrained("foundation-1x", weights)
    with pytest.raises(ValueError, match="org/name is on the Hugging Face Hub and comes with its own weights"):
        VPTAgent.from_pretrained("org/name", weights)
    with pytest.raises(ValueError, match="leave revision='main' out"):
        VPTAgent.from_pretrained(model, weights, revision="main")
    with pytest.raises(ValueError, match="not on the Hugging Face Hub; leave revision="):
        VPTAgent.from_pretrained("foundation-1x", revision="main")
    with pytest.raises(WrongFile, match=r"inverse dynamics model, not a policy"):
        VPTAgent.from_pretrained("idm-4x")
    assert not cache.exists()


def test_no_weights_are_made_only_to_be_overwritten(pair: tuple[Path, Path], state: dict[str, Tensor]) -> None:
    torch.manual_seed(0)
    ValueHead(SMALL_1X.hidsize)  # the one part that a file may lack
    expected = torch.random.get_rng_state()
    torch.manual_seed(0)
    policy, report = load_pair(*pair)
    assert torch.equal(torch.random.get_rng_state(), expected)
    assert report.ok
    made = VPTPolicy(SMALL_1X)
    for (name, loaded), (other, fresh) in zip(policy.named_parameters(), made.named_parameters(), strict=True):
        assert (name, loaded.shape, loaded.dtype) == (other, fresh.shape, fresh.dtype)
        assert loaded.requires_grad == fresh.requires_grad, name
        assert loaded.device == fresh.device
        assert loaded.is_contiguous()
        assert isinstance(loaded, torch.nn.Parameter)


def test_loaded_parameters_share_no_memory(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """A file can hold tensors that are views of one storage; training one must not change another."""
    shared = dict(state)
    shared["net.final_ln.bias"] = shared["net.lastlayer.norm.bias"] = torch.arange(64.0)
    rows = torch.rand(256, 64)
    shared["net.lastlayer.layer.weight"] = rows[64:128]
    shared["net.recurrent_layer.blocks.0.mlp1.layer.weight"] = rows.T
    torch.save(shared, tmp_path / "x.weights")
    policy, _ = load_pair(write_model(tmp_path / "x.model", SMALL_1X), tmp_path / "x.weights")
    for key, value in policy.state_dict().items():
        assert torch.equal(value, shared[key]), key
    pointers = [parameter.untyped_storage().data_ptr() for parameter in policy.parameters()]
    assert len(set(pointers)) == len(pointers)
    assert sum(p.untyped_storage().nbytes() for p in policy.parameters()) == 4 * sum(
        p.numel() for p in policy.parameters()
    )


def test_a_missing_value_head_is_made_fresh(tmp_path: Path, state: dict[str, Tensor]) -> None:
    trunk = {key: value for key, value in state.items() if key.startswith(("net.", "pi_head."))}
    torch.save(trunk, tmp_path / "x.weights")
    with pytest.warns(UserWarning, match="value_head"):
        agent = VPTAgent.from_pretrained(write_model(tmp_path / "x.model", SMALL_1X), tmp_path / "x.weights")
    head = agent.policy.value_head
    assert head.linear.weight.abs().sum() > 0
    assert head.normalizer.debiasing_term == 0
    assert not head.linear.weight.is_meta


def test_a_folder_of_safetensors_is_loaded_without_aliases(tmp_path: Path) -> None:
    VPTAgent.from_config(SMALL_1X, seed=3).save_pretrained(tmp_path / "a")
    agent = VPTAgent.from_pretrained(tmp_path / "a")
    with torch.no_grad():
        agent.policy.net.final_ln.weight.fill_(7.0)
    (tmp_path / "a" / "model.safetensors").unlink()
    pointers = {parameter.untyped_storage().data_ptr() for parameter in agent.policy.parameters()}
    assert len(pointers) == len(list(agent.policy.parameters()))


# The Hugging Face Hub, by its real client against a server on this machine.


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("org/name", True),
        ("o-r_g/na.me-1", True),
        ("name", False),
        ("a/b/c", False),
        ("./name", False),
        ("../name", False),
        ("/name", False),
        ("org/x.model", False),
        ("org/x.safetensors", False),
        ("org/", False),
        ("~/name", False),
    ],
)
def test_ids_of_the_hub_are_distinguished_from_paths(name: str, is_one: bool) -> None:
    assert is_hub_id(name) == is_one


@pytest.mark.parametrize("name", ["runs/nope", "./runs/nope", "runs/nope/agent", "{}/runs/nope", "~/runs/nope"])
def test_a_mistyped_folder_is_reported_with_its_neighbours_and_not_looked_up_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # an attempt to use it raises another error
    for folder in ("demo", "bc"):
        (tmp_path / "runs" / folder).mkdir(parents=True)
    (tmp_path / "runs" / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder .*nope.*: .*runs has bc, demo(;|$)"):
        VPTAgent.from_pretrained(name.format(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"\. has runs$"):
        VPTAgent.from_pretrained("./nope")
    (tmp_path / "saved").mkdir()
    with pytest.raises(FileNotFoundError, match="saved has no folder and no checkpoint"):
        VPTAgent.from_pretrained("saved/nope")


def test_a_revision_asks_for_the_hub_even_if_a_folder_has_the_name_of_the_organisation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    (tmp_path / "org").mkdir()
    with pytest.raises(FileNotFoundError, match=r"org/agent.*pass revision='main'"):
        VPTAgent.from_pretrained("org/agent")
    with pytest.raises(ImportError, match="Hugging Face Hub"):
        VPTAgent.from_pretrained("org/agent", revision="main")


COMMIT = "0123456789abcdef0123456789abcdef01234567"

FROM_HUB = """
import sys, torch
from vpt_gym.agents.agent import VPTAgent
try:
    agent = VPTAgent.from_pretrained(sys.argv[1], revision=sys.argv[2] or None)
except Exception as error:
    print(type(error).__name__, str(error).replace("\\n", " "))
else:
    print("ok", len(agent.report.loaded), float(agent.policy.net.final_ln.weight.sum()))
"""


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, float]:
    agent = VPTAgent.from_config(SMALL_1X, seed=3)
    with torch.no_grad():
        agent.policy.net.final_ln.weight.uniform_()
    agent.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved", agent.policy.net.final_ln.weight.sum().item()


@pytest.fixture
def hub_server(saved: tuple[Path, float]) -> Iterator[Files]:
    contents = {file.name: file.read_bytes() for file in saved[0].iterdir()}
    files = {f"/org/agent/resolve/{rev}/{n}": c for rev in ("main", "v2", COMMIT) for n, c in contents.items()}
    with serving(Files(files, headers={"X-Repo-Commit": COMMIT})) as server:
        yield server


def from_hub(tmp_path: Path, endpoint: str, name: str, revision: str = "", **env: str) -> str:
    """Runs from_pretrained in a separate process, since the client reads its settings when it is imported."""
    done = subprocess.run(
        [sys.executable, "-c", FROM_HUB, name, revision],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "no_proxy": "127.0.0.1",
            **env,
        },
    )
    return done.stdout.splitlines()[-1]


def test_an_id_of_the_hub_is_fetched_and_then_comes_from_its_cache(
    tmp_path: Path, hub_server: Files, saved: tuple[Path, float]
) -> None:
    expected = f"ok 134 {saved[1]}"
    # As if somebody pushed another agent after the config was fetched: its commit still has the weights of this one.
    del hub_server.files["/org/agent/resolve/main/model.safetensors"]
    assert from_hub(tmp_path, hub_server.url, "org/agent") == expected
    assert from_hub(tmp_path, hub_server.url, "org/agent", "v2") == expected
    asked = {path for _, path, _ in hub_server.seen}
    assert "/org/agent/resolve/v2/config.json" in asked
    assert from_hub(tmp_path, hub_server.url, "org/agent", HF_HUB_OFFLINE="1") == expected


def test_a_missing_repository_on_the_hub_is_an_error(tmp_path: Path, hub_server: Files) -> None:
    hub_server.headers = {"X-Repo-Commit": COMMIT, "X-Error-Code": "RepoNotFound"}
    answer = from_hub(tmp_path, hub_server.url, "org/other")
    assert answer.startswith("DownloadError org/other is neither a file nor a folder on this machine")
    hub_server.headers = {"X-Repo-Commit": COMMIT, "X-Error-Code": "EntryNotFound"}
    del hub_server.files["/org/agent/resolve/main/config.json"]
    answer = from_hub(tmp_path, hub_server.url, "org/agent")
    assert answer.startswith("WrongFile org/agent on the Hugging Face Hub has no config.json")


def test_an_unreachable_hub_is_an_error(tmp_path: Path) -> None:
    answer = from_hub(tmp_path, "http://127.0.0.1:1", "org/agent", HF_HUB_OFFLINE="1")
    assert answer.startswith(
        "DownloadError org/agent is neither a file nor a folder on this machine nor in the Hub's cache"
    )


def test_without_the_client_the_exact_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r'org/agent is neither a file nor a folder.*: pip install "vpt-gym\[hub\]"$'):
        VPTAgent.from_pretrained("org/agent")


def test_an_old_folder_without_new_config_fields_still_loads(tmp_path: Path) -> None:
    """Folders written before a field existed lack it."""
    agent = VPTAgent.from_config(SMALL_1X, seed=0)
    agent.save_pretrained(tmp_path)
    description = json.loads((tmp_path / "config.json").read_text())
    kept = {"hidsize", "attention_heads", "impala_width", "attention_memory_size", "timesteps"}
    description["config"] = {k: v for k, v in description["config"].items() if k in kept}
    (tmp_path / "config.json").write_text(json.dumps(description))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert VPTAgent.from_pretrained(tmp_path).policy.config == SMALL_1X
