"""Keras 3 functions in a model's graph (keras.ops.mean, a + b, x[:, 1:]), expressed with Keras 2; `table` finds them by name.

Where Keras 2 has a layer that means the same, the layer is used, because the compression tools know layers; otherwise TensorFlow
functions of the same meaning, which Keras 2 stores in the model by their names.
"""
