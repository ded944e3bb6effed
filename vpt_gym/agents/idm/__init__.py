"""The inverse dynamics model (IDM): labels a gameplay video with the player's action in each tick."""
