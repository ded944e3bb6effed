"""Frames show the world as a plain, slow ray caster does, and follow from the state alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flat_world import FLOOR, flat_state, run

from vpt_gym.world import fields
from vpt_gym.world.blocks import HEIGHT, MASK, OAK_LOG, SIDE, STONE
from vpt_gym.world.generate import LEVELS, choose_start, generate
from vpt_gym.world.physics import EYE_HEIGHT
from vpt_gym.world.raycast import SHADOW, VIEW
from vpt_gym.world.render import CLOUD_SPEED, FIELD_OF_VIEW, Renderer, camera_axes
from vpt_gym.world.state import WorldState
from vpt_gym.world.textures import CLOUD_CELLS, FOG_STEPS, HORIZON, art


def made_state(seed: int, level: str) -> WorldState:
    state = WorldState()
    generate(seed, LEVELS[level], state.blocks, state.ground)
    fields.fill_tops(state.blocks, state.tops)
    fields.fill_squares(state.blocks, state.tops, state.squares)
    rng = np.random.default_rng(seed)
    state.place_player(*choose_start(rng, LEVELS[level], state.blocks, state.ground, state.tops))
    state.player[0].pitch = rng.uniform(-80, 80)
    return state


def unpacked(colour: int) -> np.ndarray:
    return np.array((colour & 255, colour >> 8 & 255, colour >> 16 & 255), np.float64)


def slow_pixel(state: WorldState, direction: np.ndarray) -> np.ndarray:
    """Colours one ray in float64, cell by cell, without fields, mirrors or tables of squares."""
    look_up = art()
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
            u, v, w = (min(15, max(0, math.floor(16 * (c - b)))) for c, b in zip(point, cell, strict=True))
            face = 2 * axis + (1 if direction[axis] < 0 else 0)
            texel = {0: 16 * (15 - v) + w, 1: 16 * w + u, 2: 16 * (15 - v) + u}[axis]
            front = cell.copy()
            front[axis] -= step[axis]
            lit = front[1] >= state.tops[front[0] & MASK, front[2] & MASK]
            colour = unpacked(int(look_up.atlas[(block * 6 + face) * 256 + texel])) * (1.0 if lit else SHADOW / 256)
            fog = look_up.fog[min(511, int(way * FOG_STEPS))] / 256
            return colour * (1 - fog) + np.array(HORIZON) * fog
        axis = int(np.argmin(ahead))
        way = ahead[axis]
        cell[axis] += step[axis]
        ahead[axis] += per[axis]
    sine = direction[1] / np.linalg.norm(direction)
    colour = unpacked(int(look_up.sky[int((sine + 1) * 127.5)]))
    if sine > 0.06:
        flight = min((72.0 - eye[1]) / direction[1], 2000.0)
        cx = math.floor((eye[0] + direction[0] * flight + p.ticks * CLOUD_SPEED) / 8) % CLOUD_CELLS
        cz = math.floor((eye[2] + direction[2] * flight) / 8) % CLOUD_CELLS
        if look_up.clouds[cx * CLOUD_CELLS + cz]:
            colour += (255 - colour) * min(150, int((sine - 0.06) * 900)) / 256
    return colour


@pytest.mark.parametrize("seed", range(8))
def test_frames_equal_a_plain_ray_caster_up_to_rounding(seed: int) -> None:
    height, width = 48, 64
    state = made_state(seed, ("default", "easy")[seed % 2])
    frame = Renderer(height, width).draw(state)
    p = state.player[0]
    axes = camera_axes(p.yaw, p.pitch, height, width).astype(np.float64)
    rng = np.random.default_rng(seed)
    off = []
    for row, column in rng.integers((0, 0), (34, width - 20), (250, 2)):  # left of the arm, above the bottom
        if abs(row - height // 2) <= 2 or abs(column - width // 2) <= 2:
            continue  # the cross-hairs
        u, v = (2 * column + 1) / width - 1, 1 - (2 * row + 1) / height
        expected = slow_pixel(state, axes[0] + u * axes[1] + v * axes[2])
        off.append(np.abs(frame[:, row, column] - expected).max())
    # float32 puts a ray on the other side of a texel's or block's edge now and then
    assert np.mean(np.array(off) <= 2.0) > 0.97


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (61, 32), (128, 128), (90, 160)])
def test_all_sizes_are_filled(size: tuple[int, int]) -> None:
    state = made_state(3, "default")
    frame = Renderer(*size).draw(state)
    assert frame.shape == (3, *size)
    assert frame.dtype == np.uint8
    small = Renderer(size[0], size[1])
    small.draw(made_state(9, "easy"))  # leaves its own traces in the scratch
    np.testing.assert_array_equal(small.draw(state), frame)
    corners = frame[:, [0, 0, -1], [0, -1, 0]]
    assert corners.max() > 0


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
    whole = renderer.draw(state).astype(int)
    run(state, 30, attack=1)
    state.player[0].swing = 0
    cracked = renderer.draw(state).astype(int)
    run(state, 29, attack=1)
    state.player[0].swing = 0
    broken = renderer.draw(state).astype(int)
    middle = np.s_[:, 20:76, 40:80]
    assert 0 < (cracked[middle] < whole[middle] - 5).sum() < (broken[middle] < whole[middle] - 5).sum()
    far = flat_state({(64, FLOOR + 1, 66): OAK_LOG})
    far.player["aims"] = 0
    assert (renderer.draw(far)[middle] > whole[middle] + 5).any()  # no outline


def test_dropped_items_are_seen_unless_something_hides_them() -> None:
    renderer = Renderer(96, 128)
    empty = renderer.draw(flat_state())
    lying = flat_state()
    lying.items[0].x, lying.items[0].y, lying.items[0].z = 64.5, FLOOR + 1.3, 66.5
    lying.items[0].block = OAK_LOG
    seen = renderer.draw(lying)
    assert 20 < (seen != empty).any(axis=0).sum() < 400
    wall = {(x, y, 66): STONE for x in range(60, 70) for y in range(FLOOR, FLOOR + 4)}
    hidden = flat_state(wall)
    before = renderer.draw(hidden)
    hidden.items[:] = lying.items
    np.testing.assert_array_equal(renderer.draw(hidden), before)
    lying.items[0].z = 60.0  # behind
    np.testing.assert_array_equal(renderer.draw(lying), empty)


def test_an_item_across_the_seam_is_seen() -> None:
    state = flat_state()
    state.player[0].z = SIDE - 1.0
    run(state, 1)
    renderer = Renderer(96, 128)
    before = renderer.draw(state)
    state.items[0].x, state.items[0].y, state.items[0].z = 64.5, FLOOR + 1.5, 2.0
    state.items[0].block = OAK_LOG
    assert (renderer.draw(state) != before).any()


def test_the_hotbar_shows_selection_items_and_counts() -> None:
    renderer = Renderer(128, 128)
    state = flat_state()
    bar = np.s_[:, 110:, :]
    frames = [renderer.draw(state)[bar]]
    state.player[0].slot = 4
    frames.append(renderer.draw(state)[bar])
    for quantity in (1, 2, 34):
        state.inventory[0] = (OAK_LOG, quantity)
        frames.append(renderer.draw(state)[bar])
    for n, frame in enumerate(frames):
        assert not any((frame == other).all() for other in frames[:n])


def test_the_arm_swings_while_attacking() -> None:
    state = flat_state()
    renderer = Renderer(64, 64)
    rest = renderer.draw(state)
    run(state, 3, attack=1)
    assert (renderer.draw(state)[:, 40:] != rest[:, 40:]).any()


def test_art_is_drawn_once_and_cannot_be_changed() -> None:
    assert art() is art()
    with pytest.raises(ValueError, match="read-only"):
        art().atlas[0] = 1
