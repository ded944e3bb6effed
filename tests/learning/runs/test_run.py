"""The directory of a run: what is in it, and what is left of it after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch

from tests.support.python_processes import start
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges, joined, parse
from vpt_gym.learning.runs.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from vpt_gym.learning.runs.directory import RunError, read_description, remaining_command, set_aside
from vpt_gym.learning.runs.run import Run


@dataclass
class Args:
    demos: tuple[Path, ...] = (Path("demos"),)
    steps: int = 3
    seconds: float = float("inf")
    run: RunArgs = field(default_factory=RunArgs)


def arguments(out: Path, **options) -> Args:
    return Args(run=RunArgs(out=out, tensorboard=False, **options))


def resumed(directory: Path) -> Args:
    return Args(run=RunArgs(resume=directory, tensorboard=False))


def test_a_run_describes_itself(tmp_path):
    with Run("bc", arguments(tmp_path / "a", name="first")) as run:
        assert read_description(run.directory)["state"] == "running"
        assert run.results() == {}
        run.write_results({"success": 0.5})
        assert run.results() == {"success": 0.5}
    description = read_description(tmp_path / "a")
    assert (description["script"], description["name"], description["state"]) == ("bc", "first", "finished")
    assert description["args"]["demos"] == ["demos"]
    assert description["args"]["seconds"] == "inf"
    assert {"torch", "vpt-gym", "processor"} <= set(description["machine"])
    results = json.loads((tmp_path / "a" / "results.json").read_text())
    assert results["success"] == 0.5
    assert results["machine"]["processor"] == description["machine"]["processor"]


def test_results_that_are_completed_elsewhere_name_the_machine_of_the_last_process(tmp_path):
    with Run("bc", arguments(tmp_path / "a")) as run:
        run.write_results({"before": 0.2})
    path = tmp_path / "a" / "results.json"
    here = json.loads(path.read_text())["machine"]
    path.write_text(json.dumps({"machine": {"processor": "another"}, "before": 0.2}))
    with Run("bc", resumed(tmp_path / "a")) as run:
        run.write_results({**run.results(), "after": 0.4})
    assert json.loads(path.read_text()) == {"machine": here, "before": 0.2, "after": 0.4}


def test_each_run_has_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    directories = []
    for _ in range(3):
        with Run("bc", Args(run=RunArgs(name="x", tensorboard=False))) as run:
            directories.append(run.directory)
    assert len(set(directories)) == 3
    assert all(directory.parent == Path("runs/bc") and "-x" in directory.name for directory in directories)


def test_a_command_can_be_corrected_after_it_failed_at_its_start(tmp_path):
    run = Run("bc", arguments(tmp_path / "a", name="wrong"))
    run.demos([Path("wrong.json")])
    run.close("failed: FileNotFoundError")
    run = Run("bc", arguments(tmp_path / "a", name="right"))
    assert run.demos([Path("right.json")]) == [Path("right.json")]
    run.log(1, {"train/loss": 1.0})
    run.close("failed: ZeroDivisionError")
    assert read_description(tmp_path / "a")["name"] == "right"
    assert json.loads((tmp_path / "a" / "demos.json").read_text()) == {"demos": ["right.json"]}
    with pytest.raises(RunError, match="continue it with --resume"):  # it logged something, which a new run would lose
        Run("bc", arguments(tmp_path / "a"))


def test_wrong_options_of_a_resumed_run_do_not_stay(tmp_path):
    with Run("bc", arguments(tmp_path / "a", name="right")) as run:
        run.save_checkpoint(1, {})
    for state in ("failed: FileNotFoundError", "interrupted"):
        Run("bc", Args(run=RunArgs(resume=run.directory, name="wrong", tensorboard=False))).close(state)
        assert (read_description(run.directory)["name"], read_description(run.directory)["state"]) == ("right", state)
    again = Run("bc", Args(run=RunArgs(resume=run.directory, name="changed", tensorboard=False)))
    (again.directory / "round_2").mkdir()
    (again.directory / "round_2" / "demo.jsonl").write_text("{}")
    again.close("failed: ZeroDivisionError")  # it got on, so the run goes on with the options that it had
    assert read_description(run.directory)["name"] == "changed"


def test_files_of_others_are_not_taken_for_those_of_a_run_that_failed(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RunError, match="continue it with --resume"):
        Run("bc", arguments(tmp_path))
    assert (tmp_path / "run.json").read_text() == "{}"


def test_a_file_is_no_directory_of_a_run(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for out in (tmp_path / "notes.txt", tmp_path / "notes.txt" / "run"):
        with pytest.raises(NotADirectoryError, match=r"notes\.txt is a file and no directory"):
            Run("bc", arguments(out))


def test_no_run_is_overwritten(tmp_path):
    with Run("bc", arguments(tmp_path / "a")):
        pass
    with pytest.raises(RunError, match="--resume"):
        Run("bc", arguments(tmp_path / "a"))
    with pytest.raises(RunError, match=r"a run of bc.py, not of ppo.py"):
        Run("ppo", resumed(tmp_path / "a"))
    (tmp_path / "other").mkdir()
    with pytest.raises(RunError, match=r"other is not the directory of a run: it has no run.json"):
        Run("bc", resumed(tmp_path / "other"))


def test_an_option_that_counts_nothing_is_named():
    check_counts(Args(steps=1), "steps", "seconds")
    with pytest.raises(ValueError, match="steps is 0; it must be at least 1"):
        check_counts(Args(steps=0), "seconds", "steps")


def test_an_option_out_of_its_range_is_named():
    at_the_limits = Args(steps=0, seconds=1.0)
    check_ranges(at_the_limits, positive=["seconds"], not_negative=["steps"], shares=["steps", "seconds"])
    check_ranges(Args(seconds=None), positive=["seconds"])
    for rule, value, what in (
        ("positive", 0.0, "must be positive"),
        ("not_negative", -0.1, "must not be negative"),
        ("not_negative", float("nan"), "must not be negative"),
        ("shares", 1.1, "must be from 0 to 1"),
    ):
        with pytest.raises(ValueError, match=f"seconds is {value}; it {what}"):
            check_ranges(Args(seconds=value), **{rule: ["seconds"]})


def test_of_a_command_is_left_all_the_rest_or_nothing(tmp_path):
    out = tmp_path / "a"
    command = ["examples/bc.py", "--demos", "demos", "--out", str(out)]
    assert remaining_command(command, out) == command
    run = Run("bc", arguments(out))
    assert remaining_command(command, out) == ["examples/bc.py", "--resume", str(out)]  # it runs, or was killed
    run.close("failed: KeyError")
    assert remaining_command(command, out) == ["examples/bc.py", "--resume", str(out)]
    with Run("bc", resumed(out)):
        pass
    assert remaining_command(command, out) is None
    (out / "run.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        remaining_command(command, out)


def test_a_trainer_of_one_process_refuses_to_be_started_in_several(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RunError, match=r"torchrun has started 2 processes.*dagger\.py trains in one"):
        Run("dagger", arguments(tmp_path / "a"))
    assert not (tmp_path / "a").exists()


def test_two_processes_do_not_write_one_run(tmp_path):
    with Run("bc", arguments(tmp_path / "a")), pytest.raises(RunError, match="another process"):
        Run("bc", resumed(tmp_path / "a"))


def test_only_a_run_that_nobody_writes_is_set_aside(tmp_path):
    out = tmp_path / "a"
    with Run("bc", arguments(out)) as first:
        with pytest.raises(RunError, match=r"another process is writing to .*a: wait .* or choose another --out"):
            set_aside(out)
        first.save_checkpoint(5, {"of": "first"})
    aside = set_aside(out)
    assert load_checkpoint(aside / "checkpoints").state == {"of": "first"}
    with Run("bc", arguments(out)) as second:
        assert second.checkpoint() is None
    (tmp_path / "no_run" / "precious").mkdir(parents=True)
    assert (set_aside(tmp_path / "no_run") / "precious").is_dir()


def test_an_error_is_the_state_of_the_run(tmp_path):
    with pytest.raises(ZeroDivisionError), Run("bc", arguments(tmp_path / "a")):
        1 / 0  # noqa: B018
    assert read_description(tmp_path / "a")["state"] == "failed: ZeroDivisionError: division by zero"
    with pytest.raises(KeyboardInterrupt), Run("bc", arguments(tmp_path / "b")):
        raise KeyboardInterrupt
    assert read_description(tmp_path / "b")["state"] == "interrupted"


def test_a_resumed_run_has_each_metric_once(tmp_path):
    with Run("bc", arguments(tmp_path / "a")) as run:
        for step in (1, 2, 3, 4):
            run.log(step, {"train/loss": 1.0 / step})
            if step == 2:
                run.save_checkpoint(step, {"position": step})
    with Run("bc", resumed(tmp_path / "a")) as run:
        assert run.checkpoint().step == 2
        run.log(3, {"train/loss": 0.1})
    entries = read_metrics(tmp_path / "a" / "metrics.jsonl")
    assert [(entry["step"], entry["train/loss"]) for entry in entries] == [(1, 1.0), (2, 0.5), (3, 0.1)]
    assert [entry["seconds"] for entry in entries] == sorted(entry["seconds"] for entry in entries)


def test_a_metric_that_is_not_finite_is_named(tmp_path):
    with (
        Run("bc", arguments(tmp_path / "a")) as run,
        pytest.raises(ValueError, match="train/loss is nan at step 7"),
    ):
        run.log(7, {"train/loss": float("nan")})


def test_only_the_first_rank_writes(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with Run("bc", arguments(tmp_path / "a"), rank=1) as run:
        assert not run.is_main
        run.log(1, {"train/loss": 1.0})
        run.save_checkpoint(1, {})
        run.write_results({})
    assert not (tmp_path / "a").exists()


def test_tensorboard_reads_the_metrics(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def run_to(step: int, args: Args) -> None:
        with Run("bc", args) as run:
            start = 1 if run.checkpoint() is None else run.checkpoint().step + 1
            for k in range(start, step + 1):
                run.log(k, {"train/loss": float(k)})
                if k == 2:
                    run.save_checkpoint(k, {})

    run_to(4, Args(run=RunArgs(out=tmp_path / "a")))
    run_to(3, Args(run=RunArgs(resume=tmp_path / "a")))
    events = EventAccumulator(str(tmp_path / "a" / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_weights_and_biases_gets_the_metrics(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with Run("bc", arguments(tmp_path / "a", wandb="vpt-gym")) as run:
        run.log(1, {"train/loss": 1.0})
    assert list((tmp_path / "a" / "wandb").glob("offline-run-*/*.wandb"))


def test_random_states_and_optimizers_survive_a_checkpoint(tmp_path):
    import numpy as np

    rng = np.random.default_rng(1)
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight])
    weight.sum().backward()
    optimizer.step()
    state = {"rng": rng.bit_generator.state, "torch": torch.get_rng_state(), "optimizer": optimizer.state_dict()}
    save_checkpoint(tmp_path, Checkpoint(5, 1.5, state))
    loaded = load_checkpoint(tmp_path)
    assert (loaded.step, loaded.seconds) == (5, 1.5)
    assert loaded.state["rng"] == rng.bit_generator.state
    assert torch.equal(loaded.state["torch"], torch.get_rng_state())
    for name, value in optimizer.state_dict()["state"][0].items():
        assert torch.equal(loaded.state["optimizer"]["state"][0][name], value)


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, damage):
    for step in (1, 2):
        save_checkpoint(tmp_path, Checkpoint(step, 0.0, {"weights": torch.full((1000,), float(step))}))
    last = tmp_path / "last.pt"
    content = bytearray(last.read_bytes())
    if damage == "changed":
        content[len(content) // 2] ^= 0xFF
    last.write_bytes({"cut": content[: len(content) // 2], "changed": content, "empty": b""}[damage])
    with pytest.warns(UserWarning, match=r"last.pt is damaged.*continuing from the checkpoint before it"):
        assert load_checkpoint(tmp_path).step == 1
    (tmp_path / "previous.pt").write_bytes(b"")
    with pytest.raises(RunError, match=r"last.pt is damaged.*previous.pt is damaged.*Delete"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("content", ["{not json}", "[" * 5000, "[1]", "null", "9" * 5000, "\ufffd"])
def test_damaged_descriptions_and_results_are_named(tmp_path, content):
    with Run("bc", arguments(tmp_path / "run")) as run:
        (run.directory / "results.json").write_text(content)
        with pytest.raises(RunError, match=r"results\.json cannot be read \(.*delete it"):
            run.results()
    (tmp_path / "run" / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"run\.json (cannot be read|is not the description of a run)"):
        read_description(tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("argv", "--steps 3"),
        ("argv", [3]),
        ("args", None),
        ("working_directory", 5),
        ("state", {}),
        ("script", ["bc"]),
        ("resumed", 3),
    ],
)
def test_values_of_another_type_are_named(tmp_path, name, value):
    with Run("bc", arguments(tmp_path / "run")):
        pass
    description = read_description(tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text(json.dumps({**description, name: value}))
    with pytest.raises(RunError, match=rf"run\.json is damaged: {name} is "):
        read_description(tmp_path / "run")


@pytest.mark.parametrize("entry", ['{"loss": 1.0}', '{"step": "3"}', '{"step": null}'])
def test_an_entry_of_the_metrics_without_a_step_is_named(tmp_path, entry):
    with Run("bc", arguments(tmp_path / "run")) as run:
        run.log(1, {"train/loss": 1.0})
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write(entry + "\n")
    with pytest.raises(RunError, match=r"metrics\.jsonl is damaged: an entry has the step "):
        Run("bc", resumed(tmp_path / "run"))


def test_no_code_in_a_checkpoint_is_executed(tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    torch.save({"format": 1, "step": 1, "seconds": 0.0, "state": Malicious()}, tmp_path / "last.pt")
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_a_kill_at_any_moment_leaves_a_checkpoint_and_the_metrics_up_to_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            from dataclasses import dataclass, field, replace
            import torch
            from vpt_gym.learning.runs.args import RunArgs, check_counts, parse
            from vpt_gym.learning.runs.run import Run

            @dataclass
            class Args:
                run: RunArgs = field(default_factory=RunArgs)

            with Run("script", parse(Args)) as run:
                step = 0 if run.checkpoint() is None else run.checkpoint().step
                print("start", step, flush=True)
                while True:
                    step += 1
                    run.log(step, {"train/step": step})
                    run.save_checkpoint(step, {"weights": torch.full((100_000,), float(step))})
                    print(step, flush=True)
            """
        )
    )
    words = ["--out", "run", "--no-tensorboard"]
    reached = 0
    for part in range(4):
        process = start(script, *words, cwd=tmp_path, stdout=subprocess.PIPE)
        assert int(process.stdout.readline().split()[1]) >= reached
        for _ in range(7 + part):
            reached = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
        words = ["--resume", "run"]
    checkpoint = load_checkpoint(tmp_path / "run" / "checkpoints")
    assert checkpoint.step >= reached
    assert torch.equal(checkpoint.state["weights"], torch.full((100_000,), float(checkpoint.step)))
    steps = [entry["step"] for entry in read_metrics(tmp_path / "run" / "metrics.jsonl")]
    assert steps[: checkpoint.step] == list(range(1, checkpoint.step + 1))
    assert read_description(tmp_path / "run")["state"] == "running"
    assert len(read_description(tmp_path / "run")["resumed"]) == 3


