"""What is true of an embedding: protocols and intervals."""
