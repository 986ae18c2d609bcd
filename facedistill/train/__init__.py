"""The training loop and what it needs; it names no method, backbone or head."""
