"""Frames equal those of a simple, slow ray caster, and depend only on the state."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.flat_world import FLOOR, flat_state, run
from vpt_gym.world.catalog import blocks as b
from vpt_gym.world.catalog.blocks import COBBLESTONE, HEIGHT, MASK, OAK_LOG, SIDE, STONE
from vpt_gym.world.catalog.creatures import COW, KINDS, NO_CREATURE, PIG, SHEEP
from vpt_gym.world.catalog.items import APPLE, IRON_PICKAXE, ITEM_COUNT, ITEMS, STICK
from vpt_gym.world.core import fields
from vpt_gym.world.core.clock import NOON
from vpt_gym.world.core.geometry import EYE_HEIGHT
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.player.screen_layout import (
    CLOSED,
    FURNACE_SCREEN,
    INVENTORY_SCREEN,
    TABLE_SCREEN,
    WINDOW_HEIGHT,
    WINDOW_WIDTH,
    middle_of,
)
from vpt_gym.world.render.art.textures import ATLAS_LEVEL, art
from vpt_gym.world.render.overlay.hud import MIN_SCALE
from vpt_gym.world.render.rays import VIEW
from vpt_gym.world.render.renderer import FIELD_OF_VIEW, Renderer, camera_axes
from vpt_gym.world.render.sky import FOG_END, FOG_START, daylight, sun_angle

SMALL = (96, 128)
MIDNIGHT = 18000


def hilly_state(seed: int) -> WorldState:
    """Returns random steps of ground with some trunks and a roof, drawn from all kinds of opaque blocks."""
    rng = np.random.default_rng(seed)
    state = WorldState()
    opaque = np.flatnonzero(b.OPAQUE)
    heights = np.kron(rng.integers(4, 9, (16, 16)), np.ones((8, 8), np.int64))
    for x in range(SIDE):
        for z in range(SIDE):
            state.blocks[x, z, : heights[x, z]] = opaque[rng.integers(len(opaque))]
    for _ in range(150):
        x, z = rng.integers(0, SIDE, 2)
        state.blocks[x, z, : heights[x, z] + 4] = OAK_LOG
        state.blocks[(x - 1) & MASK, z, heights[x, z] + 3] = b.BIRCH_LEAVES
    fields.fill_all(state.world)
    state.place_player(64.5, float(state.tops[64, 64]), 64.5, rng.uniform(-180, 180))
    state.player[0].pitch = rng.uniform(10, 80)
    state.clock["time"] = (NOON, MIDNIGHT)[seed % 2]
    return state


def unpacked(colour: int) -> np.ndarray:
    return np.array((colour & 255, colour >> 8 & 255, colour >> 16 & 255), np.float64)


def slow_hit(state: WorldState, direction: np.ndarray, per_pixel: float) -> np.ndarray | None:
    """Colours one ray in float64, cell by cell, without fields or mirrors. Returns None for the sky, and where rounding
    decides a texel's level of detail."""
    look_up = art()
    now = daylight(int(state.clock["time"][0]))
    p = state.player[0]
    eye = np.array((p.x, p.y + EYE_HEIGHT, p.z))
    cell = np.floor(eye).astype(int)
    step = np.where(direction < 0, -1, 1)
    with np.errstate(divide="ignore"):
        per = np.abs(1.0 / direction)
    ahead = np.where(direction < 0, eye - cell, cell + 1 - eye) * per
    way, axis = 0.0, 1
    while way < VIEW:
        x, y, z = cell[0] & MASK, cell[1], cell[2] & MASK
        if y < 0 or (y >= HEIGHT and direction[1] >= 0):
            break
        block = int(state.blocks[x, z, y]) if y < HEIGHT else 0
        if block:
            point = eye + way * direction
            u, v, w = (min(15, max(0, math.floor(16 * (c - low)))) for c, low in zip(point, cell, strict=True))
            face = 2 * axis + (1 if direction[axis] < 0 else 0)
            texel = {0: 16 * (15 - v) + w, 1: 16 * w + u, 2: 16 * (15 - v) + u}[axis]
            cover = way * per_pixel * 16 * (1 + max(0.0, 1 - 2 * abs(direction[1])) if axis == 1 else 1)
            level = sum(cover > bound for bound in (1.5, 3.5, 9.0))
            front = cell.copy()
            front[axis] -= step[axis]
            shine = now.lightmap[state.light[front[0] & MASK, front[2] & MASK, min(HEIGHT - 1, front[1])]]
            colour = unpacked(int(look_up.atlas[level * ATLAS_LEVEL + (block * 6 + face) * 256 + texel]))
            fog = min(1.0, max(0.0, (way - FOG_START) / (FOG_END - FOG_START)))
            return colour * unpacked(int(shine)) / 256 * (1 - fog) + now.haze * fog
        axis = int(np.argmin(ahead))
        way = ahead[axis]
        cell[axis] += step[axis]
        ahead[axis] += per[axis]
    return None


