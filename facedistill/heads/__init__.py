"""Classifiers with a margin: used in training, left behind afterwards."""
