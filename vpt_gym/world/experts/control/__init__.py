"""How a scripted player senses and moves: its body, its camera movements, and walking."""
