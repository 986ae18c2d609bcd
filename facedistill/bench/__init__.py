"""How fast the work is beside what it is usually done with, what the machine could do, and what was promised."""