def test_resume_takes_the_arguments_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--demos", "a", "b", "--steps", "9", "--out", "run", "--no-tensorboard"]
    monkeypatch.setattr(sys, "argv", ["bc.py", *words])
    with Run("bc", parse(Args)):
        pass
    monkeypatch.setattr(sys, "argv", ["bc.py", "--resume", "run", "--steps", "12"])
    args = parse(Args)
    assert (args.demos, args.steps, args.run.tensorboard) == ((Path("a"), Path("b")), 12, False)
    with Run("bc", args) as run:
        assert run.directory == Path("run")
    monkeypatch.setattr(sys, "argv", ["bc.py", "--resume=run"])
    assert parse(Args).steps == 12


def test_a_preset_gives_defaults_that_options_replace_also_when_the_run_is_resumed(tmp_path, monkeypatch):
    @dataclass
    class WithPreset:
        model: str
        preset: str = "none"
        steps: int = 3
        rate: float = 0.1
        run: RunArgs = field(default_factory=RunArgs)

    presets = {"big": {"steps": 900, "rate": 0.5}}
    monkeypatch.chdir(tmp_path)
    assert parse(WithPreset, ["--model", "a"], presets=presets).steps == 3
    words = ["--rate", "0.2", "--preset", "big", "--model", "a", "--out", "run", "--no-tensorboard"]
    monkeypatch.setattr(sys, "argv", ["big.py", *words])
    args = parse(WithPreset, presets=presets)
    assert (args.model, args.steps, args.rate) == ("a", 900, 0.2)
    with Run("big", args):
        pass
    resumed = parse(WithPreset, ["--resume", "run", "--steps", "7"], presets=presets)
    assert (resumed.model, resumed.steps, resumed.rate) == ("a", 7, 0.2)
    with pytest.raises(SystemExit):  # the model is still required
        parse(WithPreset, ["--preset", "big"], presets=presets)