def aimed_at(state: WorldState, x: float, y: float, z: float, yaw: float, pitch: float) -> WorldState:
    """Moves the player without a tick."""
    p = state.player[0]
    p.x, p.y, p.z, p.yaw, p.pitch = x, y, z, yaw, pitch
    return state


def view(frame: np.ndarray) -> np.ndarray:
    """Returns the part of a frame that hand and hotbar do not cover, left of the crosshair."""
    _, height, width = frame.shape
    return frame[:, : int(0.6 * height), : int(0.45 * width)].astype(int)


def brightness(state: WorldState) -> float:
    return float(view(Renderer(*SMALL).draw(state)).mean())


@pytest.mark.parametrize("seed", range(8))
def test_frames_equal_a_plain_ray_caster_up_to_rounding(seed: int) -> None:
    height, width = 48, 64
    state = hilly_state(seed)
    frame = Renderer(height, width).draw(state)
    p = state.player[0]
    axes = camera_axes(p.yaw, p.pitch, height, width).astype(np.float64)
    per_pixel = 2 * np.linalg.norm(axes[2]) / height
    rng = np.random.default_rng(seed)
    off = []
    for row, column in rng.integers((0, 0), (28, 36), (250, 2)):  # left of the arm, above the bottom
        if abs(row - height // 2) <= 2 or abs(column - width // 2) <= 2:
            continue  # the crosshair
        u, v = (2 * column + 1) / width - 1, 1 - (2 * row + 1) / height
        expected = slow_hit(state, axes[0] + u * axes[1] + v * axes[2], per_pixel)
        if expected is not None:
            off.append(np.abs(frame[:, row, column] - expected).max())
    # float32 puts a ray on the other side of a texel's or block's edge now and then
    assert len(off) > 0
    assert np.mean(np.array(off) <= 3.0) > 0.95


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (61, 32), (128, 128), (90, 160)])
def test_all_sizes_are_filled(size: tuple[int, int]) -> None:
    state = hilly_state(3)
    frame = Renderer(*size).draw(state)
    assert frame.shape == (3, *size)
    assert frame.dtype == np.uint8
    small = Renderer(size[0], size[1])
    small.draw(hilly_state(9))  # leaves other values in the scratch arrays
    np.testing.assert_array_equal(small.draw(state), frame)


def test_frames_are_new_contiguous_and_equal_for_a_state() -> None:
    state = flat_state({(64, FLOOR, 67): b.WATER, (63, FLOOR, 66): b.POPPY})
    creature = state.creatures[0]
    creature.kind, creature.x, creature.y, creature.z, creature.coat = SHEEP, 66.5, FLOOR, 68.5, 1
    renderer = Renderer(*SMALL)
    first = renderer.draw(state)
    copy = first.copy()
    before = state.digest()
    second = renderer.draw(state)
    assert first is not second
    assert not np.shares_memory(first, second)
    assert first.flags.c_contiguous
    assert first.flags.writeable
    np.testing.assert_array_equal(second, copy)
    np.testing.assert_array_equal(Renderer(*SMALL).draw(state), copy)
    assert state.digest() == before  # drawing changes nothing


