"""HTML files that need nothing beside them: no script, no network, light and dark. What all of ours share."""

PAGE = "report.html"
"""What runs and comparisons call theirs, in their own folders."""
