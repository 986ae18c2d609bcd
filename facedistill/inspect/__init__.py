"""What the stages of two networks see, and which of them fit together: the picture behind aligning features."""
