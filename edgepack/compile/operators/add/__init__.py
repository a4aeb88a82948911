"""ADD: generic.py checks it; products.py, dsp.py and mve.py are faster kernels."""
