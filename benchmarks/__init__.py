"""Comparisons with peers, runnable, with their last results."""
