"""What a training will take, before it is begun: bytes by formula, seconds by formula from a short measurement."""
