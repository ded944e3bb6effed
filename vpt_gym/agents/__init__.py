"""vpt_gym.agents."""
