"""AVERAGE_POOL_2D and MAX_POOL_2D, int8 and int16.

Reference: reference/integer_ops/pooling.h. Neither rescales: input and output share scale and zero point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np

from edgepack.compile.call import Call, Field
from edgepack.compile.operators.kernel import FROM_UINT8, Kernel, Operator, Range, Ranges, always
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import FUSED, Windowed, walk, window_padding
from edgepack.compile.operators.site import Site
from edgepack.compile.quantize import activation_range

INT8_MIN = -128


@dataclass(frozen=True)
class Margins:
    """Rows and columns of `fill` around the input, which count as elements: a PAD taken in."""

    top: int
    bottom: int
    left: int
    right: int
    fill: int


@dataclass(frozen=True, eq=False)
class Pool2D(Windowed):
    """A checked pooling, `window` its height and width."""

    window: tuple[int, int]
    clamp: tuple[int, int]
    margins: Margins | None
    from_uint8: bool
    """Whether the file pools uint8, whose halves are rounded up."""

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the window."""
        return self.window

    @property
    def area(self) -> int:
        """Elements of a window."""
        return self.window[0] * self.window[1]

    @property
    def elements(self) -> int:
        """Elements of the output."""
        return int(np.prod(self.out_shape))


class AveragePool2D(Pool2D):
    """Means of windows."""

    operator: ClassVar[str] = "AVERAGE_POOL_2D"


class MaxPool2D(Pool2D):
    """Largest elements of windows."""

    operator: ClassVar[str] = "MAX_POOL_2D"


def describe(kind: type[Pool2D], site: Site) -> Pool2D:
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
    return kind(
        input=source.id,
        output=output.id,
        in_shape=source.shape,
        out_shape=output.shape,
        dtype=source.dtype,
        stride=stride,
        dilation=(1, 1),
        padding=padding,
        window=kernel,
        clamp=activation_range(activation, output.dtype, output.scale, output.zero_point),
        margins=_margins(site),
        from_uint8=bool(site.option(FROM_UINT8)),
    )


def _margins(site: Site) -> Margins | None:
    """What fuse_pad has left."""
    if site.option("explicit_padding") is None:
        return None
    top, bottom, left, right = site.option("explicit_padding")
    return Margins(top, bottom, left, right, site.option("explicit_fill"))


def _ranges(pool: Pool2D, ranges: Ranges) -> Range | None:
    low, high = ranges[pool.input]
    if pool.margins is not None:
        low, high = np.minimum(low, pool.margins.fill), np.maximum(high, pool.margins.fill)
    return low.clip(*pool.clamp), high.clip(*pool.clamp)


def counts_margins(pool: Pool2D) -> bool:
    """Whether margins must be looked at: to a maximum, elements of -128 are as good as none."""
    return pool.margins is not None and not (isinstance(pool, MaxPool2D) and pool.margins.fill == INT8_MIN)


def pool_call(name: str, pool: Pool2D) -> Call:
    """The call of a kernel whose struct begins with `struct ep_pool`."""
    fields: dict[str, Field] = {
        "batches": pool.in_shape[0],
        "in_h": pool.in_shape[1],
        "in_w": pool.in_shape[2],
        "channels": pool.in_shape[3],
        "out_h": pool.out_shape[1],
        "out_w": pool.out_shape[2],
        "kernel_h": pool.kernel[0],
        "kernel_w": pool.kernel[1],
        "stride_h": pool.stride[0],
        "stride_w": pool.stride[1],
        "pad_top": pool.padding.top,
        "pad_left": pool.padding.left,
        "out_min": pool.clamp[0],
        "out_max": pool.clamp[1],
    }
    margins: dict[str, Field] = {"margins": asdict(pool.margins)} if pool.margins and counts_margins(pool) else {}
    overlaps = chase(walk(pool, 0), pool.input, pool.output) if pool.in_shape[0] == 1 else ()
    return Call(name, f"{name}.h", {"pool": fields, **margins}, (pool.input,), (pool.output,), overlaps=overlaps)


def _kernel(name: str, applies: Callable[[Pool2D], bool]) -> Kernel[Pool2D]:
    return Kernel(name, lambda pool: pool_call(name, pool), applies=applies, cost=lambda pool: 8.0 * pool.elements * pool.area)


def rounds_up(pool: Pool2D) -> bool:
    """Whether it is a mean of what was uint8."""
    return pool.from_uint8 and isinstance(pool, AveragePool2D)


def _operator(kind: type[Pool2D], kernel: str) -> Operator[Pool2D]:
    kernels = (
        _kernel(kernel, lambda pool: pool.dtype == "int8" and not counts_margins(pool) and not rounds_up(pool)),
        _kernel(f"{kernel}_margins", lambda pool: counts_margins(pool) and not rounds_up(pool)),
        _kernel(f"{kernel}_int16", lambda pool: pool.dtype == "int16"),
    )
    return Operator(
        kind.operator,
        lambda site: describe(kind, site),
        kernels,
        ranges=_ranges,
        channels_apart=always,
        explicit_padding="any",
    )


AVERAGE_POOL_2D = _operator(AveragePool2D, "ep_average_pool").with_kernels(_kernel("ep_average_pool_up", rounds_up))
AVERAGE_FROM_UINT8 = replace(AVERAGE_POOL_2D, explicit_padding=None)
MAX_POOL_2D = _operator(MaxPool2D, "ep_max_pool")
