"""The exported video, GIF and still, read back: the frames, the lit keys, the arrow."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import imageio.v3 as iio
import numpy as np
import pytest

from tests.support.counter_demos import counter_action, write_counter_demo
from tests.support.frame_counter_env import counter_frame, read_counter
from vpt_gym.actions.human import BUTTONS, human_action
from vpt_gym.demos import Demo, DemoWriter, read_demo
from vpt_gym.demos.files.video import iter_frames
from vpt_gym.frames import Frame
from vpt_gym.view.export import HELD_COLOUR, KEYS, MIN_WIDTH, PANEL_HEIGHT, export


def exported(demo: Demo, out: Path) -> list[Frame]:
    export(demo, out)
    return list(iter_frames(out))


def shown(picture: Frame, size: tuple[int, int]) -> int:
    """The tick whose frame is above the panel."""
    frame = cv2.resize(picture[:-PANEL_HEIGHT], size[::-1], interpolation=cv2.INTER_AREA)
    return read_counter(np.asarray(frame))[0]


def lit(picture: Frame) -> set[str]:
    """The buttons whose keys have the colour of a held key, at the upper left of each, where there is no letter."""
    panel = picture[-PANEL_HEIGHT:].astype(int)
    colours = {
        name: panel[box.y + 3 : box.y + 6, box.x + 3 : box.x + 12].mean(axis=(0, 1)) for name, box in KEYS.items()
    }
    return {name for name, colour in colours.items() if np.abs(colour - HELD_COLOUR).max() < 30}


def arrow(picture: Frame) -> tuple[float, float]:
    """(down, right): the mean position of the arrow's yellow pixels, relative to the middle of the dial."""
    dial = picture[-PANEL_HEIGHT:][66 - 50 : 66 + 51, 354 - 50 : 354 + 51].astype(int)
    yellow = np.argwhere((dial[..., 0] > 150) & (dial[..., 2] < 140))
    down, right = yellow.mean(axis=0) - 50 if len(yellow) else (0.0, 0.0)
    return float(down), float(right)


def test_every_tick_shows_its_frame_and_its_keys(tmp_path: Path) -> None:
    demo = read_demo(write_counter_demo(tmp_path / "demos"))
    pictures = exported(demo, tmp_path / "out.mp4")
    assert len(pictures) == 50
    assert pictures[0].shape == (48 * 8 + PANEL_HEIGHT, MIN_WIDTH, 3)
    for tick, picture in enumerate(pictures):
        assert shown(picture, (48, 80)) == tick
        assert lit(picture) == {name for name in BUTTONS if counter_action(tick)[name]}


def test_every_button_has_its_own_key(tmp_path: Path) -> None:
    with DemoWriter(tmp_path / "demos") as writer:
        for tick, name in enumerate(BUTTONS):
            writer.append(counter_frame(tick), human_action(name))
        path = writer.close()
    assert path is not None
    assert set(KEYS) == set(BUTTONS)
    assert [lit(picture) for picture in exported(read_demo(path), tmp_path / "out.mp4")] == [{name} for name in BUTTONS]


def test_the_arrow_points_where_the_view_turns(tmp_path: Path) -> None:
    cameras = [(0.0, 10.0), (0.0, -10.0), (10.0, 0.0), (-10.0, 0.0), (0.0, 40.0), (0.0, 0.0)]
    with DemoWriter(tmp_path / "demos") as writer:
        for tick, camera in enumerate(cameras):
            writer.append(counter_frame(tick), human_action(camera=camera))
        path = writer.close()
    assert path is not None
    right, left, down, up, far, rest = map(arrow, exported(read_demo(path), tmp_path / "out.mp4"))
    assert right[1] > 5 > abs(right[0])
    assert left[1] < -5 < -abs(left[0])
    assert down[0] > 5 > abs(down[1])
    assert up[0] < -5 < -abs(up[1])
    assert far[1] > right[1] + 5
    assert rest == (0.0, 0.0)


