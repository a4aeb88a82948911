"""Removing whole channels: which belong together, how much they matter, which go."""
