"""What all skills of a scripted player share: its view of its own state, camera movements, and walking."""
