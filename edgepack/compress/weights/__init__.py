"""Arithmetic on arrays of weights."""
