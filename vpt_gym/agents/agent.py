"""The agent: a policy with its memory and random numbers, which plays in an environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.agents.checkpoints.card import push_model, write_card
from vpt_gym.agents.checkpoints.load_report import LoadReport
from vpt_gym.agents.checkpoints.policy import load_weights, save_folder
from vpt_gym.agents.checkpoints.pretrained import load_pretrained
from vpt_gym.agents.checkpoints.saved_folder import StoredAs
from vpt_gym.agents.device import checked_device
from vpt_gym.agents.engine import EnginePrecision
from vpt_gym.agents.episode_generators import EpisodeGenerators, checked_seed
from vpt_gym.agents.goals.embedding import GoalEncoder, goal_rows
from vpt_gym.agents.goals.guidance import TEXT_GUIDANCE, PlayedGoal
from vpt_gym.agents.observations import checked_first, checked_frames
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.fresh import seeded
from vpt_gym.agents.policy.heads import Distribution
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.agents.runner import ActingPrecision, PolicyRunner, engine_precision_of
from vpt_gym.agents.sampling import Sampling
from vpt_gym.hub.card import About
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.printable import shown

__all__ = ["ActingPrecision", "VPTAgent", "engine_precision_of"]


class VPTAgent:
    """Plays one environment, or N at once, depending on the shape of the observation.

    Args:
        policy: The network; it is moved to ``device`` and put in evaluation mode, not copied.
        sampling: How actions are drawn.
        device: Where the network runs.
        precision: How the network computes while the agent acts. None runs the network as it is. Otherwise its
            weights are packed for acting (:class:`vpt_gym.agents.engine.ActingEngine`): up to three times as fast,
            for a second copy of the weights, which is packed again whenever they have changed. ``"auto"`` is the
            fastest precision that this processor has, which may be ``"int8"``, ``"bf16"`` or ``"fp32"``; on a CUDA
            device, and where PyTorch lacks the operators, it runs the network as it is. It is chosen again if the
            policy was moved or converted before :meth:`reset`. ``"bf16"`` and ``"int8"`` round, each within a stated
            tolerance (docs/performance.md), so sampled episodes differ from those in fp32, and from machine to
            machine with ``"auto"``. ``"fp32"`` rounds nothing: choose it for episodes that must be the same
            everywhere; where it cannot be packed, the network runs as it is.
        compile: On a CUDA device, compile the packed network too.
        goal_encoder: For a policy that acts on goals: what :meth:`set_goal` gives text and names to. A function of the
            text, such as :class:`vpt_gym.agents.TextGoals`, or a dictionary of embeddings by name.

    Attributes:
        report: The report of the last loading of weights; None for a fresh network.

    Copying an agent copies its policy, its memory, its goals and its random numbers; the copy packs its own weights
    when it acts. A shallow copy shares the policy and the goal encoder.

    Raises:
        TypeError: ``sampling`` is no :class:`Sampling`, or ``goal_encoder`` is neither a function nor a dictionary.
        ValueError: There is no such device, the machine does not support the precision, or ``compile`` is given without
            one.
    """

    @checks_flags
    def __init__(
        self,
        policy: VPTPolicy,
        *,
        sampling: Sampling | None = None,
        device: torch.device | str = "cpu",
        precision: ActingPrecision | None = None,
        compile: bool = False,
        goal_encoder: GoalEncoder | None = None,
    ) -> None:
        self.sampling = Sampling() if sampling is None else sampling
        self.goal_encoder = goal_encoder
        self._runner = PolicyRunner(policy, checked_device(device), precision, compile=compile)
        self.report: LoadReport | None = None
        self._goal: PlayedGoal | None = None
        self._generators = EpisodeGenerators()
        self._begins = True
        self._seeded: int | None = None  # for how many environments reset() had seeds, until their first frames

    @classmethod
    def from_config(cls, config: str | VPTConfig, *, seed: int | None = None, **kwargs: Any) -> VPTAgent:
        """Makes an agent with fresh weights.

        Args:
            config: A config, or a name: ``"nano"``, ``"1x"``, ``"2x"``, ``"3x"``.
            seed: Seed of the weights; the global random state is left alone. None draws from the global state.
            **kwargs: ``sampling``, ``device``, ``precision``, ``compile`` and ``goal_encoder``, as for the constructor.
        """
        config = config if isinstance(config, VPTConfig) else VPTConfig.named(config)
        with seeded(seed):
            return cls(VPTPolicy(config), **kwargs)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        weights_path: str | Path | None = None,
        *,
        revision: str | None = None,
        precision: ActingPrecision | None = "auto",
        **kwargs: Any,
    ) -> VPTAgent:
        """Makes an agent from a checkpoint.

        Args:
            source: An existing file or folder: a published ``.model`` file, or a folder written by
                :meth:`save_pretrained`. Otherwise a name: ``"nano-foundation"``, which comes with this package and
                knows the embedded world; of a published checkpoint such as ``"foundation-1x"`` (``vpt-gym download``
                lists them), which is read from the cache or downloaded; or of such a folder on the Hugging Face Hub,
                ``"organisation/name"``. If there is a folder ``organisation``, such a name is a path, unless a
                revision is given.
            weights_path: The ``.weights`` file that belongs to a ``.model`` file. STEVE-1's belongs to VPT's
                ``2x.model``.
            revision: Branch, tag or commit on the Hub.
            precision: How the network computes while the agent acts, as for the constructor, but by default the
                fastest way that this processor has.
            **kwargs: ``sampling``, ``device``, ``compile`` and ``goal_encoder``, as for the constructor.

        Raises:
            CheckpointError: A file is unsafe, damaged, of another kind or of another model.
            DownloadError: The checkpoint is not on this machine and cannot be downloaded.
            FileNotFoundError: There is no such file, folder or name.
            ImportError: The source is an id of the Hub, and huggingface_hub is not installed.
            ValueError: The ``.model`` file comes without its weights, or another source comes with weights.
        """
        policy, report = load_pretrained(source, weights_path, revision=revision)
        agent = cls(policy, precision=precision, **kwargs)
        agent.report = report
        return agent

    def load_weights(
        self,
        path: str | Path,
        *,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        strip_prefix: str = "",
    ) -> LoadReport:
        """Loads a ``.weights`` or ``.safetensors`` file into the policy, and keeps the report.

        Args:
            path: The file.
            include: Patterns of the keys to load, such as ``"net.*"`` for only the trunk; empty means all.
            exclude: Patterns of keys to leave out of these.
            strip_prefix: A prefix, such as ``"module."``, to remove from the keys of the file that have it.

        Raises:
            CheckpointError: The file is unsafe, damaged, of another kind or of another model. The policy is
                then unchanged.
            ValueError: A pattern or ``strip_prefix`` matches no key.
        """
        self.report = load_weights(self.policy, path, include=include, exclude=exclude, strip_prefix=strip_prefix)
        return self.report

    def save_pretrained(
        self, folder: str | Path, stored_as: StoredAs = "fp32", *, card: About | str | None = None
    ) -> None:
        """Writes ``config.json`` and ``model.safetensors``; :meth:`from_pretrained` reads the folder.

        Args:
            folder: Where to write.
            stored_as: Number type of the weights in the file. ``"int8"`` takes a quarter of the space and rounds them:
                each by at most 1/254 of the largest in its row.
            card: What to say about the agent in a model card, ``README.md``, or the text of the whole card. None writes
                no card.

        Raises:
            ValueError: There is no such number type.
        """
        save_folder(self.policy, folder, stored_as)
        if card is not None:
            write_card(folder, card, self.policy, self.policy.config)

    @checks_flags
    def push_to_hub(
        self,
        repo_id: str,
        *,
        card: About | str = About(),  # noqa: B008 (frozen)
        stored_as: StoredAs = "fp32",
        private: bool = False,
        revision: str | None = None,
        message: str = "",
    ) -> str:
        """Publishes the agent and its model card on the Hugging Face Hub; :meth:`from_pretrained` loads it by its id.

        Args:
            repo_id: ``"organisation/name"``; the repository is made if it does not exist.
            card: What to say about the agent in its card, or the text of the whole card.
            stored_as: As for :meth:`save_pretrained`.
            private: Make a private repository. One that exists must be private.
            revision: Branch to commit to, made if it does not exist; default: the main branch.
            message: Message of the commit.

        Returns:
            The address of the repository.

        Raises:
            ImportError: huggingface_hub is not installed.
            UploadError: The Hub cannot be reached, or refuses.
            ValueError: The id is not ``organisation/name``, or there is no such number type.
        """

        def save(folder: Path, source: str) -> None:
            self.save_pretrained(folder, stored_as)
            write_card(folder, card, self.policy, self.policy.config, source=source)

        return push_model(save, repo_id, private=private, revision=revision, message=message)

    @property
    def sampling(self) -> Sampling:
        """How actions are drawn. It may be replaced at any time.

        Raises:
            TypeError: It is set to something else.
        """
        return self._sampling

    @sampling.setter
    def sampling(self, sampling: Sampling) -> None:
        if not isinstance(sampling, Sampling):
            raise TypeError(f"sampling is {shown(sampling)}; it must be a Sampling, such as Sampling(temperature=0.5)")
        self._sampling = sampling

    @property
    def goal_encoder(self) -> GoalEncoder | None:
        """What :meth:`set_goal` gives text and names to; None if only embeddings are goals. It may be replaced.

        Raises:
            TypeError: It is set to something else.
        """
        return self._goal_encoder

    @goal_encoder.setter
    def goal_encoder(self, encoder: GoalEncoder | None) -> None:
        if encoder is not None and not callable(encoder) and not isinstance(encoder, Mapping):
            raise TypeError(
                f"goal_encoder is {shown(encoder)}; it must be a function of the text, such as a TextGoals, a "
                "dictionary of embeddings by name, or None"
            )
        self._goal_encoder = encoder

    @property
    def policy(self) -> VPTPolicy:
        """The network; training it does not involve the packed weights."""
        return self._runner.policy

    @property
    def precision(self) -> str:
        """The number type in which the agent acts, which ``"auto"`` has chosen or the policy was set to.

        For a policy whose parameters were converted it is their type: ``"fp16"``, ``"bf16"`` or ``"fp64"``.
        Log-probabilities and what is drawn from them are computed in float32 then too, or in float64.
        """
        return self._runner.precision

    @property
    def engine_precision(self) -> EnginePrecision | None:
        """The number type of the packed copy that acts; None if the network runs as it is."""
        return self._runner.engine_precision

    @property
    def memory(self) -> Memory | None:
        """A copy of the agent's memory; None at the start of an episode.

        Setting it returns the agent to that point: the next :meth:`act` continues from there. The random numbers
        are not affected. With guidance (:meth:`set_goal`) it has 2 N rows for N environments: first the memories with
        goals, then those without.

        Raises:
            TypeError: It is set to something else.
            ValueError: It is set to a memory of another architecture or type, without rows, or, with guidance, of an
                odd number of rows.
        """
        return self._runner.memory

    @memory.setter
    def memory(self, memory: Memory | None) -> None:
        if memory is None:
            self._begins = True
            self._restore_rows()
            self._runner.reset()
            return
        if not isinstance(memory, Memory):
            raise TypeError(f"memory is {shown(memory)}; it must be a Memory, as agent.memory returns it, or None")
        config, rows = self.policy.config, len(memory.keys) if memory.keys.dim() else 0
        expected = rows, config.n_recurrence_layers, config.memory_length, config.hidsize
        dtype = None if self.engine_precision is not None else self.policy.net.final_ln.weight.dtype
        if misfit := memory.misfit(expected, dtype):
            raise ValueError(f"this memory is not of this agent's architecture (B, L, M - 1, D): {misfit}")
        if not rows:
            raise ValueError("a memory needs a row for each environment, this one has none")
        streams, rest = divmod(rows, self._copies)
        if rest:
            raise ValueError(f"with guidance a memory has two rows for each environment, this one {streams} and {rest}")
        self._begins = False
        if streams != self._runner.environments:
            self._restore_rows()
        self._runner.restore(memory, streams)

    def reset(self, mask: npt.ArrayLike | None = None, seed: int | Sequence[int | None] | None = None) -> None:
        """Clears the memory; call it whenever an environment has been reset.

        Args:
            mask: (N,) bool, True for each environment that was reset; None for all of them. After None the
                number of environments may change.
            seed: Makes the sampled actions reproducible, from the next episode of each environment on. Each
                environment draws from its own generator, so N environments get what N agents of one would, up to
                rounding. One integer seeds environment i with ``seed + i``. A sequence has one entry for each
                environment: its seed, or None to leave its random numbers as they are; to give each episode a seed
                of its own, whichever environment plays it, pass the seeds of the episodes that begin. If their number
                is wrong, the first call of :meth:`act` says so, since N is not known before. With a mask
                only the marked environments are seeded. The first episode after seeding draws from that seed, each
                later one from a number that depends on the seed and the count of episodes since.

        Raises:
            TypeError: A seed is no integer.
            ValueError: The mask is not bool (N,), there is not one seed for each environment, or one is out of range.
        """
        seed = checked_seed(seed)
        if mask is None:
            self._runner.reset()
            self._begins = True
            self._restore_rows()
            if isinstance(seed, int):
                self._generators, self._seeded = EpisodeGenerators(seed), None
            elif seed is not None:
                self._seed(range(len(seed)), seed)
                self._seeded = len(seed)
            return
        marks = np.asarray(mask)
        playing = self._runner.environments
        streams = marks.size if playing is None else playing
        if marks.dtype != np.bool_ or marks.shape != (streams,):
            raise ValueError(
                f"mask must be bool ({streams},), one entry per environment; got {marks.dtype} {marks.shape}"
            )
        if seed is not None and not isinstance(seed, int) and len(seed) != streams:
            raise ValueError(f"seed has {len(seed)} entries for {streams} environments; it needs one for each, or None")
        if playing is None:
            self._seeded = self._seeded if seed is None else streams
        else:
            self._runner.reset(torch.from_numpy(marks.copy()))
            self._begins = self._begins or bool(marks.all())
        self._seed(np.flatnonzero(marks).tolist(), seed)

    def set_goal(self, goal: Any, *, guidance: float | None = TEXT_GUIDANCE) -> None:
        """Sets what the agent acts towards, if its policy acts on goals (``policy.config.goal_size``, G), as STEVE-1's.

        The memory is kept, so the goal may change within an episode. It stays until the next call.

        Args:
            goal: An embedding, G floats, such as MineCLIP's of a video for STEVE-1; a text or a name, for which
                :attr:`goal_encoder` returns one; or None, to act without a goal. For N environments also (N, G), or a
                list of N of these.
            guidance: Scale s of classifier-free guidance: actions are drawn from ``(1 + s) with - s without`` of the
                log-probabilities with and without the goal. Each of the two has a memory of its own. STEVE-1 is
                published with 6 for text and 7 for video. None acts with the goal alone, at half the cost of the
                transformer. It can be turned on and off only at the start of an episode, after :meth:`reset`.

        Raises:
            TypeError: The goal is of another type.
            ValueError: The policy takes no goals, the goal has another shape or is not finite, there is text and no
                encoder for it, the scale is negative, or guidance is turned on or off within an episode.
        """
        size = self.policy.config.goal_size
        if size is None:
            raise ValueError(
                "this policy takes no goals (its config has goal_size None); "
                'VPTAgent.from_pretrained("steve1") loads one that does'
            )
        played = PlayedGoal(goal_rows(goal, size, self.goal_encoder), guidance)
        playing = self._runner.environments
        if playing is not None and played.copies != self._copies:
            raise ValueError(
                f"guidance={guidance} would turn guidance {'on' if played.copies > 1 else 'off'} within an episode, in "
                "which there is one memory with it and none without: call agent.reset() first, or keep guidance"
            )
        if playing is not None:
            played.inputs(playing)
        self._goal = played

    @property
    def goal(self) -> npt.NDArray[np.float32] | None:
        """The embeddings of the goals, float32 (1, G) or (N, G), zeros for none; None before :meth:`set_goal`."""
        return None if self._goal is None else self._goal.embeddings

    @property
    def guidance(self) -> float | None:
        """The scale of guidance (:meth:`set_goal`); None without it."""
        return None if self._goal is None else self._goal.guidance

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all environments except ``rows``, for example when one has no more episodes to play.

        Those that remain continue as before: with their memory and their random numbers, in the order of ``rows``.
        An engine keeps its packed weights; on a CUDA device it records its graph again.

        Args:
            rows: The environments that remain, numbered as in the last batch of frames.

        Raises:
            ValueError: There are no rows, one is given twice, or one is not in the batch; or no environment is being
                played, since :meth:`act` has not been called after :meth:`reset`.
        """
        playing = self._runner.environments
        if playing is None:
            raise ValueError("no environment is being played yet; call keep() after act()")
        rows = [int(row) for row in rows]
        if not rows or len(set(rows)) != len(rows) or not set(rows) <= set(range(playing)):
            raise ValueError(f"rows must be different numbers in [0, {playing}), at least one; got {rows}")
        self._generators.keep(rows)
        if self._goal is not None:
            self._goal.keep(rows)
        self._runner.keep(rows)

    def _seed(self, rows: Sequence[int], seed: int | Sequence[int | None] | None) -> None:
        for row in rows:
            own = seed + row if isinstance(seed, int) else None if seed is None else seed[row]
            if own is not None:
                self._generators.seed(row, own)

    @checks_flags
    def act(
        self, obs: Any, *, first: npt.ArrayLike | None = None, deterministic: bool | None = None
    ) -> npt.NDArray[np.int64]:
        """Chooses the next action of one environment or of N.

        Args:
            obs: A frame, uint8 (128, 128, 3) RGB; N of them, (N, 128, 128, 3); or a dict with either at
                ``"img"``. Any strides.
            first: Bool, or bool (N,): True where this frame is the first of an episode. It is optional for one
                environment, whose episodes then begin where :meth:`reset` was called.
            deterministic: Overrides ``sampling.deterministic`` in this call.

        After an error, or an interrupt by Ctrl+C, the memory is as before the call: the same frame may be given again.

        Returns:
            The VPT code (buttons, camera), int64 (2,) or (N, 2), ready for ``env.step``.

        Raises:
            TypeError: There are N environments and no ``first``, or the frames are not uint8.
            ValueError: A shape is wrong, the number of environments changed without :meth:`reset`, or :meth:`reset` got
                seeds for another number.
            FloatingPointError: The network's output is not finite.
        """
        with self._attempt():
            pi, generators, batched = self._look(obs, first)
            codes = self.sampling.draw(pi, generators, deterministic=deterministic)
            actions: npt.NDArray[np.int64] = codes.cpu().numpy()
            return actions if batched else actions[0]

    def distribution(self, obs: Any, *, first: npt.ArrayLike | None = None) -> Distribution:
        """Returns the distribution over the next actions, for a teacher whose actions another agent may execute.

        The memory advances as in :meth:`act`: call one of the two for each frame. ``sampling`` is not involved, and no
        random numbers are drawn; on the first frame of an episode those of the episode begin.

        Args:
            obs: As for :meth:`act`.
            first: As for :meth:`act`.

        Returns:
            The policy's distribution, on its device; its shapes begin with (N,), also for one environment. It is
            detached: gradients do not reach the policy.

        Raises:
            TypeError: As :meth:`act`.
            ValueError: As :meth:`act`.
            FloatingPointError: As :meth:`act`.
        """
        with self._attempt():
            pi, _, _ = self._look(obs, first)
        return pi.clone()  # outside inference mode, so that a loss can use it

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        """Runs a ``with`` block in inference mode. If it fails, the agent has not seen its frames."""
        begins, seeded = self._begins, self._seeded
        try:
            with torch.inference_mode(), self._runner.attempt():
                yield
        except BaseException:
            self._begins, self._seeded = begins, seeded
            raise

    def _look(self, obs: Any, first: npt.ArrayLike | None) -> tuple[Distribution, list[torch.Generator], bool]:
        """Passes the next frames to the network; returns its distribution, the generators, and if obs was a batch."""
        frames, batched = checked_frames(obs)
        begins = checked_first(first, len(frames), batched, default=self._begins)
        playing = self._runner.environments
        if playing is not None and playing != len(frames):
            raise ValueError(
                f"the agent plays {playing} environment(s) and got frames of {len(frames)}: "
                "call agent.reset() before the number changes"
            )
        if self._seeded not in (None, len(frames)):
            raise ValueError(
                f"reset() got seeds for {self._seeded} environment(s), and these are frames of {len(frames)}: call "
                "agent.reset(seed=...) with one integer, or with an entry for each environment"
            )
        goal = self._goal_inputs(len(frames))
        pi = self._runner.step(torch.from_numpy(frames), torch.from_numpy(begins), goal)
        if self._goal is not None:
            pi = self._goal.guided(pi)
        # log-probabilities are at most 0, and amin passes NaN on: the least of them tells
        finite = torch.stack([head.amin(-1) for head in pi.log_probs]).isfinite().all(0)
        if not finite.all():
            raise FloatingPointError(
                f"the policy's output is not finite for environment(s) {(~finite).nonzero()[:, 0].tolist()}: "
                "its weights contain NaN or infinity, or overflow; training has diverged, or the file is damaged"
            )
        self._begins, self._seeded = False, None
        # also for distribution(): an episode's numbers begin with it, whichever method sees its first frame
        generators = [self._generators.generator(index, bool(starts)) for index, starts in enumerate(begins)]
        return pi, generators, batched

    @property
    def _copies(self) -> int:
        """How many rows of a batch, and memories, an environment has."""
        return 1 if self._goal is None else self._goal.copies

    def _goal_inputs(self, streams: int) -> torch.Tensor | None:
        """Returns the goals of a batch of N environments; None for a policy without goals."""
        if self.policy.config.goal_size is None:
            return None
        if self._goal is None:
            raise ValueError(
                "this policy acts on goals and has none yet: call agent.set_goal() with an embedding, a text or a "
                "name, or agent.set_goal(None) to act without one"
            )
        return self._goal.inputs(streams)

    def _restore_rows(self) -> None:
        self._generators.restore_rows()
        if self._goal is not None:
            self._goal.restore_rows()

    def __getstate__(self) -> dict[str, Any]:
        """Returns what is copied or pickled; what playing changes is the copy's own, also in a shallow one."""
        return {**self.__dict__, **{name: copy(self.__dict__[name]) for name in ("_runner", "_generators", "_goal")}}
