"""Results of single episodes on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vpt_gym.collect.rollouts import Episode
from vpt_gym.learning.episode_log import EpisodeLog

SETTINGS = {"agent": "a", "env_kwargs": {"size": (1, 2)}, "sampling_temperature": 1.0}
EPISODES = [Episode(seed, seed % 2 == 0, 0.5, 7, False) for seed in range(3)]


def test_results_come_back_for_the_same_settings_only(tmp_path: Path) -> None:
    log = EpisodeLog(tmp_path / "episodes.jsonl")
    for episode in EPISODES:
        log.append(SETTINGS, episode)
    log.append({**SETTINGS, "sampling_temperature": 0.5}, EPISODES[0])
    log.close()
    again = EpisodeLog(tmp_path / "episodes.jsonl")
    for either in (log, again):
        assert either.finished(SETTINGS) == {episode.seed: episode for episode in EPISODES}
        assert list(either.finished({**SETTINGS, "sampling_temperature": 0.5})) == [0]
        assert either.finished({**SETTINGS, "agent": "b"}) == {}
        assert either.finished({"agent": "a"}) == {}


def test_a_line_that_a_kill_cut_off_is_removed_at_every_length(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    log = EpisodeLog(path)
    for episode in EPISODES:
        log.append(SETTINGS, episode)
    log.close()
    whole = path.read_bytes()
    for length in range(whole.rindex(b"\n", 0, -1) + 1, len(whole)):
        path.write_bytes(whole[:length])
        log = EpisodeLog(path)
        assert list(log.finished(SETTINGS)) == [0, 1]
        log.append(SETTINGS, EPISODES[2])
        log.close()
        assert path.read_bytes() == whole


SEEDS_IN_A_LIST = json.dumps({**EPISODES[0].__dict__, "seed": [1]})


@pytest.mark.parametrize("line", ["{}", "[1]", "{not json}", "[" * 5000, '{"a": ' + "9" * 5000 + "}", SEEDS_IN_A_LIST])
def test_another_damaged_line_is_an_error_that_names_it(tmp_path: Path, line: str) -> None:
    path = tmp_path / "episodes.jsonl"
    path.write_text(json.dumps({"agent": "a", **EPISODES[0].__dict__}) + f"\n{line}\n")
    with pytest.raises(ValueError, match="line 2 is damaged"):
        EpisodeLog(path)
