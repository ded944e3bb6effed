"""vpt_gym.learning."""
