"""Sources of checkpoints: the list of published ones, downloads, and the Hugging Face Hub."""
