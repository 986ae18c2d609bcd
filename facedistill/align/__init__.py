"""Where tokens and grids of different widths and sizes meet."""
