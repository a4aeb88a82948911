"""A Keras 3 model rebuilt with Keras 2.

`rebuild` makes the layers anew and replays the calls between them, which `stored` reads from the configuration; `weights` copies
the weights. What Keras 2 has under another name, or not at all, is put together from what it has: `activations`, `substitutes`
for layers, and `operations` for functions (`keras.ops`), one file per family.
"""
