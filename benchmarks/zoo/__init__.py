"""What becomes of the .tflite files that people have."""
