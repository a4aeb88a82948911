"""Keras models between steps: opened and stored, their graph, wiring and kernels, and channels cut out."""
