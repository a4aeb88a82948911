"""Searching recipes: what is found in a given time."""