@pytest.mark.parametrize("size", [(31, 64), (64, 16)])
def test_too_small_frames_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"image_size is \({size[0]}, {size[1]}\).*at least 32"):
        Renderer(*size)


def test_the_field_of_view_is_70_degrees_upright() -> None:
    forward, right, up = camera_axes(0.0, 0.0, 90, 160).astype(np.float64)
    assert 2 * math.degrees(math.atan(np.linalg.norm(up))) == pytest.approx(FIELD_OF_VIEW, abs=1e-4)
    assert np.linalg.norm(right) / np.linalg.norm(up) == pytest.approx(160 / 90)
    np.testing.assert_allclose(forward, (0, 0, 1), atol=1e-6)
    assert right[0] < 0 < up[1]  # looking along +z, -x is on the right


def test_the_aimed_block_is_outlined_and_cracks_while_dug() -> None:
    state = flat_state({(64, FLOOR + 1, 66): OAK_LOG})
    renderer = Renderer(96, 128)
    frames = []
    for dug in (0.0, 0.35, 0.95):
        state.player["dug"] = dug
        frames.append(renderer.draw(state).astype(int))
    intact, cracked, broken = frames
    middle = np.s_[:, 20:60, 40:62]
    assert 0 < (cracked[middle] < intact[middle] - 5).sum() < (broken[middle] < intact[middle] - 5).sum()
    state.player["dug"] = 0.0
    state.player["aims"] = 0
    assert (renderer.draw(state)[:, 20:70, 30:100] > intact[:, 20:70, 30:100] + 5).any()  # no outline


def test_water_is_seen_and_seen_through() -> None:
    pond = {(x, y, z): b.WATER for x in range(56, 73) for z in range(66, 76) for y in (FLOOR - 2, FLOOR - 1)}
    renderer = Renderer(*SMALL)
    looks = {}
    for name, blocks in {
        "dry": dict.fromkeys(pond, b.AIR),
        "wet": pond,
        "over a log": pond | {(x, FLOOR - 2, z): b.BIRCH_LOG for x in range(56, 73) for z in range(66, 76)},
    }.items():
        looks[name] = view(renderer.draw(aimed_at(flat_state(blocks), 64.5, FLOOR, 65.5, 0.0, 40.0)))
    assert (looks["wet"][2] - looks["wet"][0]).mean() > 30 > (looks["dry"][2] - looks["dry"][0]).mean()  # blue
    assert np.abs(looks["over a log"] - looks["wet"]).mean() > 4  # the ground shows


def test_deeper_water_is_darker_and_an_eye_in_it_sees_blue() -> None:
    def lake(depth: int) -> WorldState:
        return flat_state(
            {(x, FLOOR - 1 - y, z): b.WATER for x in range(50, 79) for z in range(60, 90) for y in range(depth)}
        )

    renderer = Renderer(*SMALL)
    shallow, deep = (view(renderer.draw(aimed_at(lake(d), 64.5, FLOOR + 1, 62.5, 0.0, 50.0))) for d in (1, 4))
    assert deep.mean() < shallow.mean()
    under = view(renderer.draw(aimed_at(lake(4), 64.5, FLOOR - 3.5, 62.5, 0.0, 20.0)))
    assert under[2].mean() > under[0].mean() + 10


def test_the_surface_of_water_moves() -> None:
    state = flat_state({(x, FLOOR - 1, z): b.WATER for x in range(60, 70) for z in range(60, 70)})
    aimed_at(state, 64.5, FLOOR, 62.5, 0.0, 50.0)
    renderer = Renderer(*SMALL)
    before = view(renderer.draw(state))
    state.player["ticks"] += 9
    assert (view(renderer.draw(state)) != before).any()


