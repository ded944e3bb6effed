"""The directory of a training run: its arguments, metrics, checkpoints and results, and how a run is resumed."""
