"""Which weights are in codes, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from edgepack.report import format as fmt
from edgepack.report.terminal.tables import Column, print_line, print_table
from edgepack.report.words import weight_bytes

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingTable


def print_coding(table: CodingTable, console: Console) -> None:
    """Each layer's weights in every code, the code chosen and why, and the totals."""
    if not table.rows:
        print_line(console, "There are no weights that a code could take.")
        return
    names = list(table.rows[0].codes)
    columns = [
        Column("layer"),
        Column("operator", style="dim"),
        Column("of", style="dim"),
        Column("values", True),
        Column("int8", True),
    ]
    columns += [Column("entropy", True), *(Column(name, True) for name in names), Column("choice"), Column("why")]
    rows = [
        (
            row.layer,
            row.operator,
            row.what,
            f"{row.values:,}",
            f"{row.int8_bytes:,}",
            f"{row.entropy_bytes:,}",
            *("–" if (size := row.codes[name]) is None else f"{size:,}" for name in names),
            (row.code, "green") if row.code else "as it is",
            row.why,
        )
        for row in table.rows
    ]
    print_table(console, columns, rows)
    totals = table.totals
    print_line(console, f"C for {table.cpu}, {table.optimize}, coding {table.coding}. Weights: {weight_bytes(table.rows)}")
    if totals.decoder_bytes:
        cost = f"{fmt.share(totals.share)} of all instructions, as predicted"
        print_line(console, f"The decoders take about {totals.decoder_bytes:,} bytes of code, and decoding {cost}.")
