"""Unary int8 operators as a table of 256 results, computed here exactly as the reference kernel would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, in_place
from edgepack.compile.graph import Data, Value
from edgepack.compile.operators.kernel import Kernel, Range, Ranges
from edgepack.compile.operators.site import Site


@dataclass(frozen=True, eq=False)
class Table:
    """`results` holds the outputs (int8) for inputs -128 to 127."""

    input: int
    output: int
    size: int
    results: Data


def describe_table(site: Site, result: Callable[[int, Value, Value], int]) -> Table:
    """Check an operator of one int8 tensor and tabulate `result(x, input, output)`, clamped to int8."""
    source, output = site.input(0), site.output()
    site.require_types(("int8", "int8"))
    site.require_quantized(source, output)
    site.require_shape(output, source.shape)
    values = np.array([result(x, source, output) for x in range(-128, 128)])
    return Table(source.id, output.id, output.elements, values.clip(-128, 127).astype(np.int8))


def lower_table(table: Table) -> Call:
    """Look every element up."""
    return Call(
        kernel="ep_table",
        header="ep_table.h",
        fields={"size": table.size, "results": Array(table.results, "results for -128 to 127")},
        inputs=(table.input,),
        outputs=(table.output,),
        overlaps=in_place((table.input,), table.output),
    )


TABLE_KERNEL: Kernel[Table] = Kernel("ep_table", lower_table, cost=lambda table: 5.0 * table.size)


def table_ranges(problem: object, ranges: Ranges) -> Range | None:
    """The range of a table's results over each channel's inputs; None of what is no table."""
    if not isinstance(problem, Table):
        return None
    low, high = ranges[problem.input]
    parts = [problem.results[a + 128 : b + 129] for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    return np.array([part.min() for part in parts], np.int64), np.array([part.max() for part in parts], np.int64)
