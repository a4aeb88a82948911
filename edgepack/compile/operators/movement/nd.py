"""GATHER_ND, SCATTER_ND and ONE_HOT: blocks or single values at positions along leading axes, constant or computed.

Reference: reference_ops.h (GatherNd, and ScatterNd, which adds up what falls on one place) and one_hot.cc. With a position out of
range the reference refuses to run; the generated code gathers from the nearest place and scatters nowhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgepack.compile.call import Call, Field
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import MOVED
from edgepack.compile.operators.shared.numbers import INTEGERS
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

RANK = 6
POSITIONS = ("int16", "int32", "int64")
ADDED = ("int8", "int32", "int64")


@dataclass(frozen=True, eq=False)
class Indexed:
    """A checked operator: its kernel, the members of its struct, inputs in the kernel's order, output."""

    kernel: str
    fields: dict[str, Field]
    inputs: tuple[Value, ...]
    output: Value


def require_positions(site: Site, value: Value) -> int:
    """The kernels' number of the type of indices. Raises CompileError EP-704."""
    good = value.dtype in POSITIONS
    site.require(good, f"with indices of type {value.dtype}", f"Use indices of {', '.join(POSITIONS)}.", value)
    return INTEGERS[value.dtype]


def _leading(site: Site, positions: Value, whole: tuple[int, ...]) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """How many axes a row of positions goes through, their extents filled up to RANK, and what a block has."""
    site.require(len(positions.shape) > 0, "has a single position without an axis", CONVERT_AGAIN, positions)
    rank = positions.shape[-1]
    site.require(rank <= min(len(whole), RANK), f"has {rank} positions of {list(whole)}", CONVERT_AGAIN, positions)
    return rank, (*whole[:rank], *(1,) * (RANK - rank)), whole[rank:]


def describe_gather(site: Site) -> Indexed:
    """Check a GATHER_ND."""
    table, positions, output = site.input(0), site.input(1), site.output()
    site.require(table.dtype == output.dtype and table.dtype in MOVED, f"with types {table.dtype}, {output.dtype}", CONVERT_AGAIN)
    rank, extents, block = _leading(site, positions, table.shape)
    site.require(table.elements > 0, "takes from an empty tensor", CONVERT_AGAIN, table)
    site.require_shape(output, (*positions.shape[:-1], *block))
    fields: dict[str, Field] = {
        "count": math.prod(positions.shape[:-1]),
        "bytes": math.prod(block) * BYTES[table.dtype],
        "type": require_positions(site, positions),
        "rank": rank,
        "extents": extents,
    }
    return Indexed("ep_gather_nd", fields, (table, positions), output)


def describe_scatter(site: Site) -> Indexed:
    """Check a SCATTER_ND."""
    positions, blocks, output = site.input(0), site.input(1), site.output()
    good = blocks.dtype == output.dtype and output.dtype in ADDED
    site.require(good, f"with types {blocks.dtype}, {output.dtype}", f"It is compiled for {', '.join(ADDED)}.")
    shape = tuple(int(extent) for extent in site.integers(2).reshape(-1))
    site.require_shape(output, shape)
    rank, extents, block = _leading(site, positions, shape)
    site.require_shape(blocks, (*positions.shape[:-1], *block))
    fields: dict[str, Field] = {
        "size": output.elements,
        "count": math.prod(positions.shape[:-1]),
        "block": math.prod(block),
        "index_type": require_positions(site, positions),
        "type": INTEGERS[output.dtype],
        "rank": rank,
        "extents": extents,
    }
    return Indexed("ep_scatter_nd", fields, (positions, blocks), output)


def describe_one_hot(site: Site) -> Indexed:
    """Check a ONE_HOT."""
    indices, on, off, output = site.input(0), site.input(2), site.input(3), site.output()
    good = on.dtype == off.dtype == output.dtype and output.dtype in MOVED and on.elements == off.elements == 1
    site.require(good, f"with values of {on.dtype}, {off.dtype} for {output.dtype}", CONVERT_AGAIN)
    depth = site.integers(1)
    site.require(depth.size == 1, "has more than one depth", CONVERT_AGAIN)
    rank, axis = len(indices.shape), int(site.option("axis", 0))
    site.require(-1 <= axis <= rank, "has an axis out of range", CONVERT_AGAIN)
    axis = rank if axis == -1 else axis
    size = int(depth.reshape(-1)[0])
    site.require_shape(output, (*indices.shape[:axis], size, *indices.shape[axis:]))
    fields: dict[str, Field] = {
        "outer": math.prod(indices.shape[:axis]),
        "depth": size,
        "inner": math.prod(indices.shape[axis:]),
        "type": require_positions(site, indices),
        "bytes": BYTES[output.dtype],
    }
    return Indexed("ep_one_hot", fields, (indices, on, off), output)


def _kernel(name: str, cost: float) -> Kernel[Indexed]:
    def lower(op: Indexed) -> Call:
        return Call(op.kernel, f"{op.kernel}.h", op.fields, tuple(value.id for value in op.inputs), (op.output.id,))

    return Kernel(name, lower, cost=lambda op: cost * op.output.elements)


GATHER_ND = Operator("GATHER_ND", describe_gather, (_kernel("ep_gather_nd", 4.0),))
SCATTER_ND = Operator("SCATTER_ND", describe_scatter, (_kernel("ep_scatter_nd", 30.0),))
ONE_HOT = Operator("ONE_HOT", describe_one_hot, (_kernel("ep_one_hot", 15.0),))
