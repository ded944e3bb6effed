"""There is a scripted player for each task. It acts like a person, with actions that VPT codes express exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import vpt_gym  # noqa: F401 (registers the environments)
from tests.support.flat_world import FLOOR, flat_state
from vpt_gym.actions.camera import BIN_DEGREES
from vpt_gym.actions.human import BUTTONS, HumanAction, human_action
from vpt_gym.collect.players import SCRIPTED, make_player, resolve
from vpt_gym.world.catalog.blocks import AIR, BEDROCK, COAL_ORE, CRAFTING_TABLE, DIRT, OAK_LOG, OAK_PLANKS, SOLID, STONE
from vpt_gym.world.catalog.creatures import ZOMBIE
from vpt_gym.world.catalog.items import COAL, COOKED_BEEF, STICK, STONE_PICKAXE, WOODEN_PICKAXE, WOODEN_SWORD
from vpt_gym.world.creatures.spawning import spawn
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.experts import PLANS, LogExpert, TaskExpert, expert_for
from vpt_gym.world.experts.navigation.tunnels import PATH, find_tunnel
from vpt_gym.world.ids import STEP_LIMITS, env_id
from vpt_gym.world.player.screen_layout import CLOSED, INVENTORY_SCREEN, TABLE_SCREEN
from vpt_gym.world.tasks import TASKS, Task, holds

TIMED = [task for task, limit in STEP_LIMITS.items() if limit is not None]
CENTRES = BIN_DEGREES.astype(np.float32)
SEED = 7_400_000


def play(env: gym.Env[Any, Any], expert: TaskExpert, seed: int, ticks: int = 10**6) -> tuple[bool, list[HumanAction]]:
    """Plays an episode; returns success and the actions."""
    env.reset(seed=seed)
    expert.reset()
    actions = []
    while len(actions) < ticks:
        actions.append(expert.act(env))
        *_, terminated, truncated, info = env.step(actions[-1])
        if terminated or truncated:
            return info["success"], actions
    return False, actions


def flat_env(task: str | Task, blocks: dict[tuple[int, int, int], int] | None = None) -> VoxelEnv:
    """Returns an env in a flat world without creatures."""
    env = VoxelEnv(task=task, image_size=(32, 32))
    env.reset(seed=0)
    flat = flat_state(blocks)
    for name, array in env.state.world._asdict().items():
        if name not in ("clock", "creatures", "biomes"):
            array[:] = getattr(flat, name)
    env.state.creatures["kind"] = 0
    return env


def until(env: VoxelEnv, expert: TaskExpert, done: Callable[[], bool], limit: int) -> int:
    """Lets the expert play until ``done()``; returns the number of ticks."""
    for tick in range(limit):
        if done():
            return tick
        env.step(expert.act(env))
    raise AssertionError(f"not within {limit} ticks")


@pytest.mark.parametrize("task", TIMED)
def test_it_does_the_task_with_vpts_camera_movements(task: str) -> None:
    env, expert = gym.make(env_id(task), image_size=(32, 32)), expert_for(task)
    for seed in (SEED, SEED + 1):
        success, actions = play(env, expert, seed)
        assert success
        cameras = np.array([action["camera"] for action in actions])
        assert np.isin(cameras, CENTRES).all()
        bins = np.abs(np.abs(BIN_DEGREES - cameras[..., None]).argmin(axis=-1) - 5)
        assert (np.diff(bins, axis=0) <= 2).all()  # every movement starts slowly
        assert all(set(action) == {"camera", *BUTTONS} for action in actions)


def test_there_is_an_expert_for_every_task() -> None:
    assert set(PLANS) == set(TASKS)


@pytest.mark.parametrize("task", ["survival", "open-ended", "vpt_playground"])
def test_tasks_without_an_end_are_played_too(task: str) -> None:
    env, expert = gym.make(env_id(task), image_size=(32, 32)), expert_for(task)
    _, actions = play(env, expert, SEED, 300)
    assert len(actions) == 300
    assert np.mean([action["forward"] or action["attack"] for action in actions]) > 0.3
    assert env.unwrapped.state.player["health"][0] > 10.0


class TestCrafting:
    def test_a_pickaxe_is_made_on_the_screens_by_moving_the_cursor(self) -> None:
        env = flat_env("harvest_1_cobblestone")
        env.state.inventory[3] = (OAK_LOG, 3, 0)
        expert = expert_for("harvest_1_cobblestone")
        seen: set[int] = set()
        cursor: list[tuple[float, float]] = []

        def has_pickaxe() -> bool:
            screen = env.state.screen[0]
            seen.add(int(screen.open))
            if screen.open != CLOSED:
                cursor.append((float(screen.cursor_x), float(screen.cursor_y)))
            return bool((env.state.inventory[:, 0] == WOODEN_PICKAXE).any())

        assert until(env, expert, has_pickaxe, 400) > 100
        assert seen == {CLOSED, INVENTORY_SCREEN, TABLE_SCREEN}
        strokes = np.abs(np.diff(np.array(cursor), axis=0)).max(axis=1)
        assert np.percentile(strokes, 99) < 70.0  # pixels: ten degrees
        assert (env.state.blocks == CRAFTING_TABLE).sum() == 1
        until(env, expert, lambda: int(env.state.screen["open"][0]) == CLOSED, 10)

    def test_it_uses_what_it_has(self) -> None:
        env = flat_env("harvest_1_cobblestone", {(66, FLOOR, 66): CRAFTING_TABLE})
        env.state.inventory[0] = (STICK, 2, 0)
        env.state.inventory[20] = (OAK_PLANKS, 3, 0)
        expert = expert_for("harvest_1_cobblestone")
        inventory = env.state.inventory
        assert until(env, expert, lambda: bool((inventory[:, 0] == WOODEN_PICKAXE).any()), 200) < 150

    def test_it_takes_over_a_screen_from_another_player(self) -> None:
        env = flat_env("harvest_1_cobblestone")
        env.state.inventory[0] = (OAK_LOG, 3, 0)
        expert = expert_for("harvest_1_cobblestone")
        rng = np.random.default_rng(0)
        for tick in range(200):  # the expert labels, and another player clicks at random
            expert.act(env)
            chances = {"attack": 0.3, "use": 0.3, "sneak": 0.3, "inventory": 0.02}
            keys = [key for key, chance in chances.items() if rng.random() < chance]
            camera = (rng.normal(0.0, 5.0), rng.normal(0.0, 5.0))
            env.step(human_action(*(["inventory"] if tick == 0 else keys), camera=camera))
        inventory = env.state.inventory
        until(env, expert, lambda: bool((inventory[:, 0] == WOODEN_PICKAXE).any()), 900)

    def test_an_expert_that_needs_no_screen_closes_it(self) -> None:
        env, expert = flat_env("harvest_1_log", {(64, FLOOR, 70): OAK_LOG}), LogExpert()
        env.step(human_action("inventory"))
        assert env.state.screen["open"][0] == INVENTORY_SCREEN
        assert any(env.step(expert.act(env))[2] for _ in range(200))


class TestDigging:
    def test_it_digs_stairs_to_ore_in_the_ground(self) -> None:
        stone = {(x, y, z): STONE for x in range(58, 71) for z in range(58, 71) for y in range(1, FLOOR - 1)}
        env = flat_env("harvest_1_coal_with_stone_pickaxe", {**stone, (68, 1, 64): COAL_ORE})
        env.state.inventory[4] = (STONE_PICKAXE, 1, 0)  # not in the hand
        expert = expert_for("harvest_1_coal_with_stone_pickaxe")
        assert any(env.step(expert.act(env))[2] for _ in range(400))
        assert (env.state.inventory[:, 0] == COAL).any()

    @pytest.mark.parametrize("ore", [(64, 1, 64), (68, 2, 60), (70, 3, 64)])
    def test_a_tunnel_consists_of_single_steps(self, ore: tuple[int, int, int]) -> None:
        blocks = flat_state({ore: COAL_ORE})
        wanted, ticks = np.zeros(256, np.bool_), np.full(256, 20, np.int64)
        wanted[COAL_ORE] = True
        path = np.zeros((PATH, 3), np.int64)
        here = np.array((64, FLOOR, 64))
        tops = blocks.tops
        length = find_tunnel(blocks.blocks, tops, wanted, ticks, False, here, path)
        way = path[:length]
        assert length >= 2
        assert way[0].tolist() == here.tolist()
        assert np.abs(np.diff(way[:, [0, 2]], axis=0)).max() <= 1
        assert np.abs(np.diff(way[:, 1])).max() <= 1
        assert np.abs(way[-1] - ore).max() <= 2
        ticks[DIRT] = 10**6
        assert find_tunnel(blocks.blocks, tops, wanted, ticks, False, here, path) == 0

    def test_it_leaves_a_deep_pit_by_stairs(self) -> None:
        env = flat_env("harvest_1_log", {(64, FLOOR, 70): OAK_LOG})
        env.state.blocks[64, 64, 1:FLOOR] = AIR
        env.state.blocks[:, :, 0] = BEDROCK
        env.state.player[0].y = 1.0
        expert = expert_for("harvest_1_log")
        assert any(env.step(expert.act(env))[2] for _ in range(600))


class TestSurvival:
    @staticmethod
    def alone(time: int = 0) -> VoxelEnv:
        """Returns a survival env in a flat world without creatures."""
        env = flat_env(dataclasses.replace(TASKS["survival"], time=time, animals=False, monsters=False))
        env.state.blocks[:, :, 0] = STONE
        return env

    @staticmethod
    def put_into_pit(env: VoxelEnv, kind: int, floor: int) -> None:
        """Puts a creature into a pit beside the player, where it is hidden."""
        blocks, player = env.state.blocks, env.state.player
        blocks[:, :, 0] = BEDROCK
        pit = (int(player["x"][0]) + 1, int(player["z"][0]))
        blocks[pit][floor:FLOOR] = AIR
        spawn(env.state.world, kind, pit[0] + 0.5, float(floor), pit[1] + 0.5)

    @staticmethod
    def is_hidden(env: VoxelEnv) -> bool:
        """Returns whether the player is enclosed by blocks."""
        x, y, z = (int(env.state.player[name][0]) for name in ("x", "y", "z"))
        walls = [(x + dx, y + up, z + dz) for up in (0, 1) for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        return all(SOLID[env.state.blocks[a, c, b]] for a, b, c in [*walls, (x, y + 2, z), (x, y - 1, z)])

    def test_it_hides_in_the_ground_at_dusk(self) -> None:
        env, expert = self.alone(time=12000), expert_for("survival")
        state = env.state
        until(env, expert, lambda: self.is_hidden(env), 400)
        for _ in range(20):
            action = expert.act(env)
            env.step(action)
        assert not any(action[key] for key in ("forward", "attack", "use"))
        state.clock["time"] = 24100  # the next morning
        until(env, expert, lambda: state.player["y"][0] >= FLOOR, 500)

    def test_it_closes_its_hole_with_a_block_from_the_main_inventory(self) -> None:
        env, expert = self.alone(time=12000), expert_for("survival")
        inventory = env.state.inventory
        inventory[:9] = (WOODEN_SWORD, 1, 0)
        inventory[9:] = (DIRT, 64, 0)  # no block that it digs fits into the hotbar
        until(env, expert, lambda: self.is_hidden(env), 500)

    @pytest.mark.parametrize("floor", [1, 2, 3])
    def test_it_hides_although_there_is_a_monster_in_a_pit_below(self, floor: int) -> None:
        env, expert = self.alone(time=12000), expert_for("survival")
        self.put_into_pit(env, ZOMBIE, floor)
        until(env, expert, lambda: self.is_hidden(env), 600)

    def test_it_fights_an_ignored_monster_that_attacks(self) -> None:
        env, expert = self.alone(), expert_for("survival")
        env.state.inventory[0] = (WOODEN_SWORD, 1, 0)
        self.put_into_pit(env, ZOMBIE, 1)
        for _ in range(30):
            env.step(expert.act(env))
        player, zombie = env.state.player[0], env.state.creatures[0]
        zombie.x, zombie.y, zombie.z = player.x, player.y, player.z + 1.0
        player.hurt_ticks = 9
        until(env, expert, lambda: int(env.state.world.kills[ZOMBIE]) == 1, 150)

    def test_a_table_beside_the_hole_does_not_hold_its_lid(self) -> None:
        env, expert = self.alone(time=12000), expert_for("survival")
        x, z = (int(env.state.player[name][0]) for name in ("x", "z"))
        for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            env.state.blocks[x + dx, z + dz, FLOOR] = CRAFTING_TABLE
        until(env, expert, lambda: self.is_hidden(env), 500)

    @pytest.mark.parametrize("screen", [CLOSED, INVENTORY_SCREEN])
    def test_it_leaves_its_hole_in_the_morning(self, screen: int) -> None:
        env, expert = self.alone(time=12000), expert_for("survival")
        until(env, expert, lambda: self.is_hidden(env), 500)
        env.state.inventory[9:12] = ((CRAFTING_TABLE, 1, 0), (OAK_PLANKS, 8, 0), (STICK, 4, 0))  # no room for a table
        if screen:
            env.step(human_action("inventory"))
            env.step(human_action())
        assert int(env.state.screen["open"][0]) == screen
        env.state.clock["time"] = 24100
        until(env, expert, lambda: env.state.player["y"][0] >= FLOOR, 500)

    def test_unarmed_it_ignores_monsters_that_are_not_near(self) -> None:
        def way_gone(armed: bool) -> float:
            env, expert = self.alone(), expert_for("survival")
            world, player = env.state.world, env.state.player
            env.state.inventory[0] = (WOODEN_SWORD, int(armed), 0)
            spawn(world, ZOMBIE, float(player["x"][0]) + 8.0, float(player["y"][0]), float(player["z"][0]))
            blocks = env.state.blocks
            x, z = (int(player[name][0]) for name in ("x", "z"))
            blocks[x - 6, z - 1 : z + 2, FLOOR] = OAK_LOG
            start = float(player["x"][0])
            for _ in range(15):
                env.step(expert.act(env))
            return float(player["x"][0]) - start

        assert way_gone(armed=True) > 1.0
        assert way_gone(armed=False) < -1.0

    @pytest.mark.parametrize("weapon", [0, WOODEN_SWORD])
    def test_it_attacks_only_when_a_hit_would_hurt(self, weapon: int) -> None:
        env, expert = self.alone(time=14000), expert_for("vpt_combat_zombie_plains")
        env.state.inventory[0] = (weapon, int(weapon > 0), 0)
        player, creatures = env.state.player, env.state.creatures
        player["health"] = 10**6
        spawn(env.state.world, ZOMBIE, float(player["x"][0]) + 3.0, float(player["y"][0]), float(player["z"][0]))
        blows = wounds = 0
        for _ in range(120):
            before, aims = float(creatures["health"].max()), int(player["aim_creature"][0]) >= 0
            action = expert.act(env)
            env.step(action)
            blows += int(action["attack"]) * aims
            wounds += float(creatures["health"].max()) < before
        assert blows == wounds > 3

    def test_it_eats_when_it_is_hungry(self) -> None:
        env = flat_env("survival")
        env.state.inventory[12] = (COOKED_BEEF, 2, 0)
        env.state.player["food"] = 8
        until(env, expert_for("survival"), lambda: int(env.state.player["food"][0]) >= 16, 120)

    def test_it_makes_a_sword_by_day_and_fights_with_it(self) -> None:
        env, expert = self.alone(), expert_for("survival")
        env.state.inventory[20] = (OAK_LOG, 2, 0)
        inventory, player = env.state.inventory, env.state.player
        until(env, expert, lambda: bool((inventory[:9, 0] == WOODEN_SWORD).any()), 600)
        spawn(env.state.world, ZOMBIE, float(player["x"][0]) + 4.0, float(player["y"][0]), float(player["z"][0]))
        until(env, expert, lambda: int(env.state.world.kills[ZOMBIE]) == 1, 200)
        assert int(inventory[player["slot"][0], 0]) == WOODEN_SWORD


class TestSkill:
    def test_less_skill_takes_longer(self) -> None:
        env = gym.make(env_id("harvest_1_log"), level="easy", image_size=(32, 32))
        means = []
        for skill in (1.0, 0.6, 0.2):
            expert = expert_for("harvest_1_log", skill, seed=1)
            means.append(np.mean([len(play(env, expert, SEED + n)[1]) for n in range(6)]))
        assert means[0] + 5 < means[1] < means[2] - 5

    def test_the_same_seed_makes_the_same_errors_whatever_was_played_before(self) -> None:
        env = gym.make(env_id("harvest_1_dirt"), image_size=(32, 32))
        expert = expert_for("harvest_1_dirt", 0.5, seed=4)
        first = play(env, expert, SEED)[1]
        play(env, expert, SEED + 1)
        assert str(play(env, expert, SEED)[1]) == str(first)
        assert str(play(env, expert_for("harvest_1_dirt", 0.5, seed=5), SEED)[1]) != str(first)

    def test_without_errors_the_seed_does_not_matter(self) -> None:
        env = gym.make(env_id("harvest_1_dirt"), image_size=(32, 32))
        first, second = (play(env, expert_for("harvest_1_dirt", seed=seed), SEED)[1] for seed in (1, 2))
        assert str(first) == str(second)

    @pytest.mark.parametrize("skill", [0.0, 1.2, -1.0, float("nan")])
    def test_a_skill_out_of_range_is_refused(self, skill: float) -> None:
        with pytest.raises(ValueError, match="skill is"):
            expert_for("harvest_1_log", skill)


class TestNames:
    def test_the_error_for_an_unknown_task_lists_the_known_ones(self) -> None:
        with pytest.raises(ValueError, match=r"no expert for 'harvest_1_diamond'.*harvest_1_log"):
            expert_for("harvest_1_diamond")
        with pytest.raises(ValueError, match="no expert for"):
            TaskExpert().act(flat_env(Task("sit", lambda state: 0.0)))

    def test_a_variant_of_a_task_has_its_expert(self) -> None:
        task = dataclasses.replace(TASKS["harvest_1_dirt"], terrain="plains", prompt="dig")
        env = gym.make("vpt_gym/World-v0", task=task, image_size=(32, 32), max_episode_steps=300)
        assert play(env, expert_for(task), SEED)[0]
        assert play(env, TaskExpert(), SEED)[0]

    def test_a_custom_task_has_the_expert_of_the_progress_that_it_measures(self) -> None:
        env = flat_env(Task("logs, please", holds("log"), 2), {(64, FLOOR + k, 67): OAK_LOG for k in range(2)})
        expert = TaskExpert()
        until(env, expert, lambda: env.task.progress(env.state) >= 2.0, 400)

    def test_the_expert_is_the_one_that_needs_no_more_than_the_task_gives(self) -> None:
        env = flat_env(Task("stone, please", holds("cobblestone")))
        env.state.inventory[3] = (OAK_LOG, 3, 0)
        until(env, TaskExpert(), lambda: bool((env.state.inventory[:, 0] == WOODEN_PICKAXE).any()), 400)

    @pytest.mark.parametrize("task", STEP_LIMITS)
    def test_recording_finds_it_by_the_id_of_the_env(self, task: str) -> None:
        player = make_player(resolve([SCRIPTED], env_id(task)))
        env = gym.make(env_id(task), image_size=(32, 32))
        observation, _ = env.reset(seed=1)
        player.reset(1)
        assert env.action_space.contains(player.act(env, observation))

    def test_it_needs_the_embedded_world(self) -> None:
        with pytest.raises(TypeError, match="VoxelEnv"):
            expert_for("survival").act(gym.make("CartPole-v1"))
