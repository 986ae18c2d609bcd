"""Networks: one family a file, one plain function a size."""
