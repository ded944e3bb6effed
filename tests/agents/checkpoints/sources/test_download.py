"""Published checkpoints by name: the table, the cache, mirrors, files copied there by hand."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.file_server import Files, serving
from vpt_gym.agents.checkpoints.errors import DownloadError
from vpt_gym.agents.checkpoints.sources.download import address, cache_folder, download
from vpt_gym.agents.checkpoints.sources.published import PUBLISHED, STEVE_1, find_published, suggestion
from vpt_gym.agents.policy.config import NAMED

MODEL, WEIGHTS = b"a model description", b"its weights" * 1000


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VPT_GYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VPT_GYM_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def mirror() -> Iterator[Files]:
    with serving(Files({"/m/foundation-model-3x.model": MODEL, "/m/bc-house-3x.weights": WEIGHTS})) as files:
        yield files


def test_the_table_is_consistent() -> None:
    assert set(PUBLISHED) == {
        *(f"foundation-{width}" for width in ("1x", "2x", "3x")),
        "bc-house-3x",
        "bc-early-game-2x",
        "bc-early-game-3x",
        *(f"rl-from-{start}-2x" for start in ("foundation", "house", "early-game")),
        "idm-4x",
    }
    for name, checkpoint in PUBLISHED.items():
        width = name[-2:]
        assert checkpoint.name == name
        assert width in checkpoint.model.name
        assert width in checkpoint.weights.name
        assert checkpoint.model.name.endswith(".model")
        assert checkpoint.weights.name.endswith(".weights")
        assert checkpoint.inverse_dynamics == (width not in NAMED)
        for file in checkpoint.files:
            assert file.url.startswith("https://openaipublic.blob.core.windows.net/minecraft-rl/")
            assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
        if checkpoint.weights.size is not None:  # four bytes per parameter, and the index of the file
            assert 0 < checkpoint.weights.size - 4 * checkpoint.parameters < 100_000
    assert len({c.weights.url for c in PUBLISHED.values()}) == len(PUBLISHED)


def test_names_of_files_are_names_too_and_near_misses_are_corrected() -> None:
    assert find_published("foundation-model-1x") is find_published("foundation-model-1x.weights")
    assert find_published("foundation-model-1x") is PUBLISHED["foundation-1x"]
    assert find_published("4x_idm") is PUBLISHED["idm-4x"]
    assert find_published("foundation") is None
    assert suggestion("fundation-1x").startswith("did you mean foundation-1x")
    assert "rl-from-early-game-2x" in suggestion("rl_from_early_game_2x")
    assert "foundation-1x, foundation-2x" in suggestion("dreamer")


def test_both_files_come_once_and_stay(cache: Path, mirror: Files) -> None:
    files = download("bc-house-3x", mirror=f"{mirror.url}/m/")
    assert files.model == cache / "foundation-model-3x.model"
    assert files.weights == cache / "bc-house-3x.weights"
    assert files.model.read_bytes() == MODEL
    assert files.weights.read_bytes() == WEIGHTS
    assert [path for path, _ in mirror.gets()] == ["/m/foundation-model-3x.model", "/m/bc-house-3x.weights"]
    assert download("bc-house-3x") == files  # OpenAI's server is unreachable here: nothing is requested
    assert download("bc-house-3x", offline=True, verify=True) == files


def test_mirror_and_folder_by_the_environment(
    cache: Path, mirror: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPT_GYM_MIRROR", f"{mirror.url}/m")
    assert download("bc-house-3x").weights.parent == cache
    assert download("bc-house-3x", to=tmp_path / "own").weights == tmp_path / "own" / "bc-house-3x.weights"
    monkeypatch.delenv("VPT_GYM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "vpt-gym"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "vpt-gym"


def test_without_a_network_the_message_says_what_to_fetch_by_hand(cache: Path, mirror: Files) -> None:
    with pytest.raises(DownloadError) as caught:
        download("bc-house-3x", offline=True)
    message = str(caught.value)
    assert f"{cache / 'foundation-model-3x.model'} does not exist, and nothing is downloaded offline" in message
    assert f"put them into {cache}" in message
    for file in PUBLISHED["bc-house-3x"].files:
        assert f"  {file.url}\n" in message
    assert "--mirror URL" in message
    assert "VPT_GYM_MIRROR=URL" in message
    mirror.files.pop("/m/bc-house-3x.weights")
    with pytest.raises(DownloadError, match=r"404 Not Found for .*/m/bc-house-3x\.weights\n"):
        download("bc-house-3x", mirror=f"{mirror.url}/m")
    assert mirror.seen  # the first file came
    assert (cache / "foundation-model-3x.model").exists()


def test_an_address_without_a_file_name_is_listed_with_it(cache: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        download("steve1", offline=True)
    lines = str(caught.value).splitlines()
    for file in STEVE_1.files:
        (line,) = [line for line in lines if line.endswith(file.url)]
        assert file.name in line


def test_files_put_there_by_hand_count(cache: Path) -> None:
    cache.mkdir()
    (cache / "foundation-model-3x.model").write_bytes(MODEL)
    (cache / "bc-house-3x.weights").write_bytes(WEIGHTS)
    assert download("bc-house-3x", offline=True, verify=True).weights.read_bytes() == WEIGHTS


def test_a_file_of_the_wrong_size_is_not_used(cache: Path, mirror: Files) -> None:
    files = download("bc-house-3x", mirror=f"{mirror.url}/m")
    files.weights.write_bytes(WEIGHTS[:-1])
    with pytest.raises(DownloadError, match=r"10,999 bytes instead of 11,000, and nothing is downloaded offline"):
        download("bc-house-3x", offline=True)
    with pytest.warns(UserWarning, match=r"10,999 bytes instead of 11,000: it is downloaded again"):
        download("bc-house-3x", mirror=f"{mirror.url}/m")
    assert files.weights.read_bytes() == WEIGHTS


def test_an_empty_file_is_no_checkpoint(cache: Path, mirror: Files) -> None:
    """Neither that which another program left nor that which a server sends."""
    cache.mkdir()
    (cache / "foundation-model-3x.model").write_bytes(MODEL)
    (cache / "bc-house-3x.weights").touch()
    with pytest.raises(DownloadError, match=r"bc-house-3x\.weights is empty, and nothing is downloaded offline"):
        download("bc-house-3x", offline=True)
    with pytest.warns(UserWarning, match="is empty: it is downloaded again"):
        files = download("bc-house-3x", mirror=f"{mirror.url}/m")
    assert files.weights.read_bytes() == WEIGHTS
    mirror.files["/m/bc-house-3x.weights"] = b""
    files.weights.unlink()
    with pytest.raises(DownloadError, match=r"is empty: .*/m/bc-house-3x\.weights has no such checkpoint"):
        download("bc-house-3x", mirror=f"{mirror.url}/m")


def test_a_damaged_file_is_noticed_on_request(cache: Path, mirror: Files) -> None:
    files = download("bc-house-3x", mirror=f"{mirror.url}/m")
    files.weights.write_bytes(b"X" + WEIGHTS[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        download("bc-house-3x", offline=True)  # the size is right; loading compares the file's own checksums
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    with pytest.raises(DownloadError, match=f"damaged: its SHA-256 is not {sha256}"):
        download("bc-house-3x", offline=True, verify=True)
    with pytest.warns(UserWarning, match="damaged"):
        download("bc-house-3x", mirror=f"{mirror.url}/m", verify=True)
    assert files.weights.read_bytes() == WEIGHTS


def test_the_known_size_and_hash_of_a_file_are_compared(cache: Path, mirror: Files) -> None:
    known = PUBLISHED["foundation-1x"].model
    mirror.files[f"/m/{known.name}"] = b"something shorter"
    with pytest.raises(DownloadError, match=r"offers 17 bytes, the published file has 1,861"):
        download("foundation-1x", mirror=f"{mirror.url}/m")
    assert known.size is not None
    mirror.files[f"/m/{known.name}"] = bytes(known.size)
    with pytest.raises(DownloadError, match=f"not {known.sha256}"):
        download("foundation-1x", mirror=f"{mirror.url}/m")
    assert not (cache / known.name).exists()


def test_unknown_names_and_addresses_are_refused(cache: Path) -> None:
    with pytest.raises(ValueError, match=r"'foundatoin-1x'; did you mean foundation-1x"):
        download("foundatoin-1x")
    with pytest.raises(ValueError, match="begins with http"):
        download("foundation-1x", mirror="/mnt/files")
    file = PUBLISHED["idm-4x"].weights
    assert address(file) == file.url
    assert address(file, "https://mirror.example/vpt/") == "https://mirror.example/vpt/4x_idm.weights"