@pytest.mark.parametrize("plant", [b.TALL_GRASS, b.FERN, b.DANDELION, b.POPPY, b.DEAD_BUSH, b.TORCH])
def test_plants_have_holes_that_show_what_is_behind(plant: int) -> None:
    size = (96, 96)

    def seen(block: int, wall: int) -> np.ndarray:
        blocks = {(x, y, 67): wall for x in range(60, 69) for y in range(FLOOR, FLOOR + 5)}
        state = flat_state(blocks | {(64, FLOOR + 1, 65): block})
        state.player["aims"] = 0
        state.light[:] = 240  # the torch's own light must not count
        return Renderer(*size).draw(aimed_at(state, 64.5, FLOOR, 63.6, 0.0, 0.0))

    before, through = seen(b.AIR, STONE), seen(plant, STONE)
    covered = (before != through).any(axis=0)
    assert 0.005 < covered.mean() < 0.6
    # what is not covered is the wall, whatever it is made of
    np.testing.assert_array_equal(seen(plant, b.WOOL)[:, ~covered], seen(b.AIR, b.WOOL)[:, ~covered])
    np.testing.assert_array_equal(seen(plant, b.WOOL)[:, covered], through[:, covered])


def test_plants_and_water_do_not_hide_the_sky_or_what_is_behind() -> None:
    """Through the holes of a row of plants, everything looks as it does without the plants."""
    row = {(64, FLOOR, z): b.DANDELION for z in range(66, 74)} | {(64, FLOOR, 76): b.WOOL}
    bare = {(64, FLOOR, 76): b.WOOL}
    renderer = Renderer(*SMALL)
    frames = []
    for blocks in (row, bare):
        state = flat_state(blocks)
        state.player["aims"] = 0
        frames.append(view(renderer.draw(aimed_at(state, 64.5, FLOOR, 64.5, 12.0, 4.0))))
    same = (frames[0] == frames[1]).all(axis=0).mean()
    assert 0.6 < same < 1.0


def test_night_is_dark_and_a_torch_lights_it() -> None:
    ground = {(x, FLOOR, z): STONE for x in range(56, 73) for z in range(70, 73)}
    day, night, lit = flat_state(ground), flat_state(ground), flat_state(ground | {(64, FLOOR, 67): b.TORCH})
    for state in (night, lit):
        state.clock["time"] = MIDNIGHT
    day.clock["time"] = NOON
    for state in (day, night, lit):
        aimed_at(state, 64.5, FLOOR, 62.5, 8.0, 25.0)
    assert brightness(night) + 20 < brightness(lit) < brightness(day)
    cave = flat_state({(x, FLOOR + 3, z): STONE for x in range(40, 90) for z in range(40, 90)})
    cave.clock["time"] = NOON
    assert brightness(aimed_at(cave, 64.5, FLOOR, 62.5, 0.0, 25.0)) < brightness(day) - 30


def test_light_of_torches_is_warm_and_nothing_is_completely_black() -> None:
    shine = np.array([unpacked(int(c)) for c in daylight(MIDNIGHT).lightmap])
    assert shine[14, 0] > shine[14, 1] > shine[14, 2]
    assert shine[0].min() > 5
    assert (np.diff(shine[:16, 0]) >= 0).all()
    bright = np.array([unpacked(int(c)) for c in daylight(NOON).lightmap])
    assert bright[240].min() > 250
    assert (bright[16:].sum(axis=1) > shine[16:].sum(axis=1)).mean() > 0.8


def test_the_sun_is_overhead_at_noon_and_rises_in_the_east() -> None:
    assert sun_angle(NOON) == pytest.approx(0.0, abs=1e-9)
    assert daylight(0).sun[0] > 0.9  # + x is east
    assert daylight(12000).sun[0] < -0.9
    assert daylight(MIDNIGHT).stars == 1.0
    assert daylight(NOON).stars == 0.0
    assert daylight(NOON).haze.sum() > 4 * daylight(MIDNIGHT).haze.sum()
    state = flat_state()
    state.clock["time"] = NOON
    up = Renderer(64, 64).draw(aimed_at(state, 64.5, FLOOR, 64.5, 0.0, -90.0))
    assert up[:, 29:31, 29:31].min() > 200


