"""A person plays the real MineDojo, in a window, with real keys and mouse movements."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.programs import needs_program
from tests.support.running_play import Program
from tests.support.virtual_screen import VirtualScreen, wait_for
from vpt_gym.demos import list_demos, read_demo

ARGUMENTS = '{"task_id": "harvest_1_log", "backend": "embedded", "level": "easy", "image_size": [64, 128]}'


@needs_program("Xvfb")
def test_minedojo_is_played(tmp_path: Path) -> None:
    screen = VirtualScreen()
    program = None
    try:
        program = Program(screen, tmp_path / "demos", "vpt_gym/MineDojo-v0", "--env-kwargs", ARGUMENTS)
        wait_for(lambda: len(np.unique(program.frame())) > 30, "no picture", 120)
        dimmed = program.frame().mean()
        screen.key("Return")
        wait_for(lambda: program.frame().mean() > 1.4 * dimmed, "it is not played", 180)
        screen.key("w", down=True)
        screen.move(20, -10)
        before = program.frame()
        wait_for(lambda: (program.frame() != before).mean() > 0.3, "the view does not move")
        screen.key("w", down=False)
        screen.key("F9")
        wait_for(lambda: "Recorded" in program.out, "nothing is recorded")
        screen.close_window()
        program.ended(0)
        demo = read_demo(list_demos(tmp_path / "demos")[0])
        assert (demo.metadata["env_id"], demo.metadata["task"]) == ("vpt_gym/MineDojo-v0", "harvest_1_log")
        assert demo.actions["forward"].sum() >= 1
        np.testing.assert_allclose(demo.actions["camera"].sum(axis=0), (-1.5, 3.0), atol=1e-4)
    finally:
        if program is not None:
            program.process.kill()
            program.process.wait()
        screen.close()
