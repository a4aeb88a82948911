"""Putting a model on a device: the folder there, the engine that runs it, and releases."""
