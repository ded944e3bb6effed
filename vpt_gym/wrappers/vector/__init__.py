"""Wrappers for vector environments."""

from vpt_gym.wrappers.vector.episode_starts import EpisodeStarts

__all__ = ["EpisodeStarts"]
