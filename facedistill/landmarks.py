"""The five points that every crop is aligned to, as plain numbers: for arrays of pixels and for tensors alike."""

ARCFACE_PX = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""Eyes, nose tip and mouth corners (x, y) in a crop of 112 x 112 px, left as seen in the image (insightface)."""
