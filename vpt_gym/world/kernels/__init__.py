"""How the kernels of the world are compiled and cached, and their random numbers."""
