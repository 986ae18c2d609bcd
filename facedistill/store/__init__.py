"""The teacher store: what a teacher answers for every view that a student will see, written once."""
