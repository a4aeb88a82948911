"""Packages for embedded ecosystems, each of the generated C or of the model for TensorFlow Lite Micro."""
