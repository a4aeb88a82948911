"""Operators on two or more tensors, element by element."""
