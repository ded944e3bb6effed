"""Path finding for scripted players: walking, digging through the ground, and choosing targets."""
