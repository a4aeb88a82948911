"""Operators over one or more axes; axes.py has what they share."""
