"""Searching recipes: how well figures are predicted, and what is found in a given time."""
