"""A run as one page that can be handed on: what was trained, how it went, how well it recognises and how surely."""
