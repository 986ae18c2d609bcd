"""Verification: pairs of images, listed or all."""
