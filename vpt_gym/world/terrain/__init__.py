"""New worlds from a seed: ground, caves and trees."""
