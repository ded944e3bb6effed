"""What an agent acts towards: embeddings of goals, classifier-free guidance, and goals from text (STEVE-1)."""