def test_resume_from_elsewhere_and_of_nothing_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Run("bc", arguments(tmp_path / "run")):
        pass
    monkeypatch.chdir("/")
    with pytest.raises(SystemExit, match="resume it from that directory"):
        parse(Args, ["--resume", str(tmp_path / "run")])
    with pytest.raises(SystemExit, match=r"has no run.json"):
        parse(Args, ["--resume", str(tmp_path)])
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(SystemExit, match="cannot be read"):
        parse(Args, ["--resume", str(tmp_path / "run")])


def test_a_name_with_a_slash_is_refused():
    with pytest.raises(ValueError, match="--out"):
        RunArgs(name="a/b")


@dataclass
class Rising:
    by: int = 1


@dataclass
class Falling:
    by: int = 1


@dataclass
class ArgsWithChoice:
    steps: int = 3
    expert: str = "scripted"
    demos: tuple[str, ...] = ()
    slope: Rising | Falling = field(default_factory=Rising)
    run: RunArgs = field(default_factory=RunArgs)


def test_a_run_with_a_chosen_type_is_resumed_again_and_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--out", "run", "--no-tensorboard", "slope:falling", "--slope.by", "7"]
    for more in ([], ["--steps", "9"], ["--steps", "11"], ["--steps", "12", "slope:rising"]):
        monkeypatch.setattr(sys, "argv", ["script", *(["--resume", "run", *more] if more else words)])
        args = parse(ArgsWithChoice)
        with Run("script", args):
            pass
    assert (args.steps, args.slope) == (12, Rising(1))
    monkeypatch.setattr(sys, "argv", ["script", "--resume", "run"])
    assert parse(ArgsWithChoice).steps == 12
    monkeypatch.setattr(sys, "argv", ["script", "--resume", "run", "slope:falling", "--slope.by", "2"])
    assert parse(ArgsWithChoice).slope == Falling(2)


