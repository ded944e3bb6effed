"""The environment of a run as command-line options: any registered id, wrapped for a VPT policy."""

from __future__ import annotations

import difflib
import inspect
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import gymnasium as gym
import tyro
from gymnasium.envs.registration import find_highest_version, load_env_creator, parse_env_id

from vpt_gym.collect.import_here import import_here
from vpt_gym.system.command_line import optional
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.printable import shown
from vpt_gym.world.ids import env_id, is_embedded


@dataclass(frozen=True)
class EnvArgs:
    """The environment to play in.

    Raises:
        TypeError: A field is no text.
        ValueError: There is no such environment, ``kwargs`` is no JSON object, or ``key`` is empty.
    """

    # `--env.id` and `--env.kwargs` are older spellings; the help lists aliases first
    id: Annotated[str, tyro.conf.arg(name="env.id", prefix_name=False, aliases=["--env"], metavar="ID")] = (
        "vpt_gym/Harvest1Log-v0"
    )
    """Gymnasium id, or module:id, of an environment whose actions vpt-gym knows. A module may be in this folder."""
    kwargs: Annotated[
        str | None,
        optional(
            "JSON",
            """'{"level": "easy"}' for vpt_gym/Harvest1Log-v0, none for others""",
            name="env.kwargs",
            aliases=("--env-kwargs",),
        ),
    ] = None
    """Arguments of the environment, a JSON object such as '{"max_episode_steps": 600}'."""
    key: Annotated[str | None, optional("KEY", "the usual names", name="env.key", aliases=("--env-key",))] = None
    """Key of the frame in the observation, such as view, or obs.image where dictionaries are nested."""

    def __post_init__(self) -> None:
        # an error that is raised here is shown as a wrong option; the module of module:id is imported later
        if not isinstance(self.id, str):
            raise TypeError(f"env id is {shown(self.id)}; it must be a text such as vpt_gym/Harvest1Log-v0")
        if self.kwargs is not None and not isinstance(self.kwargs, str):
            raise TypeError(
                f"env kwargs are {shown(self.kwargs)}; they must be JSON, such as " + '\'{"level": "easy"}\''
            )
        if self.key is not None and not (isinstance(self.key, str) and self.key):
            kind = ValueError if isinstance(self.key, str) else TypeError
            raise kind(f"env key is {shown(self.key)}; it must be a text such as view, or obs.image where it is nested")
        try:
            is_object = isinstance(self.arguments, dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise ValueError(f"env kwargs {shown(self.kwargs)} must be a JSON object such as " + '{"level": "easy"}')
        if ":" not in self.id and not _is_registered(self.id):
            raise ValueError(f"there is no env {self.id}; {_suggestion(self.id)}")

    @property
    def name(self) -> str:
        """The name in ``gym.registry`` and in the metadata of demos: without a module before a colon, with a version.

        The version of an id without one is that of the newest registered environment of its name.
        """
        name = self.id.rpartition(":")[2]
        with suppress(gym.error.Error):
            namespace, stem, version = parse_env_id(name)
            newest = find_highest_version(namespace, stem) if version is None else None
            return name if newest is None else f"{name}-v{newest}"
        return name

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the environment."""
        if self.kwargs is None:
            return {"level": "easy"} if self.name == EnvArgs.id else {}
        arguments: dict[str, Any] = parse_json(self.kwargs)
        return arguments

    def with_kwargs(self, **kwargs: Any) -> EnvArgs:
        """Returns the same environment with arguments added or replaced."""
        return replace(self, kwargs=json.dumps({**self.arguments, **kwargs}))

    @checks_flags
    def base(self, *, render: bool = False) -> gym.Env[Any, Any]:
        """Makes the environment without any wrapper of VPT's format; with ``key``, its frame is the entry ``img`` too.

        Args:
            render: Whether ``render`` returns frames, if the environment takes a ``render_mode``.

        Raises:
            ModuleNotFoundError: The id names a module that does not exist.
            gymnasium.error.Error: There is no such environment.
        """
        kwargs = self.arguments
        module, _, name = self.id.rpartition(":")
        if module:
            import_here(module)
        if render and _takes_render_mode(name):
            kwargs["render_mode"] = "rgb_array"
        env: gym.Env[Any, Any] = gym.make(self.id, **kwargs)
        if self.key is None:
            return env
        from vpt_gym.wrappers import FrameKeyWrapper  # slow: OpenCV

        return FrameKeyWrapper(env, self.key)

    @checks_flags
    def make(self, *, record_to: Path | None = None, render: bool = False, complete: bool = False) -> gym.Env[Any, Any]:
        """Makes the environment in VPT's format: it takes VPT codes and returns 128×128 frames.

        Args:
            record_to: Directory that gets a demo of each episode that is played to its end.
            render: Whether ``render`` returns frames, if the environment takes a ``render_mode``.
            complete: For a wrapper that reads more than the frame. By default, and without a recorder, the embedded
                world does not build the observations that ``VPTObsWrapper`` leaves out.
        """
        from vpt_gym.wrappers import RecorderWrapper, VPTActionWrapper, VPTObsWrapper  # slow: OpenCV and PyAV

        env = (self if complete or record_to is not None else self._of_frames()).base(render=render)
        if record_to is not None:
            env = RecorderWrapper(env, record_to, keep=lambda episode: episode.ended in ("terminated", "truncated"))
        return VPTActionWrapper(VPTObsWrapper(env))

    def _of_frames(self) -> EnvArgs:
        """Returns the same environment; the embedded world without the observations that nothing reads.

        Translators of other ``actions`` than the human one read some of them.
        """
        chosen = not {"actions", "observations"}.isdisjoint(self.arguments) or self.key is not None
        return self if chosen or not is_embedded(self.name) else self.with_kwargs(observations=["rgb"])


def _is_registered(name: str) -> bool:
    """Returns whether Gymnasium can make an environment of this id, which may lack its version."""
    if name in gym.registry:
        return True
    try:
        namespace, stem, version = parse_env_id(name)
    except gym.error.Error:
        return False
    return version is None and find_highest_version(namespace, stem) is not None


def _suggestion(name: str) -> str:
    """Returns ``did you mean ...?`` for the name of a task or an id with a typing error, else another form."""
    of_task = env_id(name.removeprefix("vpt_gym/").removesuffix("-v0"))
    near = [of_task] if of_task in gym.registry else difflib.get_close_matches(name, gym.registry, n=1, cutoff=0.75)
    return f"did you mean {near[0]}?" if near else f"if a module registers it, give module:{name}"


def _takes_render_mode(name: str) -> bool:
    """Returns whether the function or class of a registered environment has an argument ``render_mode``."""
    try:
        entry = gym.spec(name).entry_point
    except gym.error.Error:  # no such environment, which make() reports, or an id without its version
        return True
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    if creator is None:
        return False
    parameters = inspect.signature(creator).parameters
    return "render_mode" in parameters or any(
        parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()
    )
