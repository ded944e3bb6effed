"""The inverse dynamics model (IDM): labels a gameplay video with what the player did in each tick."""
