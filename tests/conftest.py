"""Puts this folder on the import path, so that tests share ``frame_counter_env``."""
