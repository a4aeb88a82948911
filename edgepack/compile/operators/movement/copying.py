"""Operators that only move elements: each axis of the output says where in the input its positions lie, and offsets add up.

Axes at constant steps become struct ep_copy_strided; axes with a table of offsets become struct ep_copy_indexed, unless the
table turns out to be regular (a constant step, or each position repeated equally often).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, in_place
from edgepack.compile.graph import BYTES, Data, Value
from edgepack.compile.operators.site import Site

RANK = 6
TABLES = 4
LARGEST_TABLE = 1 << 16
LARGEST_TABLES = 1 << 20
"""Offsets of all axes together: they become numbers in the generated code, and multiply where there are more than TABLES axes."""
MOVED = ("int8", "uint8", "bool", "int16", "int32", "int64", "float32")
"""Types whose elements are moved."""


@dataclass(frozen=True)
class Axis:
    """`extent` positions, `step` elements apart in the input."""

    extent: int
    step: int


@dataclass(frozen=True, eq=False)
class Table:
    """Positions at any offsets, in elements."""

    offsets: Data


@dataclass(frozen=True, eq=False)
class Move:
    """A checked movement of elements: the output's axes, outermost first, from `start` elements into the input on."""

    source: Value
    output: Value
    axes: tuple[Axis | Table, ...]
    start: int = 0


def require_movable(site: Site, source: Value, output: Value) -> None:
    """Input and output must have one type, among those that are moved."""
    site.require(
        source.dtype == output.dtype and source.dtype in MOVED,
        f"with types {source.dtype}, {output.dtype}",
        f"It is compiled for {', '.join(MOVED)}, input and output alike.",
    )


def require_small_table(site: Site, *extents: int) -> None:
    """Each extent becomes a table of offsets in flash, so it must be of a sensible size."""
    site.require(max(extents) <= LARGEST_TABLE, "is over so large an axis", f"At most {LARGEST_TABLE} positions are compiled.")


def element_steps(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements between neighbours along each axis of a dense tensor."""
    steps, step = [], 1
    for extent in reversed(shape):
        steps.append(step)
        step *= extent
    return tuple(reversed(steps))


def tables_fit(move: Move) -> bool:
    """For `applies`: whether the tables that the kernel reads, if it reads any, are of a sensible size together."""
    _, axes, _ = _simplified(move)
    if len(axes) <= RANK and all(isinstance(axis, Axis) for axis in axes):
        return True
    sizes = [axis.extent if isinstance(axis, Axis) else axis.offsets.size for axis in axes]
    while len(sizes) > TABLES:  # as _indexed joins them
        products = [a * b for a, b in itertools.pairwise(sizes)]
        at = products.index(min(products))
        sizes[at : at + 2] = [products[at]]
    return sum(sizes) <= LARGEST_TABLES


def _simplified(move: Move) -> tuple[int, list[Axis | Table], int]:
    """Where the elements start, as few axes as possible, and how many elements lie beside each other."""
    start = move.start
    axes: list[Axis | Table] = []
    for axis in move.axes:
        offset, regular = _regular(axis)
        start += offset
        axes.extend(regular)
    axes = _merged(axes)
    run = 1
    if axes and isinstance(last := axes[-1], Axis) and last.step == 1:
        run = last.extent
        axes.pop()
    return start, axes, run


def lower_move(move: Move) -> Call:
    """The call that moves the elements, with as few axes as possible."""
    start, axes, run = _simplified(move)
    element = BYTES[move.source.dtype]
    if all(isinstance(axis, Axis) for axis in axes) and len(axes) <= RANK:
        return _strided(move, [axis for axis in axes if isinstance(axis, Axis)], start, run, element)
    return _indexed(move, axes, start, run, element)


def _regular(axis: Axis | Table) -> tuple[int, list[Axis | Table]]:
    """The axis with tables of a regular form replaced: the offset of its first position, and the axes it becomes."""
    if isinstance(axis, Axis):
        return 0, [axis]
    offsets = axis.offsets
    first = int(offsets[0])
    relative = offsets - first
    changes = np.flatnonzero(relative != 0)
    repeat = int(changes[0]) if changes.size else offsets.size
    if repeat and offsets.size % repeat == 0:
        count = offsets.size // repeat
        step = int(relative[repeat]) if count > 1 else 0
        if np.array_equal(relative, np.repeat(np.arange(count) * step, repeat)):
            return first, [Axis(count, step), Axis(repeat, 0)]
    return 0, [axis]


def _merged(axes: Sequence[Axis | Table]) -> list[Axis | Table]:
    """Leave out axes of one position; join an axis with the next where together they have a constant step."""
    merged: list[Axis | Table] = []
    for axis in axes:
        if isinstance(axis, Axis):
            if axis.extent == 1:
                continue
            if merged and isinstance(above := merged[-1], Axis) and above.step == axis.extent * axis.step:
                merged[-1] = Axis(above.extent * axis.extent, axis.step)
                continue
        merged.append(axis)
    return merged


def _strided(move: Move, axes: Sequence[Axis], start: int, run: int, element: int) -> Call:
    padded = [Axis(1, 0)] * (RANK - len(axes)) + list(axes)
    rows = 1
    for axis in padded[:-1]:
        rows *= axis.extent
    forward, span = True, run  # whether the input is read from front to back, so that the output may lie over it
    for axis in reversed(axes):
        forward = forward and axis.step >= span
        span += (axis.extent - 1) * axis.step
    return Call(
        kernel="ep_copy_strided",
        header="ep_copy_strided.h",
        fields={
            "start": start * element,
            "bytes": run * element,
            "rows": rows,
            "extents": tuple(axis.extent for axis in padded),
            "steps": tuple(axis.step * element for axis in padded),
        },
        inputs=(move.source.id,),
        outputs=(move.output.id,),
        overlaps=in_place((move.source.id,), move.output.id) if forward else (),
    )


def _indexed(move: Move, axes: Sequence[Axis | Table], start: int, run: int, element: int) -> Call:
    tables = [
        axis.offsets.astype(np.int64) if isinstance(axis, Table) else np.arange(axis.extent, dtype=np.int64) * axis.step
        for axis in axes
    ]
    while len(tables) > TABLES:  # join the two neighbours whose common table is smallest
        sizes = [a.size * b.size for a, b in itertools.pairwise(tables)]
        at = int(np.argmin(sizes))
        tables[at : at + 2] = [np.add.outer(tables[at], tables[at + 1]).reshape(-1)]
    tables = [np.zeros(1, np.int64)] * (TABLES - len(tables)) + tables
    tables[0] = tables[0] + start
    return Call(
        kernel="ep_copy_indexed",
        header="ep_copy_indexed.h",
        fields={
            "bytes": run * element,
            "extents": tuple(table.size for table in tables),
            "offsets": Array((np.concatenate(tables) * element).astype(np.int32), "offsets"),
        },
        inputs=(move.source.id,),
        outputs=(move.output.id,),
    )
