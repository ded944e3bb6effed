"""``vpt-gym export``: writes an agent's policy in the format of another runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output
from vpt_gym.cli.status import DONE, failed
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted
from vpt_gym.system.user_path import is_there, user_path


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Writes one step of an agent's policy as an ONNX file, which plays without PyTorch, for example in a browser.

    Frame and memory are inputs; the probabilities of actions and the next memory are outputs. The file's metadata say
    how to use it. Before it is put in its place, it is played beside PyTorch and compared.
    """

    agent: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="AGENT [WEIGHTS]", help_behavior_hint="")
    ]
    """Folder of a saved agent, .model file and its .weights file, or a name such as nano-foundation."""
    format: Literal["onnx"] = "onnx"
    """Format of the file; it needs pip install "vpt-gym[onnx]"."""
    out: Annotated[
        Path | None, optional("FILE", "the agent's name with .onnx, in the current folder", aliases=("-o",))
    ] = None
    """File to write; one of that name is replaced."""
    quiet: Quiet = False
    json: Json = False


def run(args: Args) -> int:
    """Writes the file and returns the exit status."""
    try:
        return _export(args)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        return failed("export", error)


def _export(args: Args) -> int:
    from vpt_gym.system.output_file import check_output_file

    if not 1 <= len(args.agent) <= 2:
        raise ValueError(
            "name one agent: a folder, a name such as nano-foundation, or a .model and a .weights file; "
            f"got {len(args.agent)} words"
        )
    out = Path(f"{_name(args.agent[0])}.onnx") if args.out is None else args.out
    check_output_file(out)  # before the agent is loaded or downloaded

    from vpt_gym.agents.checkpoints.pretrained import load_pretrained
    from vpt_gym.agents.onnx_export import export_onnx, require_onnx

    require_onnx()
    policy, _ = load_pretrained(*args.agent)
    exported = export_onnx(policy, out, source=" ".join(args.agent))
    output, sizes = Output(args.quiet, args.json), {str(file): file.stat().st_size for file in exported.files}
    output.result(
        "\n".join(f"{file}  {counted(size, 'byte')}" for file, size in sizes.items()),
        {
            "files": [{"file": file, "bytes": size} for file, size in sizes.items()],
            "difference": exported.difference,
        },
    )
    output.remark(f"checked in ONNX Runtime: probabilities differ from PyTorch's by at most {exported.difference:.1g}")
    return DONE


def _name(source: str) -> str:
    path = user_path(source)
    path = path.resolve() if is_there(path) else Path(source)
    return path.stem if path.suffix == ".model" else path.name
