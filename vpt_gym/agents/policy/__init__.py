"""The VPT policy network: its configuration, its parts, and the distribution over actions."""
