"""What a model is judged beside: another model, another's gallery, coarser pictures."""
