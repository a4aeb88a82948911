"""Programs run on emulated cores, in unicorn or QEMU."""
