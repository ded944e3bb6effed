"""The scores of an inverse dynamics model's labels."""

from __future__ import annotations

import numpy as np
import pytest

from vpt_gym.actions import factored
from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.learning.idm.scores import bootstrap, score


def actions(held: dict[str, list[int]], yaw: list[float]) -> dict:
    buttons = np.zeros((len(yaw), 20), int)
    for name, values in held.items():
        buttons[:, VPT_BUTTONS.index(name)] = values
    action = factored.to_human(buttons, np.full((len(yaw), 2), 5))
    return {**action, "camera": np.stack([np.zeros(len(yaw)), np.array(yaw)], 1)}


class TestScores:
    def test_the_scores_are_those_of_the_definitions(self) -> None:
        truth = actions({"attack": [1, 1, 1, 0], "jump": [0, 1, 0, 0]}, [1.0, -1.0, 1.0, -1.0])
        said = actions({"attack": [1, 0, 1, 1], "jump": [0, 1, 0, 0], "use": [0, 0, 1, 0]}, [1.0, -1.0, 0.0, 0.0])
        scores = score([said], [truth])
        assert set(scores.buttons) == {"attack", "jump"}
        assert scores.key_accuracy == 6 / 8
        assert scores.majority_accuracy == 6 / 8
        assert scores.exact_match == 1 / 4
        assert scores.majority_exact_match == 2 / 4
        attack = scores.buttons["attack"]
        assert (attack.share, attack.accuracy, attack.majority) == (0.75, 0.5, 0.75)
        assert attack.precision == attack.recall == pytest.approx(2 / 3)
        assert attack.f1 == pytest.approx(2 / 3)
        assert scores.buttons["jump"].f1 == 1
        assert scores.camera_r2 == scores.yaw_r2 == 0.5
        assert np.isnan(scores.pitch_r2)

    def test_the_interval_holds_the_score_and_perfect_labels_have_none(self) -> None:
        rng = np.random.default_rng(0)
        truth = [actions({"attack": rng.integers(0, 2, 30)}, rng.normal(0, 3, 30)) for _ in range(8)]
        noisy = [{**one, "camera": one["camera"] + rng.normal(0, 1, (30, 2)) * (0, 1)} for one in truth]
        low, high = bootstrap(noisy, truth, samples=200)["camera_r2"]
        assert low < score(noisy, truth).camera_r2 < high
        assert high - low > 0.001
        assert bootstrap(truth, truth, samples=20)["key_accuracy"] == (1.0, 1.0)

    def test_the_interval_is_that_of_95_percent(self) -> None:
        truth = [actions({"attack": [1]}, [0.0])] * 40
        said = [actions({"attack": [number % 2]}, [0.0]) for number in range(40)]
        low, high = bootstrap(said, truth, samples=400)["exact_match"]
        assert high - low == pytest.approx(2 * 1.96 * 0.5 / 40**0.5, abs=0.026)  # 0.31; of 90 % it would be 0.26

    def test_the_majority_is_what_more_than_half_of_the_ticks_have(self) -> None:
        truth = actions({"attack": [1] * 9 + [0] * 11, "jump": [1] * 11 + [0] * 9}, [0.0] * 20)
        scores = score([truth], [truth])
        assert scores.majority_accuracy == scores.buttons["attack"].majority == scores.buttons["jump"].majority == 0.55

    def test_episodes_without_a_button_are_drawn_too_and_all_draws_are_about_the_same_buttons(self) -> None:
        truth = [actions({}, [0.0, 1.0])] * 3 + [actions({"attack": [1, 1], "jump": [1, 0]}, [0.0, 1.0])]
        said = [actions({}, [0.0, 1.0])] * 4
        low, high = bootstrap(said, truth, samples=200)["key_accuracy"]
        assert high == 1.0  # only episodes in which nothing is held
        assert low < score(said, truth).key_accuracy == 13 / 16
        assert score(said[3:], truth[3:], used=("attack", "jump", "use")).key_accuracy == 3 / 6

    def test_what_cannot_be_scored_is_refused(self) -> None:
        one = actions({"attack": [1, 0]}, [0.0, 1.0])
        idle = actions({}, [0.0, 1.0])
        with pytest.raises(ValueError, match="same episodes"):
            score([one], [actions({"attack": [1]}, [0.0])])
        with pytest.raises(ValueError, match="no button is ever held"):
            score([one], [idle])
