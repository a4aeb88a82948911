"""Kernels as products of smaller ones: which, to which rank, and putting them in place."""
