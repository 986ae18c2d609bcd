"""Who answers as teacher, and from where."""
