"""edgepack: from a Keras model to a measured, judged deployment on a phone, a Raspberry Pi or a microcontroller."""

from __future__ import annotations

__version__ = "0.1.0"
