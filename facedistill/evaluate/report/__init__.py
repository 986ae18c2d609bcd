"""Figures as files, tables and pictures."""
