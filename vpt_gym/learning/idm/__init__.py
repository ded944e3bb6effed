"""Training an inverse dynamics model."""
