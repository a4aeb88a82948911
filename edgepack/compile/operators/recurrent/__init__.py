"""Operators with a state: LSTM and SVDF."""
