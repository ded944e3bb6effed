"""Actions: the human action, the VPT code, and translators to what an environment takes."""
