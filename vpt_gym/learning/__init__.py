"""What the training examples share: losses, rollouts, evaluation, DAgger rounds and metrics."""
