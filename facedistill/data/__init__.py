"""Face crops: from folders, from drawing, and the views of them."""
