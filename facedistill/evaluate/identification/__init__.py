"""Search: who of a gallery a probe shows."""
