"""vpt_gym.world."""
