"""vpt_gym.actions."""
