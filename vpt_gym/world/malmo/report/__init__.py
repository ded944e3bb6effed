"""Writes what the server reports with every frame: the info, with statistics and lidar rays."""
