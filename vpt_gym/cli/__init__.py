"""vpt_gym.cli."""
