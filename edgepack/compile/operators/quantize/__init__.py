"""QUANTIZE and DEQUANTIZE: generic.py between float32 and int8, int16.py with int16 or int32, uint8.py with uint8 on one side."""
