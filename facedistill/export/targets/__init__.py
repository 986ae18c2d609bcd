"""Runtimes that a student can be written for: one file each, found by its name."""
