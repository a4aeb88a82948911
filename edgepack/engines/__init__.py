"""What runs a model on a device: the engine chosen, its runtime brought along, the golden vectors it must pass."""
