"""PAD and PADV2, int8 and int16, up to five dimensions. PAD fills with the zero point, PADV2 with a constant.

Reference: reference/pad.h.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator, Range, Ranges, always
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

OUTER = 4


@dataclass(frozen=True, eq=False)
class Pad:
    """Checked padding: elements before and after along each axis, and the value that fills them."""

    source: Value
    output: Value
    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int


def describe(site: Site) -> Pad:
    """Check a PAD or PADV2."""
    source, paddings, output = site.input(0), site.constant(1), site.output()
    site.require(
        source.dtype == output.dtype and source.dtype in ("int8", "int16"), f"with type {source.dtype}", "Use int8 or int16."
    )
    site.require(len(source.shape) <= OUTER + 1, "is over more than 5 dimensions", "Reshape the input first.")
    amounts = site.integers(1)
    site.require(amounts.shape == (len(source.shape), 2), "has paddings of the wrong shape", CONVERT_AGAIN, paddings)
    site.require(bool(np.all(amounts >= 0)), "has negative padding", "Crop with STRIDED_SLICE instead.", paddings)
    before, after = tuple(amounts[:, 0].tolist()), tuple(amounts[:, 1].tolist())
    site.require_shape(output, tuple(b + n + a for b, n, a in zip(before, source.shape, after, strict=True)))
    value = output.zero_point
    if site.has_input(2):
        constant = site.constant(2)
        assert constant.data is not None
        good = constant.dtype == source.dtype and constant.data.size == 1
        site.require(good, f"fills with {constant.dtype}{list(constant.shape)}", CONVERT_AGAIN, constant)
        value = int(constant.data.reshape(-1)[0])
    return Pad(source, output, before, after, value)


def _ranges(pad: Pad, ranges: Ranges) -> Range | None:
    low, high = ranges[pad.source.id]
    if pad.before[-1] or pad.after[-1]:
        return None
    return np.minimum(low, pad.value), np.maximum(high, pad.value)


def _portable(pad: Pad) -> Call:
    fill = OUTER + 1 - len(pad.source.shape)
    element = BYTES[pad.source.dtype]
    in_shape, out_shape = (1,) * fill + pad.source.shape, (1,) * fill + pad.output.shape
    before, after = (0,) * fill + pad.before, (0,) * fill + pad.after
    return Call(
        kernel="ep_pad",
        header="ep_pad.h",
        fields={
            "rows": int(np.prod(out_shape[:-1])),
            "out_extents": out_shape[:-1],
            "in_extents": in_shape[:-1],
            "before": before[:-1],
            "row_before": before[-1] * element,
            "row_copy": in_shape[-1] * element,
            "row_after": after[-1] * element,
            "element": element,
            "value": pad.value,
        },
        inputs=(pad.source.id,),
        outputs=(pad.output.id,),
    )


_KERNEL: Kernel[Pad] = Kernel("ep_pad", _portable, cost=lambda pad: 2.0 * pad.output.elements)
PAD = Operator("PAD", describe, (_KERNEL,), ranges=_ranges, channels_apart=always)
PADV2 = Operator("PADV2", describe, (_KERNEL,), ranges=_ranges, channels_apart=always)
