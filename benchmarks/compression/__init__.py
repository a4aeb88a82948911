"""What compression costs in accuracy and gains in zeros, codes and multiply-accumulates, measured on the .tflite."""
