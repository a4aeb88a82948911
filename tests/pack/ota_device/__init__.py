"""A device with two slots of flash, on this machine and on emulated cores, and images for it."""