def creature_state(kind: int, z: float = 69.0, **fields_: float) -> WorldState:
    state = flat_state()
    creature = state.creatures[0]
    creature.kind, creature.x, creature.y, creature.z = kind, 65.5, FLOOR, z
    creature.health, creature.coat, creature.on_ground = 10.0, 1, 1
    for name, value in fields_.items():
        creature[name] = value
    return aimed_at(state, 64.5, FLOOR, 64.5, 0.0, 8.0)


@pytest.mark.parametrize("kind", range(1, len(KINDS)))
def test_creatures_are_seen_and_hide_what_is_behind_them(kind: int) -> None:
    renderer = Renderer(*SMALL)
    empty = renderer.draw(creature_state(NO_CREATURE))
    seen = renderer.draw(creature_state(kind))
    covered = (seen != empty).any(axis=0)
    assert 0.002 < covered.mean() < 0.2
    wall = creature_state(kind)
    wall.blocks[58:72, 67, FLOOR : FLOOR + 4] = STONE
    fields.fill_all(wall.world)
    hidden = renderer.draw(wall)
    wall.creatures["kind"] = NO_CREATURE
    np.testing.assert_array_equal(hidden, renderer.draw(wall))
    behind = renderer.draw(creature_state(kind, z=58.0))
    np.testing.assert_array_equal(behind, empty)


def test_creatures_show_what_happens_to_them() -> None:
    renderer = Renderer(*SMALL)
    calm = renderer.draw(creature_state(COW))
    for change in (
        {"hurt_ticks": 6},
        {"death_ticks": 12},
        {"yaw": 70.0},
        {"head_yaw": 60.0},
        {"stride": 0.7, "vx": 0.1},
        {"fire": 40},
    ):
        assert (renderer.draw(creature_state(COW, **change)) != calm).any(), change
    red = renderer.draw(creature_state(PIG, hurt_ticks=6)).astype(int) - renderer.draw(creature_state(PIG)).astype(int)
    assert red[0].sum() > red[2].sum()
    shorn = renderer.draw(creature_state(SHEEP, coat=0))
    assert (shorn != renderer.draw(creature_state(SHEEP))).any()


def test_a_creature_in_water_is_tinted_below_the_surface() -> None:
    def bather(kind: int) -> WorldState:
        state = creature_state(kind, z=68.0, yaw=90.0)
        state.creatures["y"] = FLOOR - 1
        state.blocks[58:72, 66:71, FLOOR - 1] = b.WATER
        fields.fill_all(state.world)
        return aimed_at(state, 65.5, FLOOR + 1, 65.0, 0.0, 45.0)

    renderer = Renderer(*SMALL)
    with_cow, without = (renderer.draw(bather(kind)).astype(int) for kind in (COW, NO_CREATURE))
    covered = (with_cow != without).any(axis=0)
    colours = with_cow[:, covered]
    assert covered.any()
    assert (colours[2] > colours[0]).any()  # bluish legs
    assert (colours[0] > colours[2]).any()  # a brown back


@pytest.mark.parametrize("item", [OAK_LOG, b.POPPY, APPLE, IRON_PICKAXE])
def test_dropped_items_are_seen_unless_something_hides_them(item: int) -> None:
    renderer = Renderer(*SMALL)
    empty = renderer.draw(flat_state())
    lying = flat_state()
    thing = lying.items[0]
    thing.x, thing.y, thing.z, thing.item, thing.count, thing.age = 64.7, FLOOR + 1.3, 66.5, item, 1, 12
    seen = renderer.draw(lying)
    assert 0.001 < (seen != empty).any(axis=0).mean() < 0.1
    wall = {(x, y, 66): STONE for x in range(60, 70) for y in range(FLOOR, FLOOR + 4)}
    hidden = flat_state(wall)
    before = renderer.draw(hidden)
    hidden.items[:] = lying.items
    np.testing.assert_array_equal(renderer.draw(hidden), before)
    thing.z = 60.0  # behind
    np.testing.assert_array_equal(renderer.draw(lying), empty)


