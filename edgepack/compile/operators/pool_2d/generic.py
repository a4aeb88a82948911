"""AVERAGE_POOL_2D and MAX_POOL_2D, int8 and int16.

Reference: reference/integer_ops/pooling.h. Neither rescales: input and output share scale and zero point.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, Field
from edgepack.compile.graph import BYTES
from edgepack.compile.operators.kernel import Kernel, Operator, Range, Ranges, always
from edgepack.compile.operators.shared.chase import Walk, chase
from edgepack.compile.operators.shared.convolution import FUSED, window_padding
from edgepack.compile.operators.site import Site
from edgepack.compile.quantize import activation_range


@dataclass(frozen=True)
class Pool2D:
    """A checked pooling; `fields` are the members of struct ep_pool."""

    input: int
    output: int
    dtype: str
    elements: int
    window: int
    walk: Walk | None
    clamp: tuple[int, int]
    fields: dict[str, Field]


def describe(site: Site) -> Pool2D:
    """Check a pooling and gather its numbers."""
    source, output = site.input(0), site.output()
    site.require_types(("int8", "int8"), ("int16", "int16"))
    site.require_quantized(source, output)
    site.require(len(source.shape) == 4, "is not over 4 dimensions", "Reshape the input to [1, height, width, channels].")
    kernel = (int(site.option("filter_height", 1)), int(site.option("filter_width", 1)))
    stride = (int(site.option("stride_h", 1)), int(site.option("stride_w", 1)))
    padding = window_padding(site, (source.shape[1], source.shape[2]), kernel, stride, (1, 1))
    site.require_shape(output, (source.shape[0], padding.out_h, padding.out_w, source.shape[3]))
    activation = site.option("fused_activation_function", "NONE")
    site.require(activation in FUSED, f"with fused activation {activation}", f"Use one of {', '.join(FUSED)}.")
    out_min, out_max = activation_range(activation, output.dtype, output.scale, output.zero_point)
    fields: dict[str, Field] = {
        "batches": source.shape[0],
        "in_h": source.shape[1],
        "in_w": source.shape[2],
        "channels": source.shape[3],
        "out_h": padding.out_h,
        "out_w": padding.out_w,
        "kernel_h": kernel[0],
        "kernel_w": kernel[1],
        "stride_h": stride[0],
        "stride_w": stride[1],
        "pad_top": padding.top,
        "pad_left": padding.left,
        "out_min": out_min,
        "out_max": out_max,
    }
    pixel = source.shape[3] * BYTES[source.dtype]
    walk = Walk(
        in_h=source.shape[1],
        in_w=source.shape[2],
        in_bytes=pixel,
        out_h=padding.out_h,
        out_w=padding.out_w,
        out_bytes=pixel,
        stride=stride,
        pad_top=padding.top,
        pad_left=padding.left,
        kernel=kernel,
        dilation=(1, 1),
        step=0,
    )
    single = walk if source.shape[0] == 1 else None
    return Pool2D(source.id, output.id, source.dtype, output.elements, kernel[0] * kernel[1], single, (out_min, out_max), fields)


def _ranges(pool: Pool2D, ranges: Ranges) -> Range | None:
    low, high = ranges[pool.input]
    return low.clip(*pool.clamp), high.clip(*pool.clamp)


def _kernel(name: str, dtype: str) -> Kernel[Pool2D]:
    def lower(pool: Pool2D) -> Call:
        overlaps = chase(pool.walk, pool.input, pool.output) if pool.walk else ()
        return Call(name, f"{name}.h", {"pool": pool.fields}, (pool.input,), (pool.output,), overlaps=overlaps)

    return Kernel(name, lower, applies=lambda pool: pool.dtype == dtype, cost=lambda pool: 8.0 * pool.elements * pool.window)


def _operator(name: str, kernel: str) -> Operator[Pool2D]:
    kernels = (_kernel(kernel, "int8"), _kernel(f"{kernel}_int16", "int16"))
    return Operator(name, describe, kernels, ranges=_ranges, channels_apart=always)


AVERAGE_POOL_2D = _operator("AVERAGE_POOL_2D", "ep_average_pool")
MAX_POOL_2D = _operator("MAX_POOL_2D", "ep_max_pool")
