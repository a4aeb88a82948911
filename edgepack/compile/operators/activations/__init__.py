"""Functions of one element: int8 as tables of 256 results, int16 as kernels."""