def test_the_reward_is_shown_in_its_tick(tmp_path: Path) -> None:
    pictures = exported(read_demo(write_counter_demo(tmp_path / "demos")), tmp_path / "out.mp4")
    words = [picture[-PANEL_HEIGHT:][86:106, 430:].astype(int) for picture in pictures]
    green = [int(((word[..., 1] - word[..., 0] > 50) & (word[..., 1] > 120)).sum()) for word in words]
    assert green[-1] > 20
    assert max(green[:-1]) == 0


@pytest.mark.parametrize("size", [(45, 81), (360, 640), (720, 1280)])
def test_any_size_makes_a_video_that_players_take(tmp_path: Path, size: tuple[int, int]) -> None:
    demo = read_demo(write_counter_demo(tmp_path / "demos", ticks=3, size=size))
    pictures = exported(demo, tmp_path / "out.mp4")
    height, width = pictures[0].shape[:2]
    assert height % 2 == width % 2 == 0
    assert width >= max(MIN_WIDTH, size[1])
    assert [shown(picture, size) for picture in pictures] == [0, 1, 2]
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, stream.average_rate) == ("h264", "yuv420p", 20)
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it plays while it loads


def test_a_gif_has_every_tick_at_the_pace_of_the_game(tmp_path: Path) -> None:
    demo = read_demo(write_counter_demo(tmp_path / "demos", ticks=12))
    export(demo, tmp_path / "out.gif")
    pictures = iio.imread(tmp_path / "out.gif", index=None)
    assert pictures.shape == (12, 48 * 8 + PANEL_HEIGHT, MIN_WIDTH, 3)
    for tick, picture in enumerate(pictures):
        assert shown(picture, (48, 80)) == tick
        assert lit(picture) == {name for name in BUTTONS if counter_action(tick)[name]}
    about = iio.immeta(tmp_path / "out.gif")
    assert (about["duration"], about["loop"]) == (50, 0)


def test_the_pace_of_a_demo_need_not_be_a_whole_number(tmp_path: Path) -> None:
    path = write_counter_demo(tmp_path / "demos", ticks=3)
    path.write_text(json.dumps({**json.loads(path.read_text()), "fps": 29.97}))
    export(read_demo(path), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert float(container.streams.video[0].average_rate or 0) == pytest.approx(29.97, rel=1e-3)
    export(read_demo(path), tmp_path / "out.gif")
    assert iio.immeta(tmp_path / "out.gif")["duration"] == 30


def test_a_gif_of_a_long_demo_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpt_gym.view.export.MAX_GIF_TICKS", 4)
    demo = read_demo(write_counter_demo(tmp_path / "demos", ticks=5))
    with pytest.raises(ValueError, match=r"5 ticks; a GIF takes up to 4: write an \.mp4"):
        export(demo, tmp_path / "out.gif")


def test_a_still_shows_one_tick(tmp_path: Path) -> None:
    demo = read_demo(write_counter_demo(tmp_path / "demos", ticks=12))
    export(demo, tmp_path / "out.png", tick=7)
    picture = iio.imread(tmp_path / "out.png")
    assert shown(picture, (48, 80)) == 7
    assert lit(picture) == {name for name in BUTTONS if counter_action(7)[name]}
    with pytest.raises(IndexError, match="tick is 12; the demo has the ticks 0 to 11"):
        export(demo, tmp_path / "late.png", tick=12)
    with pytest.raises(ValueError, match=r"of a \.png"):
        export(demo, tmp_path / "out.gif", tick=7)


def test_files_that_may_not_be_written(tmp_path: Path) -> None:
    demo = read_demo(write_counter_demo(tmp_path / "demos", ticks=2))
    taken = tmp_path / "taken.mp4"
    taken.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"taken\.mp4 exists already"):
        export(demo, taken)
    with pytest.raises(ValueError, match="among the demos"):
        export(demo, tmp_path / "demos" / "out.mp4")
    with pytest.raises(ValueError, match=r"does not end in \.mp4"):
        export(demo, tmp_path / "out.avi")
    assert taken.read_bytes() == b"mine"


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    demo = read_demo(write_counter_demo(tmp_path / "demos", ticks=30))
    demo.files.video.write_bytes(demo.files.video.read_bytes()[:4000])
    with pytest.raises(ValueError, match="mp4"):
        export(demo, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["demos"]
