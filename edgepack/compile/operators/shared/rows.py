"""Binary operators over broadcast operands as rows: within a row, each operand advances by a constant step.

Axes that both operands walk alike are joined, so that operands of one shape are a single row, and a constant for each channel
gives rows of channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.site import Site


@dataclass(frozen=True, eq=False)
class Binary:
    """Checked operands, and the members of the operator's struct but `shape`."""

    first: Value
    second: Value
    output: Value
    fields: dict[str, Field]


def describe_binary(site: Site, max_rank: int) -> tuple[Value, Value, Value]:
    """Check two int8 operands that broadcast, of at most `max_rank` dimensions, and their output."""
    first, second, output = site.input(0), site.input(1), site.output()
    site.require_types(("int8", "int8", "int8"))
    site.require_quantized(first, second, output)
    shape = broadcast_shape(site, first.shape, second.shape)
    site.require_shape(output, shape)
    same = first.shape == second.shape
    site.require(same or len(shape) <= max_rank, f"broadcasts over {len(shape)} dimensions", f"Reshape to at most {max_rank}.")
    return first, second, output


def row_fields(out: Sequence[int], first: Sequence[int], second: Sequence[int]) -> dict[str, Field]:
    """The members of struct ep_rows for the output shape and the two operands' shapes."""
    whole = broadcast_fields(out, first, second)
    names = ("extents", "stride_1", "stride_2")
    columns: list[Sequence[int]] = []
    for name in names:
        column = whole[name]
        assert isinstance(column, tuple)
        columns.append(column)
    axes: list[tuple[int, int, int]] = []
    for extent, step_1, step_2 in zip(*columns, strict=True):
        if extent == 1:
            continue
        if axes and axes[-1][1] == extent * step_1 and axes[-1][2] == extent * step_2:
            axes[-1] = (axes[-1][0] * extent, step_1, step_2)
        else:
            axes.append((extent, step_1, step_2))
    inner = axes.pop() if axes else (1, 0, 0)
    rank = len(columns[0])
    axes = [(1, 0, 0)] * (rank - len(axes)) + axes
    rows = 1
    for extent, _, _ in axes:
        rows *= extent
    outer = {name: tuple(axis[index] for axis in axes) for index, name in enumerate(names)}
    return {"rows": rows, "columns": inner[0], "step_1": inner[1], "step_2": inner[2], "outer": outer}


def binary_kernel(name: str, per_element: float, applies: Callable[[Binary], bool] = lambda binary: True) -> Kernel[Binary]:
    """The kernel `name`, in the header of that name; its struct's first members are `fields`, its last is `shape`."""

    def lower(binary: Binary) -> Call:
        operands = (binary.first, binary.second)
        whole = tuple(value.id for value in operands if value.bytes == binary.output.bytes)
        shape = row_fields(binary.output.shape, binary.first.shape, binary.second.shape)
        return Call(
            kernel=name,
            header=f"{name}.h",
            fields={**binary.fields, "shape": shape},
            inputs=(binary.first.id, binary.second.id),
            outputs=(binary.output.id,),
            overlaps=in_place(whole, binary.output.id),
        )

    return Kernel(name, lower, applies=applies, cost=lambda binary: per_element * binary.output.elements)
