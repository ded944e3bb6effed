"""vpt_gym.wrappers."""
