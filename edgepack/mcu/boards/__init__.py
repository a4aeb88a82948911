"""Boards that can be attached, by serial port or debug probe, and what they print."""
