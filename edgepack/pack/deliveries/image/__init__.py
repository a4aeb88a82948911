"""An image for microcontrollers that update it in two slots: signed, as a whole or a patch, and the C that applies it."""
