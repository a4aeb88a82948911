"""Which weights of a compiled model are in codes, which are not, and why: `edgepack inspect --coding`, and the reports' table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from edgepack.coding import CODES, check_coding, entropy_bytes, find_code
from edgepack.coding.frame import NAME as FRAME
from edgepack.coding.frame import encode_tables, own_bytes
from edgepack.compile.coded.contents import SPARSE, Content, content_of
from edgepack.compile.coded.direct import DIRECT
from edgepack.compile.coded.reasons import SMALL
from edgepack.compile.coded.sizes import code_bytes
from edgepack.compile.coded.streams import encode_between
from edgepack.compile.compiler import CCode, Layer, compile_model
from edgepack.compile.graph import Data
from edgepack.compile.lowered import CodedArray, Considered
from edgepack.flatbuffer import Model


@dataclass(frozen=True)
class CodingRow:
    """Weights of a layer: how many, and their bytes as float32, as they lie in flash without a code, at their entropy, as stored.

    `entropy_bytes` are what no code of single values goes below; of biases and multipliers, what their own bits take in a
    frame. `code` is the name of the code, "" for none, and `why` says what
    it saves, or why there is none. `codes` are the bytes in each code, None where it cannot hold them; empty where nobody asked.
    """

    layer: str
    operator: str
    what: str
    values: int
    float_bytes: int
    int8_bytes: int
    entropy_bytes: int
    stored_bytes: int
    code: str
    why: str
    codes: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class CodingTotals:
    """Sums of the rows; `decoder_bytes` are about what the decoders add to the program, `instructions` what they add to a run,
    and `share` that of all instructions, both as predicted."""

    values: int
    float_bytes: int
    int8_bytes: int
    entropy_bytes: int
    stored_bytes: int
    decoder_bytes: int
    instructions: float
    share: float


@dataclass(frozen=True)
class CodingTable:
    """What becomes of a model's weights in C for a core."""

    cpu: str
    optimize: str
    coding: str
    rows: tuple[CodingRow, ...]
    totals: CodingTotals


def coding_table(model: Model, cpu: str = "generic", optimize: str = "balanced", coding: str = "auto") -> CodingTable:
    """The table of a model compiled with these settings, with the bytes in every code.

    Raises:
        CompileError, ModelError, ProjectError: as `compile_model`; EP-710 for an unknown code.
    """
    off = check_coding(coding) == "off"
    code = compile_model(model, "table", cpu, optimize, coding="auto" if off else coding)
    rows = _rows(code, every_code=True)
    if off:
        rows = tuple(replace(row, code="", stored_bytes=row.int8_bytes, why="coding is off") for row in rows)
    return CodingTable(code.cpu, optimize, coding, rows, _totals(code, rows))


def coded_rows(code: CCode) -> tuple[CodingRow, ...]:
    """The rows of generated C, without the codes that were not taken; none when nothing is coded."""
    return _rows(code) if any(layer.coded for layer in code.layers) else ()


def why_uncoded(code: CCode) -> str:
    """Why nothing of generated C is coded: what holds for most bytes of its weights; "" when nobody asked."""
    bytes_of: dict[str, int] = {}
    for row in _rows(code):
        bytes_of[row.why] = bytes_of.get(row.why, 0) + row.int8_bytes
    return max(bytes_of, key=lambda why: bytes_of[why], default="")


def _rows(code: CCode, every_code: bool = False) -> tuple[CodingRow, ...]:
    """Of constants that are equal, and so are stored once, the first, or the first that is coded."""
    found: dict[bytes, CodingRow] = {}
    for layer, one in _considered(code):
        key = one.array.data.dtype.str.encode() + one.array.data.tobytes()
        name = layer.layer if one.output is None else code.graph.values[one.output].layer
        for place, row in enumerate(_rows_of(name, layer.op, one, every_code)):
            each = key + bytes([place])
            if each not in found or (row.code and not found[each].code):
                found[each] = row
    return tuple(found.values())


