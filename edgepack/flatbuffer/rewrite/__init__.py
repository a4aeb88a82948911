"""Changes to a .tflite file, without TensorFlow. All of them expect a file that `read_model` accepts.

There is one writer, and there are edits that must not write anew:

- `objects` reads the whole file into mutable objects and packs them again. Whoever adds, drops or renames tensors and operators
  works on these: the converted file's names and signature, single layers with 16 bit activations, ELU on integers.
- `insert_metadata`, `fix_shapes` and `lower_versions` find a place with the checked reader (`binary`) and leave every other byte
  where it is.
  What they give is exported: the bytes of the model that was measured stay as one piece in it, so that anyone can see that it is
  this model, and no weight moves against another.

`metadata` writes what Android's tools read, through `insert_metadata`.
"""
