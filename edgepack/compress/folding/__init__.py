"""Putting BatchNorm and channels that carry nothing into the layers beside them."""
