"""Multiplying in bfloat16 while a step trains, on processors that have the arithmetic for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Precision = Literal["float32", "bfloat16"]

_OPTION = "auto_mixed_precision_onednn_bfloat16"
# As Linux calls them: the matrix and the vector units with bfloat16, of x86 and of Arm.
_UNITS = frozenset({"amx_bf16", "avx512_bf16", "bf16", "svebf16"})


@contextmanager
def multiplying(precision: Precision) -> Iterator[None]:
    """A block in which TensorFlow's graphs multiply in `precision`; weights, sums and losses are float32 all the same.

    oneDNN's automatic mixed precision: convolutions and matrix products read bfloat16, which has float32's range and 8 bits of
    its 24 bit significand.
    """
    import tensorflow as tf

    before = bool(tf.config.optimizer.get_experimental_options().get(_OPTION, False))
    tf.config.optimizer.set_experimental_options({_OPTION: precision == "bfloat16"})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_OPTION: before})


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor multiplies in bfloat16 faster than in float32."""
    try:
        text = cpuinfo.read_text(errors="replace")
    except OSError:
        return False
    return any(_UNITS.intersection(line.split()) for line in text.splitlines() if line.startswith(("flags", "Features")))
