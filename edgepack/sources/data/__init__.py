"""Data sets as users have them, brought into memory-mapped splits."""
