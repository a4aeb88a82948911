"""Keras models of both generations, brought into one: a Keras 2 model.

`frameworks` imports TensorFlow and Keras. `files` opens a stored model, `build` runs a project's function, `weights` loads
weights alone; `custom_objects` finds the user's own layers for them, and `config` refuses what must not be run or has no
counterpart. The folder `keras3` rebuilds a model of Keras 3; `precision` leaves half
precision; `store` keeps the result, which `compare` has found to compute the same.
"""
