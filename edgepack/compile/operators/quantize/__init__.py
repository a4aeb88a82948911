"""QUANTIZE and DEQUANTIZE: generic.py between float32 and int8, int16.py where int16 or int32 is on one side."""
