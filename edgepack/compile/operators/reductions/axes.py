"""What reductions share: which axes are reduced, and the strides of struct ep_reduce."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Field
from edgepack.compile.graph import Value
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

RANK = 3


@dataclass(frozen=True)
class Reduction:
    """`outputs` results of `count` elements each; `fields` are the members of struct ep_reduce."""

    outputs: int
    count: int
    axes: tuple[int, ...]
    fields: dict[str, Field]


def reduction(site: Site, source: Value, output: Value) -> Reduction:
    """Resolve the axes of a reduction (input 1, option keep_dims) and merge neighbouring ones of a kind."""
    constant = site.constant(1)
    rank = len(source.shape)
    axes = sorted({axis + (rank if axis < 0 else 0) for axis in site.integers(1).reshape(-1).tolist()})
    site.require(all(0 <= axis < rank for axis in axes), "has an axis out of range", CONVERT_AGAIN, constant)
    if site.option("keep_dims", False):
        site.require_shape(output, [1 if axis in axes else extent for axis, extent in enumerate(source.shape)])
    else:
        site.require_shape(output, [extent for axis, extent in enumerate(source.shape) if axis not in axes])
    kept: list[tuple[int, int]] = []
    reduced: list[tuple[int, int]] = []
    stride = 1
    previous: list[tuple[int, int]] | None = None
    for axis in reversed(range(rank)):
        extent = source.shape[axis]
        group = reduced if axis in axes else kept
        if extent != 1:
            if group is previous:
                group[0] = (group[0][0] * extent, group[0][1])
            else:
                group.insert(0, (extent, stride))
            previous = group
        stride *= extent
    site.require(len(kept) <= RANK and len(reduced) <= RANK, "alternates over too many axes", "Reshape or transpose first.")
    kept = [(1, 0)] * (RANK - len(kept)) + kept
    reduced = [(1, 0)] * (RANK - len(reduced)) + reduced
    return Reduction(
        outputs=output.elements,
        count=int(np.prod([source.shape[axis] for axis in axes])),
        axes=tuple(axes),
        fields={
            "kept": tuple(extent for extent, _ in kept),
            "kept_stride": tuple(step for _, step in kept),
            "reduced": tuple(extent for extent, _ in reduced),
            "reduced_stride": tuple(step for _, step in reduced),
        },
    )