def test_an_item_across_the_seam_of_the_torus_is_seen() -> None:
    state = flat_state()
    state.player[0].z = SIDE - 1.0
    run(state, 1)
    renderer = Renderer(*SMALL)
    before = renderer.draw(state)
    thing = state.items[0]
    thing.x, thing.y, thing.z, thing.item, thing.count = 64.5, FLOOR + 1.5, 2.0, OAK_LOG, 1
    assert (renderer.draw(state) != before).any()


def test_the_hotbar_shows_selection_items_counts_and_wear() -> None:
    renderer = Renderer(128, 128)
    state = flat_state()
    bar = np.s_[:, -18:, :]
    frames = [renderer.draw(state)[bar]]
    state.player[0].slot = 4
    frames.append(renderer.draw(state)[bar])
    for stack in ((OAK_LOG, 1, 0), (OAK_LOG, 2, 0), (OAK_LOG, 34, 0), (IRON_PICKAXE, 1, 0), (IRON_PICKAXE, 1, 200)):
        state.inventory[0] = stack
        frames.append(renderer.draw(state)[bar])
    for n, frame in enumerate(frames):
        assert not any((frame == other).all() for other in frames[:n])


def test_a_count_changes_only_the_pixels_of_its_slot() -> None:
    state = flat_state()
    state.inventory[2] = (COBBLESTONE, 3, 0)
    renderer = Renderer(90, 160)
    before = renderer.draw(state)
    state.inventory[2, 1] = 8
    rows, columns = np.nonzero((renderer.draw(state) != before).any(axis=0))
    scale = 160 / 190  # pixels to a GUI pixel
    left = 80 - 91 * scale
    slot = left + np.array((43, 60)) * scale
    assert len(rows) > 0
    assert rows.min() >= 90 - 22 * scale
    assert slot[0] - 1 <= columns.min() <= columns.max() <= slot[1] + 1


@pytest.mark.parametrize(
    ("name", "value", "side"), [("health", 7.0, "left"), ("food", 5, "right"), ("air", 120, "right")]
)
def test_hearts_food_and_air_are_shown_where_minecraft_has_them(name: str, value: float, side: str) -> None:
    state = flat_state()
    size = (360, 640)
    renderer = Renderer(*size)
    before = renderer.draw(state)
    state.player[name] = value
    rows, columns = np.nonzero((renderer.draw(state) != before).any(axis=0))
    scale = 1  # pixels to a GUI pixel
    up = {"health": 39, "food": 39, "air": 49}[name]
    assert rows.min() >= size[0] - up * scale - 1
    assert rows.max() <= size[0] - (up - 9) * scale
    middle = size[1] / 2
    low, high = (middle - 91 * scale, middle) if side == "left" else (middle, middle + 91 * scale)
    assert low - 1 <= columns.min() <= columns.max() <= high + 1


def test_frames_too_small_for_a_hotbar_have_only_the_crosshair() -> None:
    state = flat_state()
    side = int(190 * MIN_SCALE) - 1
    renderer = Renderer(side, side)
    before = renderer.draw(state)
    state.inventory[3] = (STICK, 12, 0)
    state.player["health"] = 3.0
    np.testing.assert_array_equal(renderer.draw(state), before)


def test_damage_reddens_the_frame() -> None:
    state = flat_state()
    renderer = Renderer(*SMALL)
    calm = renderer.draw(state).astype(int)
    state.player["hurt_ticks"] = 8
    hurt = renderer.draw(state).astype(int)
    assert (hurt - calm)[0].mean() > (hurt - calm)[2].mean()


def test_the_arm_swings_and_holds_what_is_selected() -> None:
    state = flat_state()
    renderer = Renderer(64, 64)
    corner = np.s_[:, 32:, 32:]
    frames = [renderer.draw(state)[corner]]
    state.player["swing"] = 2
    frames.append(renderer.draw(state)[corner])
    state.player["swing"] = 0
    for item in (STONE, IRON_PICKAXE, b.TORCH):
        state.inventory[0] = (item, 1, 0)
        frames.append(renderer.draw(state)[corner])
    state.player["eat_ticks"] = 5
    frames.append(renderer.draw(state)[corner])
    for n, frame in enumerate(frames):
        assert not any((frame == other).all() for other in frames[:n])


