"""Comparing a policy with a demo: its action at each tick, and the likelihood of the demo's labels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.actions import codec
from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.engine import ActingEngine
from vpt_gym.collect.goals import ChosenGoal, give_goal
from vpt_gym.demos.demo import Demo
from vpt_gym.frames import POLICY_SIZE, to_size
from vpt_gym.view.timeline import action_tracks

if TYPE_CHECKING:
    from vpt_gym.agents.engine import EnginePrecision
    from vpt_gym.agents.policy.policy import VPTPolicy

_Key = tuple[str, Hashable]
"""Id and state of a demo."""
_CHUNK = 32  # frames per call; affects memory and the steps of the progress, but not the results


@dataclass(frozen=True)
class Prediction:
    """The predictions of a policy for the T ticks of a demo.

    Attributes:
        nll: (T, 2) float64, the negative log-likelihood in nats of the label's buttons and of its camera. Their sum is
            the loss of behavioural cloning.
        codes: (T, 2) int64, the most probable action as a canonical VPT code.
        probability: (T,) float64, the probability of that action.
        labels: (T, 2) int64, the demo's codes.
    """

    nll: npt.NDArray[np.float64]
    codes: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]

    def as_json(self) -> dict[str, Any]:
        """Returns the prediction in the form that the page draws."""
        return {
            "nll": np.round(self.nll.sum(axis=1), 4).tolist(),
            "nll_buttons": np.round(self.nll[:, 0], 4).tolist(),
            "nll_camera": np.round(self.nll[:, 1], 4).tolist(),
            "probability": np.round(self.probability, 5).tolist(),
            "agrees": (self.codes == self.labels).all(axis=1).tolist(),
            "probable": action_tracks(codec.decode(self.codes)),
        }


class Cancelled(RuntimeError):
    """The computation was cancelled because the viewer was closed."""


def predict(
    policy: VPTPolicy,
    demo: Demo,
    *,
    engine: ActingEngine | None = None,
    agent: VPTAgent | None = None,
    progress: Callable[[int], object] = lambda ticks: None,
    stop: threading.Event | None = None,
) -> Prediction:
    """Runs a policy over a demo from its first frame to its last, with its memory.

    Args:
        policy: A policy over VPT codes, in evaluation mode.
        demo: The demo.
        engine: The policy packed for one stream, to compute as an acting agent does; None runs the policy itself.
        agent: An agent of the policy with its goal, which computes in their stead; it is reset.
        progress: Called with the number of completed ticks.
        stop: Cancels the computation soon after it is set.

    Raises:
        DemoError: The video cannot be decoded, or is too short.
        Cancelled: ``stop`` was set.
    """
    device = policy.device
    memory, done = None, 0
    if agent is not None:
        agent.reset()
    nll: list[npt.NDArray[np.float64]] = []
    codes: list[npt.NDArray[np.int64]] = []
    probability: list[npt.NDArray[np.float64]] = []
    for chunk in _chunks(demo):
        if stop is not None and stop.is_set():
            raise Cancelled(f"cancelled {demo.id} after {done} ticks")
        frames = torch.from_numpy(chunk)[None].to(device)
        first = torch.zeros(frames.shape[:2], dtype=torch.bool, device=device)
        first[:, 0] = done == 0
        labels = torch.from_numpy(demo.codes[done : done + len(chunk)])[None].to(device)
        with torch.inference_mode():
            if agent is not None:
                steps = [agent.distribution(one, first=done + t == 0).log_probs for t, one in enumerate(chunk)]
                log_probs = tuple(torch.stack(head, 1) for head in zip(*steps, strict=True))
            elif engine is None:
                out = policy(frames, first, memory)
                memory, log_probs = out.memory, out.pi.log_probs
            else:
                steps = [engine.step(frames[:, t], first[:, t]).pi.log_probs for t in range(len(chunk))]
                log_probs = tuple(torch.stack(head, 1) for head in zip(*steps, strict=True))
            mode = torch.stack([head.argmax(-1) for head in log_probs], -1)
            heads = [head.double() for head in log_probs]
            of_label, of_mode = (
                torch.cat([head.gather(-1, of[..., k : k + 1]) for k, head in enumerate(heads)], -1)
                for of in (labels, mode)
            )
        nll.append(-of_label[0].cpu().numpy())
        codes.append(codec.canonical(mode[0].cpu().numpy()))
        probability.append(of_mode[0].sum(-1).exp().cpu().numpy())
        done += len(chunk)
        progress(done)
    return Prediction(np.concatenate(nll), np.concatenate(codes), np.concatenate(probability), demo.codes)


class Predictions:
    """Predictions of one agent, computed in the background, one episode at a time, and kept in memory.

    Only the episode that was asked for last waits: the page shows one, and asks again while it does.

    Args:
        policy: A policy over VPT codes.
        name: Name of the agent on the page.
        precision: Number type of an :class:`~vpt_gym.agents.engine.ActingEngine` that computes; None runs the policy
            itself.
        goal: The goal, for a policy that acts on goals.

    Raises:
        ValueError: The policy's action space is not VPT's, it acts on goals and there is none, or it takes none and
            there is one.
    """

    def __init__(
        self,
        policy: VPTPolicy,
        name: str,
        precision: EnginePrecision | None = None,
        goal: ChosenGoal | None = None,
    ) -> None:
        if policy.config.action_sizes is not None:
            raise ValueError(
                f"{name} has another action space, {policy.config.action_sizes}: labels are VPT codes, so only an "
                "agent with VPT's action head can be compared with them"
            )
        self.name = name
        self._policy = policy.eval()
        self._precision = precision
        self._engine: ActingEngine | None = None
        agent = VPTAgent(self._policy, device=policy.device, precision=precision)
        give_goal(agent, goal, name)
        self._agent = agent if policy.config.goal_size is not None else None  # others compute many frames at once
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vpt-gym-predictions")
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._jobs: dict[_Key, Future[Prediction]] = {}
        self._done: dict[_Key, int] = {}

    def poll(self, demo: Demo, state: Hashable) -> Prediction | int:
        """Returns the prediction for a demo or, while it is being computed, the number of completed ticks.

        The first call starts the computation. If the state is another one, or the computation failed, the next call
        starts it again.

        Args:
            demo: The demo.
            state: What changes with its files, from before it was read.

        Raises:
            DemoError: The video cannot be decoded, or is too short.
            Exception: Why the computation failed.
        """
        key = demo.id, state
        with self._lock:
            if key not in self._jobs:
                self._jobs = {other: job for other, job in self._jobs.items() if not job.cancel()}  # those that wait
                self._done[key] = 0
                self._jobs[key] = self._executor.submit(self._compute, demo, key)
            job = self._jobs[key]
            if not job.done():
                return self._done[key]
            if job.exception() is not None:
                del self._jobs[key]  # it may succeed the next time, as when memory was short
        return job.result()

    def close(self) -> None:
        """Cancels the running computation, and waits until the thread has ended."""
        self._stop.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _compute(self, demo: Demo, key: _Key) -> Prediction:
        def progress(ticks: int) -> None:
            self._done[key] = ticks

        if self._agent is None and self._precision is not None and self._engine is None:
            self._engine = ActingEngine(self._policy, precision=self._precision)
        return predict(self._policy, demo, engine=self._engine, agent=self._agent, progress=progress, stop=self._stop)


def _chunks(demo: Demo) -> Iterator[npt.NDArray[np.uint8]]:
    frames = (to_size(frame, POLICY_SIZE) for frame in demo.frames())
    while chunk := list(islice(frames, _CHUNK)):
        yield np.stack(chunk)
