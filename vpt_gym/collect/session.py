"""A description of what to record, and the session that plays its episodes in one env."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import gymnasium as gym

from vpt_gym.collect.disturbance import Disturbance
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.goals import ChosenGoal
from vpt_gym.collect.identity import weights_digest
from vpt_gym.collect.import_here import import_here
from vpt_gym.collect.players import SCRIPTED, AgentPlayer, is_agent, make_player, resolve
from vpt_gym.collect.provenance import RECORDED_BY
from vpt_gym.collect.rollouts import ATTEMPTS, Episode, warn_if_endless
from vpt_gym.collect.seeds import SEEDS, recorded_band
from vpt_gym.demos.files.writer import EpisodeSummary
from vpt_gym.frames import POLICY_SIZE
from vpt_gym.world.ids import PLAY
from vpt_gym.wrappers import HumanActionWrapper, RecorderWrapper, VideoRecorderWrapper
from vpt_gym.wrappers.labels import label_next_step
from vpt_gym.wrappers.success import success_of, success_so_far

if TYPE_CHECKING:
    from vpt_gym.agents.agent import ActingPrecision

Keep: TypeAlias = Literal["success", "all"]
Size: TypeAlias = Literal["128", "native"]


def demo_folder(env: EnvArgs) -> Path:
    """Returns the directory of an env's demos if the user gives none: ``demos/`` and the name of its task or id.

    Raises:
        gymnasium.error.Error: There is no such env.
        ImportError: The module of a ``module:id`` cannot be imported.
    """
    module, _, name = env.id.rpartition(":")
    if module:
        import_here(module)
    arguments = {**gym.spec(name).kwargs, **env.arguments}
    task = arguments.get("task", arguments.get("task_id", name))
    return Path("demos") / re.sub(r"[^\w.-]+", "_", str(task))


class EpisodeInterrupted(Exception):
    """An episode was stopped before its end, because its demo is no longer needed."""


@dataclass(frozen=True)
class Recording:
    """What to record. The same fields give the same demos, whatever ``num_envs`` is and however often a run is stopped.

    Attributes:
        out: Directory of the demos.
        env: The env to play in.
        expert: The player (``vpt_gym.collect.players.resolve``).
        episodes: Number of demos that the directory has at the end, counted from ``seed`` on. Rejected ones do not
            count; other worlds are played instead of theirs.
        seed: Seed of the first world; each later episode has the next seed. None: the first for demos, or for play in
            ``vpt_gym/Play-v0`` (``vpt_gym.collect.seeds``).
        labels: False records videos without labels (:class:`vpt_gym.wrappers.VideoRecorderWrapper`), no demos.
        keep: ``"success"`` discards failed episodes and plays others instead; ``"all"`` keeps them. None: ``"all"``
            without labels and in ``vpt_gym/Play-v0``, where no episode is a success, else ``"success"``.
        size: ``"128"`` scales frames to the size of policies, 128×128; ``"native"`` keeps their size.
        lossless: Whether videos keep every pixel unchanged.
        disturbance: Probability per tick that a push of the view begins; the label stays the expert's. None: 0.02 for
            scripted experts, 0 for agents, in ``vpt_gym/Play-v0`` and without labels.
        device: Device of an agent.
        precision: Number type in which an agent acts; ``"auto"`` becomes the fastest on this processor
            (:class:`vpt_gym.agents.VPTAgent`). Demos name it, unless it is fp32.
        skill: Skill of a scripted expert, in (0, 1]: 1 is its best; less is slower and makes mistakes.
        goal: The goal of an agent whose policy acts on goals. Demos name it.
        num_envs: Envs that run in parallel, each in its own process.
        weights: Digest of an agent's weights, by which demos of another agent under the same name are told
            (:meth:`with_weights`).

    Raises:
        ValueError: A field is out of range, or the env has no scripted expert.
    """

    out: Path
    env: EnvArgs = field(default_factory=EnvArgs)
    expert: Sequence[str] = (SCRIPTED,)
    episodes: int = 50
    seed: int | None = None
    labels: bool = True
    keep: Keep | None = None
    size: Size = "native"
    lossless: bool = False
    disturbance: float | None = None
    device: str = "cpu"
    precision: ActingPrecision = "auto"
    skill: float = 1.0
    goal: ChosenGoal | None = None
    num_envs: int = 1
    weights: str | None = None

    def __post_init__(self) -> None:
        for name in ("episodes", "num_envs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0.0 < self.skill <= 1.0:
            raise ValueError(f"skill is {self.skill!r}; it must be in (0, 1], where 1 makes no errors")
        plays = self.env.id.rpartition(":")[2] == PLAY
        if self.seed is None:
            object.__setattr__(self, "seed", SEEDS["play" if plays else "demos"].start)
        recorded_band(self.first_seed)
        if self.keep is None:
            object.__setattr__(self, "keep", "all" if plays or not self.labels else "success")
        if self.keep == "success" and not self.labels:
            raise ValueError("keep is success, but a video without labels does not say so of its episode; use all")
        if self.keep not in ("success", "all") or self.size not in ("128", "native"):
            raise ValueError(f"keep is {self.keep!r} and size {self.size!r}; they are success or all, 128 or native")
        object.__setattr__(self, "expert", resolve(self.expert, self.env.id))
        if not is_agent(self.expert):
            for name, default in (("device", "cpu"), ("precision", "auto")):
                if getattr(self, name) != default:
                    raise ValueError(
                        f"{name} is {getattr(self, name)!r}, but {self.expert[0]} is no agent; leave it out"
                    )
        if self.disturbance is None:
            object.__setattr__(self, "disturbance", 0.0 if is_agent(self.expert) or plays or not self.labels else 0.02)
        Disturbance(self.pushes)
        if is_agent(self.expert):
            from vpt_gym.agents.agent import engine_precision_of

            object.__setattr__(self, "precision", engine_precision_of(self.precision, self.device) or "fp32")

    @property
    def first_seed(self) -> int:
        """Seed of the first world."""
        assert self.seed is not None  # since __post_init__
        return self.seed

    @property
    def pushes(self) -> float:
        """The probability per tick that a push begins."""
        return self.disturbance or 0.0

    def kept(self, success: bool | None) -> bool:
        """Returns whether the demo of a finished episode is kept; ``success`` is None if it is unknown."""
        return bool(success) or self.keep == "all"

    @property
    def provenance(self) -> dict[str, Any]:
        """The description that each demo has in its metadata; equal in all demos of a directory."""
        return {
            "expert": " ".join(self.expert),
            **Disturbance(self.pushes).provenance,
            "size": self.size,
            "lossless": self.lossless,
            **({} if self.env.key is None else {"env_key": self.env.key}),
            **({} if self.labels else {"labels": False}),
            **({} if self.skill == 1.0 else {"skill": self.skill}),
            **({} if self.goal is None else {"goal": self.goal.provenance}),
            **({"precision": self.precision} if is_agent(self.expert) and self.precision != "fp32" else {}),
            **({} if self.weights is None else {"weights": self.weights}),
        }

    def with_weights(self) -> Recording:
        """Returns the recording with the digest of its agent's weights; itself if the player is no agent.

        Raises:
            CheckpointError: The agent's files are unsafe, damaged, or of another model.
            FileNotFoundError: There is no such agent.
        """
        if not is_agent(self.expert):
            return self
        from vpt_gym.agents.checkpoints.pretrained import load_pretrained

        return replace(self, weights=weights_digest(load_pretrained(*self.expert)[0]))


class RecordingSession:
    """One env with its recorder and its player.

    Raises:
        ValueError: The env or the player cannot be made, or the player cannot play in the env.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        base = recording.env.base()
        try:
            warn_if_endless(base)
            self.env = HumanActionWrapper(self._recorder(base))
            self._player = make_player(
                recording.expert,
                device=recording.device,
                precision=recording.precision,
                skill=recording.skill,
                goal=recording.goal,
            )
            self._check_weights()
        except BaseException:
            base.close()
            raise

    def _check_weights(self) -> None:
        """Checks that this machine has the agent that the recording names: nodes of a cluster have copies of it."""
        if self._recording.weights is None or not isinstance(self._player, AgentPlayer):
            return
        weights = weights_digest(self._player.agent.policy)
        if weights != self._recording.weights:
            name = " ".join(self._recording.expert)
            raise ValueError(
                f"{name} on {socket.gethostname()} has other weights ({weights}) than where the recording was started "
                f"({self._recording.weights}); copy the same agent to each machine"
            )

    def play(self, seed: int, *, interrupted: Callable[[], bool] = lambda: False) -> Episode:
        """Plays one episode, and records it if its demo is to be kept.

        Args:
            seed: Seed of the world, of the disturbance, and of an agent's sampling.
            interrupted: Called in each tick. If it returns True, the episode is stopped and not recorded.

        Raises:
            EpisodeInterrupted: ``interrupted`` returned True.
            ValueError: Only successes are kept, but the env does not report whether the episode succeeded.
            RuntimeError: The game failed in each of ``ATTEMPTS`` attempts at this episode.
        """
        for _ in range(ATTEMPTS):
            disturbance = Disturbance(self._recording.pushes, seed=seed)
            observation, _ = self.env.reset(seed=seed)
            self._player.reset(seed)
            ticks, total_reward, ended = 0, 0.0, False
            success: bool | None = None
            info: dict[str, Any] = {}
            while not ended:
                if interrupted():
                    raise EpisodeInterrupted
                label = self._player.act(self.env, observation)
                if self._recording.labels:
                    label_next_step(self.env, label)
                observation, reward, terminated, truncated, info = self.env.step(disturbance.executed(label))
                ended = terminated or truncated
                total_reward += float(reward)
                ticks += 1
                success = success_so_far(success, success_of(self.env, info))
            if "env_error" not in info:
                if success is None and self._recording.keep == "success":
                    raise ValueError(
                        f"{self._recording.env.id} does not report whether an episode succeeded: no info of it has "
                        "'success'. Keep all episodes (--keep all), or add it in a wrapper around the env"
                    )
                return Episode(seed, success, total_reward, ticks, bool(truncated))
        raise RuntimeError(f"the game failed {ATTEMPTS} times in the world of seed {seed}: {info['env_error']}")

    def close(self) -> None:
        """Closes the env. An unfinished episode is not recorded."""
        self.env.close()

    def _recorder(self, env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
        recording = self._recording
        options: dict[str, Any] = {
            "metadata": {RECORDED_BY: recording.provenance},
            "size": POLICY_SIZE if recording.size == "128" else None,
            "lossless": recording.lossless,
        }
        if recording.labels:
            return RecorderWrapper(env, recording.out, keep=self._keep, **options)
        return VideoRecorderWrapper(env, recording.out, **options)

    def _keep(self, episode: EpisodeSummary) -> bool:
        complete = episode.ended in ("terminated", "truncated")
        return complete and self._recording.kept(episode.success)
