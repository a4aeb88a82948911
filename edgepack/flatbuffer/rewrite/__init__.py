"""Changes to a .tflite file, without TensorFlow."""
