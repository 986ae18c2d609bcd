"""facedistill: distil Transformer face recognisers into small CNNs and prove that the knowledge arrived."""

__version__ = "0.1.0"
