"""GATHER and EMBEDDING_LOOKUP: constant indices become a copy by a table; computed ones are looked up at run time.

Reference: reference/gather.h, embedding_lookup.cc. They refuse to run with an index out of range; the generated code uses the
nearest instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import (
    Axis,
    Move,
    Table,
    element_steps,
    lower_move,
    require_movable,
    require_small_table,
    tables_fit,
)
from edgepack.compile.operators.movement.nd import require_positions
from edgepack.compile.operators.shared.numbers import INTEGERS
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


@dataclass(frozen=True, eq=False)
class Lookup:
    """For each of `batches`: `outer` tables of `extent` items of `inner` elements, and `count` indices into each."""

    table: Value
    indices: Value
    output: Value
    batches: int
    outer: int
    extent: int
    inner: int
    count: int


def describe_embedding(site: Site) -> Lookup:
    """Check an EMBEDDING_LOOKUP."""
    indices, table, output = site.input(0), site.input(1), site.output()
    require_movable(site, table, output)
    require_positions(site, indices)
    site.require(len(table.shape) > 0, "looks up in a single number", CONVERT_AGAIN, table)
    site.require(table.elements > 0, "takes from an empty tensor", CONVERT_AGAIN, table)
    site.require_shape(output, (*indices.shape, *table.shape[1:]))
    return Lookup(table, indices, output, 1, 1, extent=table.shape[0], inner=math.prod(table.shape[1:]), count=indices.elements)


def describe(site: Site) -> Move | Lookup:
    """Check a GATHER."""
    table, indices, output = site.input(0), site.input(1), site.output()
    require_movable(site, table, output)
    require_positions(site, indices)
    rank, batch_dims = len(table.shape), int(site.option("batch_dims", 0))
    axis = int(site.option("axis", 0))
    site.require(-rank <= axis < rank, "has an axis out of range", CONVERT_AGAIN)
    axis %= rank
    batch_dims += len(indices.shape) if batch_dims < 0 else 0
    good = 0 <= batch_dims <= min(axis, len(indices.shape)) and table.shape[:batch_dims] == indices.shape[:batch_dims]
    site.require(good, "has batch dimensions that do not match", CONVERT_AGAIN)
    site.require_shape(output, (*table.shape[:axis], *indices.shape[batch_dims:], *table.shape[axis + 1 :]))
    site.require(table.elements > 0, "takes from an empty tensor", CONVERT_AGAIN, table)
    if indices.data is None or batch_dims:
        return Lookup(
            table,
            indices,
            output,
            batches=math.prod(table.shape[:batch_dims]),
            outer=math.prod(table.shape[batch_dims:axis]),
            extent=table.shape[axis],
            inner=math.prod(table.shape[axis + 1 :]),
            count=math.prod(indices.shape[batch_dims:]),
        )
    chosen = indices.data.reshape(-1).astype(np.int64)
    site.require(bool(np.all((chosen >= 0) & (chosen < table.shape[axis]))), "has an index out of range", CONVERT_AGAIN, indices)
    require_small_table(site, chosen.size)
    steps = element_steps(table.shape)
    axes: list[Axis | Table] = [Axis(extent, step) for extent, step in zip(table.shape, steps, strict=True)]
    axes[axis] = Table(chosen * steps[axis])
    return Move(table, output, tuple(axes))


def _fits(problem: Move | Lookup) -> bool:
    return not isinstance(problem, Move) or tables_fit(problem)


def _lower(problem: Move | Lookup) -> Call:
    if isinstance(problem, Move):
        return lower_move(problem)
    return Call(
        kernel="ep_gather",
        header="ep_gather.h",
        fields={
            "batches": problem.batches,
            "outer": problem.outer,
            "extent": problem.extent,
            "bytes": problem.inner * BYTES[problem.table.dtype],
            "count": problem.count,
            "type": INTEGERS[problem.indices.dtype],
        },
        inputs=(problem.table.id, problem.indices.id),
        outputs=(problem.output.id,),
    )


_KERNEL: Kernel[Move | Lookup] = Kernel("ep_gather", _lower, applies=_fits, cost=lambda problem: 4.0 * problem.output.elements)
GATHER = Operator("GATHER", describe, (_KERNEL,))
EMBEDDING_LOOKUP = Operator("EMBEDDING_LOOKUP", describe_embedding, (_KERNEL,))
