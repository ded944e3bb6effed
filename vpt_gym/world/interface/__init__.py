"""What an agent sees of the world and how it acts in it, as MineDojo defines both."""
