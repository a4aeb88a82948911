"""Portable C99 for any processor: the kernels that ask for nothing. There is no emulator for it."""

from __future__ import annotations

from edgepack.cores.core import Cpu

GENERIC = Cpu(name="generic", title="portable C99", features=frozenset())
