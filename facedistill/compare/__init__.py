"""Methods compared fairly: one budget, one set of views, several seeds, verdicts only where the interval allows."""
