"""RESIZE_BILINEAR where the file has uint8: positions, weights and sums in float32.

Reference: reference/resize_bilinear.h, the template over T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Data, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.resize import sizes
from edgepack.compile.operators.site import Site

ONE = np.float32(1)
HALF = np.float32(0.5)


@dataclass(frozen=True, eq=False)
class Between:
    """For each output position along an axis: the two input positions it lies between, and the second one's weight."""

    low: Data
    high: Data
    weight: Data

    def fields(self, axis: str) -> dict[str, Field]:
        """The members of the kernel's struct for an axis; the first position's weight is 1 less the second's."""
        return {
            f"{axis}_low": Array(self.low, f"first {axis}s"),
            f"{axis}_high": Array(self.high, f"second {axis}s"),
            f"{axis}_near": Array(ONE - self.weight, f"weights of the first {axis}s"),
            f"{axis}_far": Array(self.weight, f"weights of the second {axis}s"),
        }


@dataclass(frozen=True, eq=False)
class BilinearFloat:
    """A checked interpolation."""

    source: Value
    output: Value
    rows: Between
    columns: Between


def _between(in_size: int, out_size: int, corners: bool, centers: bool) -> Between:
    """ComputeInterpolationValues, in float32."""
    scale = np.float32(in_size) / np.float32(out_size)
    if corners and out_size > 1:
        scale = np.float32(in_size - 1) / np.float32(out_size - 1)
    places = np.arange(out_size, dtype=np.float32)
    real = (places + HALF) * scale - HALF if centers else places * scale
    low = np.maximum(np.floor(real), 0).astype(np.int32)
    high = np.minimum(np.ceil(real), in_size - 1).astype(np.int32)
    return Between(low, high, real - low.astype(np.float32))


def describe(site: Site) -> BilinearFloat:
    """Check a RESIZE_BILINEAR and tabulate its positions."""
    source, output = sizes(site)
    site.require_types(("int8", "int32", "int8"))
    corners, centers = bool(site.option("align_corners", False)), bool(site.option("half_pixel_centers", False))
    rows, columns = (
        _between(in_size, out_size, corners, centers)
        for in_size, out_size in zip(source.shape[1:3], output.shape[1:3], strict=True)
    )
    inside = max(rows.low) < source.shape[1] and max(columns.low) < source.shape[2]
    site.require(bool(inside), "reads outside of its input, by the reference's rounding", "Resize to a smaller size.")
    return BilinearFloat(source, output, rows, columns)


def _lower(resize: BilinearFloat) -> Call:
    batches, in_h, in_w, channels = resize.source.shape
    return Call(
        kernel="ep_resize_bilinear_float",
        header="ep_resize_bilinear_float.h",
        fields={
            "batches": batches,
            "in_h": in_h,
            "in_w": in_w,
            "channels": channels,
            "out_h": resize.output.shape[1],
            "out_w": resize.output.shape[2],
            **resize.rows.fields("row"),
            **resize.columns.fields("column"),
        },
        inputs=(resize.source.id,),
        outputs=(resize.output.id,),
    )


RESIZE_BILINEAR = Operator(
    "RESIZE_BILINEAR",
    describe,
    (Kernel("ep_resize_bilinear_float", _lower, cost=lambda resize: 60.0 * resize.output.elements),),
)
