"""Processes that train together: they must have the same demos, start and state, also if each has files of its own."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from tests.support.counter_demos import write_counter_demo
from tests.support.python_processes import start

CODE = """
import sys
from pathlib import Path
from tests.support.small_policy import small_policy
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.processes import processes

def raised(function):
    try:
        function()
    except ValueError as error:
        return str(error)

with processes() as group:
    args = TrainArgs(batch_size=2, seq_len=4, steps=4, motion_fraction=0.0)
    def trainer(demos, **options):
        dataset = make_dataset((demos,), args, seed=0, processes=group)
        return BCTrainer(small_policy(), dataset, args, processes=group)
    whole, own = Path(sys.argv[1]), Path(sys.argv[2])
    trained = trainer(whole)
    state = trained.state_dict()
    print(raised(lambda: trained.load_state_dict({**state, "updates": group.rank})))
    print(raised(lambda: trainer(own)))
"""


def test_processes_with_other_files_are_told_so(tmp_path: Path) -> None:
    for folder, lengths in (("whole", (5, 6, 7)), ("rank0", (5, 6, 7)), ("rank1", (5, 6))):
        for ticks in lengths:
            write_counter_demo(tmp_path / folder, ticks=ticks)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    started = []
    for rank in (0, 1):
        variables = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        with open(tmp_path / f"said{rank}", "w") as said:
            words = ("-c", CODE, tmp_path / "whole", tmp_path / f"rank{rank}")
            started.append(start(*words, stdout=said, stderr=subprocess.STDOUT, **variables))
    for rank, process in enumerate(started):
        process.wait(60)
        *_, state, demos = (tmp_path / f"said{rank}").read_text().splitlines()
        assert "update and weights of the run must be the same in all processes" in state
        assert "the ticks of the demos must be the same in all processes, and of ranks 0 to 1 they are 9, 6" in demos
