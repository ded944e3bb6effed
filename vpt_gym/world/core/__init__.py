"""The state of a world and its geometry: light, line of sight, and the motion of bodies."""
