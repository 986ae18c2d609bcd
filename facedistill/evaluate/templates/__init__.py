"""Verification of templates, as on IJB: what sets of images and video frames say of a person."""
