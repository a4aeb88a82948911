"""Quantization: int8 codes, fake quantization, which layers can take it, few-bit weights, calibration."""
