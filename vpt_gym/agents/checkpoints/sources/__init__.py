"""Where checkpoints come from: the list of published ones, downloads, and the Hugging Face Hub."""
