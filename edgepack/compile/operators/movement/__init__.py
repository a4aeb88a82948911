"""Operators that move elements and compute nothing, but for RESIZE_BILINEAR; copying.py turns most of them into one copy."""
