"""Pickled lists of images, read without running them, and written."""
