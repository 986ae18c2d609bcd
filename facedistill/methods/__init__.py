"""One paper, one file: the equation in the symbols of the paper."""
