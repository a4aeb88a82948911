"""DEPTHWISE_CONV_2D: generic.py checks it; dsp_3x3.py and dsp.py are for the DSP extension, lanes.py for cores without, mve.py
for vectors.
"""
