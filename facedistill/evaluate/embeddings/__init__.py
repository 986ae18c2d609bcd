"""Where embeddings come from, and how they are kept."""