@pytest.mark.parametrize("kind", [INVENTORY_SCREEN, TABLE_SCREEN, FURNACE_SCREEN])
def test_screens_show_their_slots(kind: int) -> None:
    state = flat_state()
    renderer = Renderer(360, 640)
    world = renderer.draw(state)
    state.screen["open"] = kind
    state.screen["cursor_x"], state.screen["cursor_y"] = 10.0, 10.0
    panel = renderer.draw(state)
    assert panel[:, :5, -20:].mean() < world[:, :5, -20:].mean()  # darkened
    state.inventory[20] = (COBBLESTONE, 5, 0)
    rows, columns = np.nonzero((renderer.draw(state) != panel).any(axis=0))
    x, y = middle_of(kind, 20)
    scale_x, scale_y = renderer.width / WINDOW_WIDTH, renderer.height / WINDOW_HEIGHT
    assert abs(columns - x * scale_x).max() <= 20 * scale_x + 1
    assert abs(rows - y * scale_y).max() <= 20 * scale_y + 1
    state.screen["open"] = CLOSED
    state.inventory[20] = 0
    np.testing.assert_array_equal(renderer.draw(state), world)


@pytest.mark.parametrize("size", [(90, 160), (64, 64), (360, 640)])
def test_the_cursor_is_drawn_at_its_pixel(size: tuple[int, int]) -> None:
    state = flat_state()
    state.screen["open"] = INVENTORY_SCREEN
    renderer = Renderer(*size)
    frames = []
    for x, y in ((40.0, 100.0), (560.0, 300.0)):
        state.screen["cursor_x"], state.screen["cursor_y"] = x, y
        frames.append(renderer.draw(state))
    rows, columns = np.nonzero((frames[0] != frames[1]).any(axis=0))
    near = columns < size[1] // 2
    assert columns[near].min() == int(40 * size[1] / WINDOW_WIDTH)
    assert rows[near].min() == int(100 * size[0] / WINDOW_HEIGHT)
    assert columns[~near].min() == int(560 * size[1] / WINDOW_WIDTH)


def test_a_screen_shows_the_carried_stack_the_result_and_the_fire() -> None:
    state = flat_state()
    renderer = Renderer(90, 160)
    state.screen["open"] = TABLE_SCREEN
    state.screen["cursor_x"], state.screen["cursor_y"] = 320.0, 30.0
    frames = [renderer.draw(state)]
    state.grid[4] = (OAK_LOG, 1, 0)
    frames.append(renderer.draw(state))
    state.screen["carried_item"], state.screen["carried_count"] = STONE, 7
    frames.append(renderer.draw(state))
    state.screen["open"] = FURNACE_SCREEN
    frames.append(renderer.draw(state))
    furnace = state.furnaces[0]
    furnace.used, furnace.input, furnace.input_count = 1, b.IRON_ORE, 2
    frames.append(renderer.draw(state))
    furnace.burn_ticks, furnace.burn_total, furnace.cook_ticks = 80, 100, 120
    frames.append(renderer.draw(state))
    for n, frame in enumerate(frames):
        assert not any((frame == other).all() for other in frames[:n])


def test_every_item_and_block_has_its_own_texture() -> None:
    icons = art().icons
    assert icons.shape == (ITEM_COUNT, 16, 16, 4)
    shown = {item: icons[item].tobytes() for item in ITEMS}
    assert len(set(shown.values())) == len(shown)
    assert all(icons[item, ..., 3].sum() > 20 for item in ITEMS)
    faces = art().atlas[:ATLAS_LEVEL].reshape(len(b.BLOCKS), 6 * 256)
    assert len({face.tobytes() for face in faces}) == len(b.BLOCKS)


def test_textures_are_drawn_once_and_are_read_only() -> None:
    assert art() is art()
    with pytest.raises(ValueError, match="read-only"):
        art().atlas[0] = 1
