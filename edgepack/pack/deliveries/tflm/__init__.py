"""A model for TensorFlow Lite Micro: how it does there (fit.py), its sources, and the example that runs it."""
