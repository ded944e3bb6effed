"""An environment's own actions as labels: against actions written out by hand, and tick by tick in the batches."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from tests.support.counter_demos import counter_action, write_counter_demo
from tests.support.numbered_demos import make_dataset, write_episodes
from vpt_gym.actions import KeyedTranslator
from vpt_gym.actions.choices import action_sizes, from_choices, to_choices
from vpt_gym.actions.human import human_action
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.actions.protocol import Translator
from vpt_gym.demos import DemoWriter, read_demo
from vpt_gym.demos.dataset.native import LabelLoss, NativeLabels, translate
from vpt_gym.demos.files.records import stack_actions
from vpt_gym.wrappers import ChoicesActionWrapper

MINEDOJO = spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36])
"""Of ``minedojo.make``: 15 degrees a bin, 12 is no turn."""


def minedojo() -> MineDojoTranslator:
    return MineDojoTranslator(MINEDOJO)


def labels_of(*actions):
    return translate(stack_actions(actions), minedojo())


class TwoKeys(Translator):
    """Stand, walk or jump, as in a game that refuses to go back."""

    action_space = spaces.Discrete(3)

    def to_env(self, human):
        self.unexpressed = {"dropped": ("sneak",)} if human["sneak"] else {}
        if human["back"]:
            raise ValueError("one cannot go back")
        return 2 if human["jump"] else human["forward"]

    def to_human(self, env_action):
        raise NotImplementedError

    def coverage(self):
        raise NotImplementedError


class TestTranslation:
    def test_minedojos_actions_by_hand(self):
        labels, known, reasons = labels_of(
            human_action("forward", "jump", "attack", camera=(0.0, 30.0)),
            human_action("back", "left", "sneak", "use", camera=(-15.0, 0.0)),
            human_action("hotbar.3"),
            human_action(),
        )
        assert labels.tolist() == [
            [1, 0, 1, 12, 14, 3, 0, 0],
            [2, 1, 2, 11, 12, 1, 0, 0],
            [0, 0, 0, 12, 12, 5, 0, 2],
            [0, 0, 0, 12, 12, 0, 0, 0],
        ]
        assert known.all()
        assert reasons == {}

    def test_the_remainder_of_the_camera_is_carried_from_tick_to_tick(self):
        labels, known, _ = labels_of(*[human_action(camera=(0.0, 5.0))] * 7)
        # the view lags behind by 5; at 10, 15 is nearer than 0; 5 too far; 0 off; and so on
        assert (labels[:, 4] - 12).tolist() == [0, 1, 0, 0, 1, 0, 0]
        assert known.all()

    def test_a_tick_that_cannot_be_expressed_has_no_label(self):
        labels, known, reasons = labels_of(
            human_action("attack", "use"),
            human_action("inventory"),
            human_action("attack"),
            human_action("attack", "drop"),
        )
        assert known.tolist() == [False, False, True, False]
        assert labels[2].tolist() == [0, 0, 0, 12, 12, 3, 0, 0]
        assert not labels[~known].any()
        assert reasons == {"use": 1, "inventory": 1, "drop": 1}

    def test_another_translator_may_refuse_an_action(self):
        labels, known, reasons = translate(
            stack_actions([human_action("forward"), human_action("back"), human_action("jump"), human_action("sneak")]),
            TwoKeys(),
        )
        assert labels.tolist() == [[1], [0], [2], [0]]
        assert known.tolist() == [True, False, True, False]
        assert reasons == {"refused": 1, "sneak": 1}

    def test_actions_that_were_recorded_natively_come_back(self, tmp_path: Path):
        translator, rng = minedojo(), np.random.default_rng(0)
        played = rng.integers(0, [3, 3, 4, 25, 25, 4, 1, 1], (200, 8))  # what a key of the keyboard does
        with DemoWriter(tmp_path) as writer:
            for action in played:
                writer.append(np.zeros((16, 16, 3), np.uint8), translator.to_human(action))
            path = writer.close()
        labels, known = NativeLabels(minedojo).of(read_demo(path))
        assert known.all()
        assert np.array_equal(labels, played)


class TestDataset:
    def test_every_tick_has_its_label_in_both_orders(self, tmp_path: Path):
        write_counter_demo(tmp_path, ticks=40)
        expected, known, _ = translate(stack_actions([counter_action(t) for t in range(40)]), minedojo())
        assert known.all()
        for order in ("carried", "random"):
            dataset = make_dataset(tmp_path, seq_len=8, batch_size=1, order=order, labels=NativeLabels(minedojo))
            for _ in range(5):
                batch = dataset.next_batch()
                (source,) = dataset.sources
                assert batch.codes.shape == (1, 8, 8)
                assert batch.codes[0].tolist() == expected[source.first_tick : source.last_tick + 1].tolist()

    def test_ticks_without_a_label_have_no_weight_and_are_counted(self, tmp_path: Path):
        with DemoWriter(tmp_path) as writer:
            for tick in range(8):
                writer.append(np.zeros((16, 16, 3), np.uint8), human_action("forward", *["inventory"] * (tick == 3)))
            writer.close()
        labels = NativeLabels(minedojo)
        dataset = make_dataset(tmp_path, seq_len=8, batch_size=1, labels=labels)
        assert dataset.next_batch().weight[0].tolist() == [1, 1, 1, 0, 1, 1, 1, 1]
        assert dataset.labels.tolist() == [[1, 0, 0, 12, 12, 0, 0, 0]] * 7
        assert labels.loss == LabelLoss(8, 1, {"inventory": 1})
        assert str(labels.loss) == (
            "1 of 8 ticks (12.5 %) have an action that the environment cannot express, and are not learned "
            "(inventory 1)"
        )
        make_dataset(tmp_path, seq_len=8, batch_size=1, labels=labels)
        assert labels.loss.ticks == 8, "a demo counts once"

    def test_cut_null_ticks_keep_the_labels_at_their_ticks(self, tmp_path: Path):
        write_episodes(tmp_path, [12])  # every fourth tick is null
        dataset = make_dataset(tmp_path, seq_len=9, batch_size=1, drop_null="cut", labels=NativeLabels(minedojo))
        turns = dataset.next_batch().codes[0, :, 4]
        assert (turns != 12).sum() == 0, "5 degrees in tick 10 are not half a bin yet"
        assert dataset.labels[:, 5].tolist() == [5] * 9  # hotbar keys are equip

    def test_what_cannot_work_is_refused(self, tmp_path: Path):
        write_episodes(tmp_path, [12])
        with pytest.raises(ValueError, match="mirror=True flips VPT codes"):
            make_dataset(tmp_path, order="random", mirror=True, labels=NativeLabels(minedojo))
        keys = spaces.Dict({"jump": spaces.Discrete(2), "camera": spaces.Box(-180, 180, (2,))})
        with pytest.raises(ValueError, match="no head for the action space Dict"):
            NativeLabels(lambda: KeyedTranslator(keys, "my game"))


class TestChoices:
    @pytest.mark.parametrize(
        "space", [spaces.Discrete(5), spaces.MultiDiscrete([3, 4, 25]), spaces.MultiBinary(6), MINEDOJO]
    )
    def test_an_action_becomes_choices_and_comes_back(self, space):
        for _ in range(50):
            action = space.sample()
            choices = to_choices(space, action)
            assert choices.shape == (len(action_sizes(space)),)
            back = from_choices(space, choices)
            assert space.contains(back)
            assert np.array_equal(back, action)

    def test_what_is_not_in_the_space_is_refused(self):
        with pytest.raises(ValueError, match="not in the action space"):
            to_choices(spaces.Discrete(3), 3)
        with pytest.raises(ValueError, match="are not choices"):
            from_choices(spaces.MultiDiscrete([2, 2]), [0, 2])

    def test_the_wrapper_gives_the_env_its_own_actions(self):
        class Game(gym.Env):
            observation_space = spaces.Box(0, 255, (128, 128, 3), np.uint8)
            action_space = spaces.Discrete(3)

            def step(self, action):
                assert self.action_space.contains(action)
                self.played = action
                return np.zeros((128, 128, 3), np.uint8), 0.0, False, False, {}

        env = ChoicesActionWrapper(Game())
        assert env.action_space == spaces.MultiDiscrete([3])
        env.step(np.array([2]))
        assert env.unwrapped.played == 2
        Game.action_space = spaces.Box(0, 1, (2,))
        with pytest.raises(ValueError, match="no head for the action space Box"):
            ChoicesActionWrapper(Game())
