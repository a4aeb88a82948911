"""A model for an update over the air: small forms of the .tflite, what they are, and the program that unpacks them."""