def _considered(code: CCode) -> Iterator[tuple[Layer, Considered]]:
    """Every array of weights; shifts and the like, which are as small as that, are left out."""
    for layer in code.layers:
        for one in layer.considered:
            if one.why != SMALL or "weights" in one.array.comment:
                yield layer, one


def _rows_of(layer: str, operator: str, one: Considered, every_code: bool) -> Iterator[CodingRow]:
    """The row of weights, and of the biases and multipliers between them; or of biases and multipliers alone."""
    content = content_of(one.array)
    assert content is not None
    row = partial(CodingRow, layer=layer, operator=operator)
    if content.table is not None:
        yield _numbers(
            row, one.array.comment, content.table.numbers, encode_tables([content.table]), one.coded is not None, one, every_code
        )
        return
    yield _weights(row, content, one, every_code)
    if content.constants is not None:
        framed = one.coded is not None and one.coded.framed
        code = encode_between(content.form, content.constants)
        yield _numbers(row, "biases and multipliers", content.constants, code, framed, one, every_code)


def _weights(row: Callable[..., CodingRow], content: Content, one: Considered, every_code: bool) -> CodingRow:
    values = content.values
    plain = int(one.array.data.nbytes) - (0 if content.constants is None else content.constants.nbytes)
    if content.form == SPARSE:
        plain = values.size
    stored = _stored(one.coded, content, plain) if one.coded else plain
    return row(
        what="weights" if content.constants is not None else one.array.comment,
        values=int(values.size),
        float_bytes=4 * int(values.size),
        int8_bytes=plain,
        entropy_bytes=math.ceil(entropy_bytes(values)),
        stored_bytes=stored,
        code=one.coded.code if one.coded else "",
        why=", ".join(filter(None, (f"saves {100 * (1 - stored / plain):.0f} %" if one.coded else "", one.why))),
        codes={**{each.name: each.size(values) for each in CODES}, FRAME: None} if every_code else {},
    )


def _numbers(
    row: Callable[..., CodingRow], what: str, numbers: Data, code: bytes, framed: bool, one: Considered, every_code: bool
) -> CodingRow:
    """Biases and multipliers, whose `code` is taken where they are `framed`."""
    plain = one.coded.bytes if what == one.array.comment and one.coded else int(numbers.nbytes)
    return row(
        what=what,
        values=int(numbers.size),
        float_bytes=4 * int(numbers.size),
        int8_bytes=plain,
        entropy_bytes=own_bytes(code),
        stored_bytes=len(code) if framed else plain,
        code=FRAME if framed else "",
        why=f"saves {100 * (1 - len(code) / plain):.0f} %" if framed else one.why or one.numbers_why,
        codes={**{each.name: None for each in CODES}, FRAME: len(code)} if every_code else {},
    )


def _stored(coded: CodedArray, content: Content, plain: int) -> int:
    """Bytes of weights in the code they are in."""
    if coded.direct:
        return plain - (coded.bytes - coded.coded_bytes)
    size = find_code(coded.code).size(content.values)
    assert size is not None
    return size


def _totals(code: CCode, rows: tuple[CodingRow, ...]) -> CodingTotals:
    arrays = [array for layer in code.layers for array in layer.coded] if any(row.code for row in rows) else []
    decoding = sum(array.instructions for array in arrays)
    return CodingTotals(
        values=sum(row.values for row in rows),
        float_bytes=sum(row.float_bytes for row in rows),
        int8_bytes=sum(row.int8_bytes for row in rows),
        entropy_bytes=sum(row.entropy_bytes for row in rows),
        stored_bytes=sum(row.stored_bytes for row in rows),
        decoder_bytes=code_bytes(code.kernels) + sum(DIRECT[name].code_bytes for name in DIRECT.keys() & set(code.kernels)),
        instructions=decoding,
        share=decoding / total if (total := sum(layer.predicted for layer in code.layers)) else 0.0,
    )
