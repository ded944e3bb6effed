"""What to record, and one env that does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from vpt_gym.collect.disturbance import Disturbance
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.players import SCRIPTED, is_agent, make_player, resolve
from vpt_gym.collect.rollouts import ATTEMPTS, Episode, warn_if_endless
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.files.writer import EpisodeSummary
from vpt_gym.frames import POLICY_SIZE
from vpt_gym.wrappers import HumanActionWrapper, RecorderWrapper
from vpt_gym.wrappers.labels import label_next_step
from vpt_gym.wrappers.success import success_of

if TYPE_CHECKING:
    from vpt_gym.agents.agent import ActingPrecision

Keep: TypeAlias = Literal["success", "all"]
Size: TypeAlias = Literal["128", "native"]

RECORDED_BY = "recorded_by"
"""Key of the metadata that says who played, and how it was recorded."""


class EpisodeInterrupted(Exception):
    """An episode was broken off because nobody waits for it any more."""


@dataclass(frozen=True)
class Recording:
    """What to record. The same fields give the same episodes, however many envs play and however often it is stopped.

    Attributes:
        out: Directory of the demos.
        env: Where to play.
        expert: Who plays (``vpt_gym.collect.players.resolve``).
        episodes: Demos to have in the end, from ``seed`` on.
        seed: Seed of the first world; the next episodes have the next ones.
        keep: ``"success"``: failed episodes are thrown away, and more are played in their place.
        size: ``"128"``: frames are scaled to what policies take. ``"native"``: they keep their size.
        lossless: Keep every pixel as it is.
        disturbance: Chance, each tick, that the view is pushed aside for a while; the label stays the expert's.
            None: 0.02 for scripted experts, 0 for agents.
        device: Where an agent runs.
        precision: In which number type an agent acts; ``"auto"`` becomes the fastest that this processor has
            (:class:`vpt_gym.agents.VPTAgent`). Demos name it, unless it is fp32.
        skill: Of a scripted expert, in (0, 1]: 1 plays as well as it can; less is slower, and errs.
        num_envs: Envs that play side by side, each in a process of its own.

    Raises:
        ValueError: A field has no sensible value, or the env has no scripted expert.
    """

    out: Path
    env: EnvArgs = field(default_factory=EnvArgs)
    expert: Sequence[str] = (SCRIPTED,)
    episodes: int = 50
    seed: int = SEEDS["demos"].start
    keep: Keep = "success"
    size: Size = "native"
    lossless: bool = False
    disturbance: float | None = None
    device: str = "cpu"
    precision: ActingPrecision = "auto"
    skill: float = 1.0
    num_envs: int = 1

    def __post_init__(self) -> None:
        for name in ("episodes", "num_envs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.seed not in SEEDS["demos"]:
            raise ValueError(
                f"seed is {self.seed}; demos have seeds from 0 to {SEEDS['demos'].stop - 1}, so that no world is "
                "recorded that others are evaluated in"
            )
        if self.keep not in ("success", "all") or self.size not in ("128", "native"):
            raise ValueError(f"keep is {self.keep!r} and size {self.size!r}; they are success or all, 128 or native")
        object.__setattr__(self, "expert", resolve(self.expert, self.env.id))
        if self.disturbance is None:
            object.__setattr__(self, "disturbance", 0.0 if is_agent(self.expert) else 0.02)
        Disturbance(self.pushes)
        if is_agent(self.expert):
            from vpt_gym.agents.agent import engine_precision_of

            object.__setattr__(self, "precision", engine_precision_of(self.precision, self.device) or "fp32")

    @property
    def pushes(self) -> float:
        """The chance of a push, each tick."""
        return self.disturbance or 0.0

    def kept(self, success: bool) -> bool:
        """Whether the demo of an episode that was played to its end is kept."""
        return success or self.keep == "all"

    @property
    def provenance(self) -> dict[str, Any]:
        """What the metadata of each demo say of it; all demos of a directory agree in it."""
        return {
            "expert": " ".join(self.expert),
            "disturbance": self.pushes,
            "size": self.size,
            "lossless": self.lossless,
            **({} if self.skill == 1.0 else {"skill": self.skill}),
            **({"precision": self.precision} if is_agent(self.expert) and self.precision != "fp32" else {}),
        }


class RecordingSession:
    """One env with its recorder and its player.

    Raises:
        ValueError: The env, the expert, or how they fit together.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        base = recording.env.base()
        try:
            warn_if_endless(base)
            self.env = HumanActionWrapper(
                RecorderWrapper(
                    base,
                    recording.out,
                    keep=self._keep,
                    metadata={RECORDED_BY: recording.provenance},
                    size=POLICY_SIZE if recording.size == "128" else None,
                    lossless=recording.lossless,
                )
            )
            self._player = make_player(
                recording.expert, device=recording.device, precision=recording.precision, skill=recording.skill
            )
        except BaseException:
            base.close()
            raise

    def play(self, seed: int, *, interrupted: Callable[[], bool] = lambda: False) -> Episode:
        """Plays the episode of a seed, and leaves its demo if it is to be kept.

        Args:
            seed: Of the world, of the disturbance, and of an agent's sampling.
            interrupted: Called each tick; nothing of the episode stays if it returns True.

        Raises:
            EpisodeInterrupted: It did.
            ValueError: Nothing tells whether the episode succeeded, and only successes are to be kept.
            RuntimeError: The game broke in ``ATTEMPTS`` plays of this episode.
        """
        for _ in range(ATTEMPTS):
            disturbance = Disturbance(self._recording.pushes, seed=seed)
            observation, _ = self.env.reset(seed=seed)
            self._player.reset(seed)
            ticks, total_reward, ended = 0, 0.0, False
            info: dict[str, Any] = {}
            while not ended:
                if interrupted():
                    raise EpisodeInterrupted
                label = self._player.act(self.env, observation)
                label_next_step(self.env, label)
                observation, reward, terminated, truncated, info = self.env.step(disturbance.executed(label))
                ended = terminated or truncated
                total_reward += float(reward)
                ticks += 1
            if "env_error" not in info:
                success = success_of(self.env, info)
                if success is None and self._recording.keep == "success":
                    raise ValueError(
                        f"{self._recording.env.id} does not tell whether an episode succeeded: its last info lacks "
                        "'success'. Keep all episodes (--keep all), or add it in a wrapper around the env"
                    )
                return Episode(seed, bool(success), total_reward, ticks, bool(truncated))
        raise RuntimeError(f"the game broke {ATTEMPTS} times in the world of seed {seed}: {info['env_error']}")

    def close(self) -> None:
        """Closes the env; nothing stays of an episode that is still running."""
        self.env.close()

    def _keep(self, episode: EpisodeSummary) -> bool:
        whole = episode.ended in ("terminated", "truncated")
        return whole and self._recording.kept(bool(episode.success))
