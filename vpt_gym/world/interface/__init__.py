"""The actions and observations of the environment, as MineRL and MineDojo define them."""
