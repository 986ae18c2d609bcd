"""How fast a step is computed, without a say in what it computes."""
