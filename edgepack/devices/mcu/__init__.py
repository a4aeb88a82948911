"""Microcontrollers: building firmware, running it on emulated and attached cores, and what a model costs there."""

from __future__ import annotations

from edgepack.devices.mcu.bench import McuResult, Parity, bench_mcu
from edgepack.devices.mcu.cores import CORES, Core, find_core

__all__ = ["CORES", "Core", "McuResult", "Parity", "bench_mcu", "find_core"]
