"""vpt_gym.demos."""
