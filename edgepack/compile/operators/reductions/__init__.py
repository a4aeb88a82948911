"""Operators over one or more axes."""
