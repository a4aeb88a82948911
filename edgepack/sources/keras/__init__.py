"""Keras models of both generations, brought into one: a Keras 2 model."""
