"""What the kernels that compute dense layers from codes are to coding: operators/fully_connected/codes.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PORTABLE = "ep_fully_connected_grid"
COMPUTED = "computed from its codes"

DENSE: Mapping[str, tuple[str, int, str]] = {
    PORTABLE: ("palette", 1000, COMPUTED),
    "ep_fully_connected_grid_1_dsp": ("palette", 870, COMPUTED),
    "ep_fully_connected_grid_2_dsp": ("palette", 590, COMPUTED),
    "ep_fully_connected_grid_3_dsp": ("palette", 510, COMPUTED),
    "ep_fully_connected_grid_4_dsp": ("palette", 460, COMPUTED),
    "ep_fully_connected_grid_5_dsp": ("palette", 440, COMPUTED),
    "ep_fully_connected_palette_2_dsp": ("palette", 980, COMPUTED),
    "ep_fully_connected_palette_3_dsp": ("palette", 830, COMPUTED),
    "ep_fully_connected_palette_4_dsp": ("palette", 780, COMPUTED),
}
"""By the kernel's name: the code that it reads, the bytes that it adds to a program for the Cortex-M4, and what it does."""


def superseded(kernel: str, others: Iterable[str]) -> bool:
    """Whether a kernel is not worth its code beside others: the portable one where the core has one of its own."""
    return kernel == PORTABLE and any(each != PORTABLE and each in DENSE for each in others)
