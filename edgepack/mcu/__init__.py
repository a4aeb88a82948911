"""Microcontrollers: programs linked for a core, run on an emulated or attached one, and what they executed."""
