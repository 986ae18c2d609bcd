"""The field's benchmarks: which faces, and the rules that turn their embeddings into figures."""
