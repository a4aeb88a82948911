"""Numbers from microcontrollers: an emulated core, or an attached board."""
