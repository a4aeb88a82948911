"""CONV_2D: generic.py checks it; gemm.py and dsp.py are for the DSP extension, lanes.py for cores without, mve.py for vectors."""
