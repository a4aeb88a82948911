"""Operators on two or more tensors, element by element, but for ADD, which has more kernels (add/)."""
