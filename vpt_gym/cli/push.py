"""``vpt-gym push``: publishes an agent or demos on the Hugging Face Hub, with a card."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output
from vpt_gym.cli.status import DONE, failed
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted

if TYPE_CHECKING:
    from vpt_gym.agents.idm.model import InverseDynamicsModel
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.hub import About

_TEXTS = ("title", "license", "summary", "data", "recipe", "figures", "limits")


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Publishes a saved agent or a directory of demos on the Hugging Face Hub, with a card (README.md).

    A README.md in the folder is the card. Otherwise one is made: of the model, of the run that trained it (command,
    data, results.json), or of the demos; and of the texts below. --card-only writes it into the folder, to be read and
    changed before anything is published. Log in with `hf auth login`, or set HF_TOKEN.
    """

    source: Annotated[Path, tyro.conf.Positional]
    """Folder of a saved agent, or directory of demos."""
    id: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ID")]
    """Id of the repository on the Hub: USER/NAME or ORGANISATION/NAME."""
    license: Annotated[str, optional("ID", "not stated")] = ""
    """Licence, as the Hub writes it: mit, apache-2.0, cc-by-4.0, other."""
    title: Annotated[str, optional("TEXT", "the name on the Hub")] = ""
    """Heading of the card."""
    summary: Annotated[str, optional("TEXT", "from the model or the demos")] = ""
    """What it is."""
    data: Annotated[str, optional("TEXT", "from the run or the demos")] = ""
    """What it was trained on, or where the demos come from."""
    recipe: Annotated[str, optional("TEXT", "from the run")] = ""
    """How it was made."""
    figures: Annotated[str, optional("TEXT", "from results.json of the run, or the demos")] = ""
    """How good it is."""
    limits: Annotated[str, optional("TEXT", "what holds for all")] = ""
    """What it cannot do, or was not tried on."""
    tags: Annotated[tuple[str, ...], optional("TAG [TAG ...]", "none")] = ()
    """Further tags."""
    private: bool = False
    """Make a private repository. One that exists must be private."""
    revision: Annotated[str | None, optional("BRANCH", "main")] = None
    """Branch to commit to; made if it does not exist."""
    message: Annotated[str, optional("TEXT", '"Upload with vpt-gym"')] = ""
    """Message of the commit."""
    card_only: bool = False
    """Write the card into the folder and publish nothing."""
    quiet: Quiet = False
    json: Json = False


def run(args: Args) -> int:
    """Publishes, or writes the card; returns the exit status."""
    from vpt_gym.hub import UploadError

    try:
        return _push(args)
    except (ValueError, OSError, ImportError, UploadError) as error:
        return failed("push", error)


def _push(args: Args) -> int:
    from vpt_gym.agents.checkpoints.saved_folder import has_model
    from vpt_gym.hub.card import CARD
    from vpt_gym.hub.upload import check_repo_id

    check_repo_id(args.id)
    if args.quiet:
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # read when huggingface_hub is imported
    if not os.path.isdir(args.source):
        raise FileNotFoundError(f"there is no directory {args.source}: name a saved agent or a directory of demos")
    written = args.source / CARD
    given = [f"--{name}" for name in (*_TEXTS, "tags") if getattr(args, name)]
    if written.exists() and (given or args.card_only):
        why = "it would be replaced" if args.card_only else f"{', '.join(given)} would have no effect"
        raise FileExistsError(f"{written} is the card, and {why}: change the file, or remove it")
    if has_model(args.source):
        return _push_agent(args, written)
    return _push_demos(args, written)


def _about(args: Args, known: About) -> About:
    """Returns what is known, with the texts of the command line in place of it."""
    given = {name: value for name in _TEXTS if (value := getattr(args, name))}
    return replace(known, **given, tags=args.tags)


def _push_agent(args: Args, written: Path) -> int:
    from vpt_gym.agents.agent import VPTAgent
    from vpt_gym.agents.checkpoints.card import model_card, push_folder
    from vpt_gym.agents.describe import describe
    from vpt_gym.agents.idm.agent import IDMAgent
    from vpt_gym.report.card import about_of_run

    (described,) = describe([args.source])
    if not described.ok:
        raise ValueError(f"{args.source} cannot be loaded, so it is not published: {described.problem}")
    if written.exists():
        text = _read(written)
    else:
        about = _about(args, about_of_run(args.source))
        network: VPTPolicy | InverseDynamicsModel = (
            VPTAgent.from_pretrained(args.source, precision=None).policy
            if described.kind == "policy"
            else IDMAgent.from_pretrained(args.source).model
        )
        text = model_card(network, network.config, about, source=args.id).text()
    if args.card_only:
        return _write(args, written, text)
    url = push_folder(
        args.source, args.id, card=text, private=args.private, revision=args.revision, message=args.message
    )
    Output(args.quiet, args.json).result(url, {"url": url})
    return DONE


def _push_demos(args: Args, written: Path) -> int:
    from vpt_gym.demos.exchange.hub import demos_card, push_demos
    from vpt_gym.hub import About

    about = _about(args, About())
    if args.card_only:
        return _write(args, written, demos_card(args.source, about, repo_id=args.id).text())
    done = push_demos(
        args.source,
        args.id,
        card=_read(written) if written.exists() else about,
        private=args.private,
        revision=args.revision,
        message=args.message,
    )
    output = Output(args.quiet, args.json)
    output.result(
        f"{counted(done.episodes, 'episode')}, {counted(done.ticks, 'tick')}: {done.url}",
        {"url": done.url, "episodes": done.episodes, "ticks": done.ticks, "left_out": asdict(done.left_out)},
    )
    if done.left_out:
        output.remark(f"left out: {done.left_out}")
    return DONE


def _read(card: Path) -> str:
    try:
        return card.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{card} is not text in UTF-8 ({error})") from error


def _write(args: Args, path: Path, text: str) -> int:
    path.write_text(text, encoding="utf-8")
    Output(args.quiet, args.json).result(path, {"card": str(path)})
    return DONE
