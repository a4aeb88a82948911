"""Data sets as users have them, brought into memory-mapped splits.

One file for each kind of source (`npz`, `images`, `python_data`) gives a `raw` data set. `load` chooses the reader, and sends
what it gives through `scale`, `check`, `split` and `store`; a `dataset` is what the later stages see of it. `folds` cuts a data
set once more, for cross-validation.
"""
