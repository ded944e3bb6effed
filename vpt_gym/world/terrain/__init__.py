"""Generates new worlds from a seed: ground, caves, plants and trees."""
