"""IJB-B and IJB-C on disk: metadata lists, and faces aligned from the five points that come with them."""