@pytest.mark.parametrize(
    ("earlier", "options"),
    [
        (["--expert", "expert:MyExpert", "--demos", "slope:Mine-v0", "steps:a"], 5),
        (["--expert", "slope:rising"], 2),  # tyro gives the word to the option, whatever it is
        (["--demos", "a", "slope:rising"], 2),
        (["--no-tensorboard", "slope:falling"], 1),
        (["--expert", "slope:rising", "slope:falling", "--slope.by", "3"], 2),
    ],
)
def test_only_the_choice_of_a_type_is_kept_behind_later_options(earlier, options):
    words = joined(earlier, ["--steps", "9"], ArgsWithChoice)
    assert words == [*earlier[:options], "--steps", "9", *earlier[options:]]
    before, now = (parse(ArgsWithChoice, line) for line in (earlier, words))
    assert now == replace(before, steps=9)


def test_a_resumed_run_learns_from_the_demos_that_it_began_with(tmp_path):
    first, later = [tmp_path / "a.json", tmp_path / "b.json"], tmp_path / "c.json"
    with Run("bc", arguments(tmp_path / "run")) as run:
        assert run.demos(first) == first
    with Run("bc", resumed(tmp_path / "run")) as run:
        with pytest.warns(UserWarning, match="1 demos came after"):
            assert run.demos([later, *first]) == first
        with pytest.raises(RunError, match=r"1 of the 2 demos that .* began with are gone, such as .*b\.json"):
            run.demos([first[0], later])
    (tmp_path / "run" / "demos.json").write_text("{")
    with Run("bc", resumed(tmp_path / "run")) as run, pytest.raises(RunError, match=r"demos\.json cannot be read"):
        run.demos(first)


@pytest.mark.parametrize("changed", [{"step": "3"}, {"seconds": None}, {"state": [1]}, {"format": 2}])
def test_what_is_no_checkpoint_is_not_continued_from(tmp_path, changed):
    save_checkpoint(tmp_path, Checkpoint(3, 1.0, {"position": 3}))
    content = {**torch.load(tmp_path / "last.pt"), **changed}
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(RunError, match="is not a checkpoint of this version"):
        load_checkpoint(tmp_path)
