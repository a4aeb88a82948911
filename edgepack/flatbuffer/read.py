"""Reading a .tflite file into plain data, checking everything on the way."""

from __future__ import annotations

from pathlib import Path

from edgepack.flatbuffer.binary import DAMAGED_HINT, FlatFile, Table
from edgepack.flatbuffer.check import call_order, check_subgraph
from edgepack.flatbuffer.model import Model, Operator, Signature, Subgraph
from edgepack.flatbuffer.options import NEWER_HINT, operator_options
from edgepack.flatbuffer.schema import enumeration
from edgepack.flatbuffer.shapes import resolve_shapes
from edgepack.flatbuffer.tensors import CONVERT_HINT, Buffers, read_tensor, shorten
from edgepack.ground.errors import ModelError
from edgepack.ground.files import sha256_bytes

IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3
MAX_FILE = 2**32 - 1


def read_model(data: bytes | Path) -> Model:
    """The model in a .tflite file or its bytes, with every offset, index, shape and scale checked.

    Constants are read-only views of the bytes. Time and memory stay within a small multiple of the file's size.

    Raises:
        ModelError: EP-200 a file that cannot be opened, EP-201 not a .tflite file, EP-202 an offset outside the file,
            EP-203 overlapping tables, EP-204 something the schema does not know, EP-205 an impossible shape, EP-206 content
            that does not fit its tensor, EP-207 impossible quantization, EP-208 an index that does not exist, EP-209 an
            order that cannot be executed.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        return _read(bytes(data))
    content = _read_file(Path(data))
    try:
        return _read(content)
    except ModelError as error:
        raise ModelError(error.code, f"{Path(data).name}: {error}", error.hint) from error


def _read_file(path: Path) -> bytes:
    try:
        if path.is_file() and path.stat().st_size > MAX_FILE:
            raise ModelError("EP-200", f"{path} is larger than 4 GiB", "edgepack handles models up to that size")
        return path.read_bytes()
    except OSError as error:
        raise ModelError("EP-200", f"cannot read the model {path}: {error.strerror}", "check the path") from error


def _read(data: bytes) -> Model:
    if len(data) < 8 or data[4:8] != IDENTIFIER:
        what = "it is empty" if not data else "it does not start like one"
        raise ModelError("EP-201", f"this is not a .tflite model: {what}", "give a file written by the TFLite converter")
    file = FlatFile(data)
    root = file.table(file.u32(0), "Model")
    if root.number("version") != SCHEMA_VERSION:
        raise ModelError("EP-204", f"the model has schema version {root.number('version')}, not {SCHEMA_VERSION}", NEWER_HINT)
    buffers = Buffers(root.children("buffers"), data)
    codes = [_operator_code(table) for table in root.children("operator_codes")]
    graphs = tuple(_subgraph(table, index, codes, buffers) for index, table in enumerate(root.children("subgraphs")))
    if not graphs:
        raise ModelError("EP-201", "the model has no subgraph", DAMAGED_HINT)
    call_order(graphs)
    return Model(
        version=SCHEMA_VERSION,
        description=root.text("description"),
        subgraphs=graphs,
        metadata=_metadata(root, buffers),
        signatures=tuple(_signature(table, graphs) for table in root.children("signature_defs")),
        size_bytes=len(data),
        sha256=sha256_bytes(data),
    )


def _operator_code(table: Table) -> tuple[str, str, int]:
    """Name, custom name and version. Codes above 127 do not fit the older field, so the larger of the two is meant."""
    code = max(table.number("deprecated_builtin_code"), table.number("builtin_code"))
    name = enumeration("BuiltinOperator").get(code)
    if name is None:
        raise ModelError("EP-204", f"the model uses operator code {code}, which the schema does not know", NEWER_HINT)
    return name, table.text("custom_code"), table.number("version")


def _subgraph(table: Table, number: int, codes: list[tuple[str, str, int]], buffers: Buffers) -> Subgraph:
    graph = Subgraph(
        name=table.text("name"),
        tensors=tuple(read_tensor(child, index, buffers) for index, child in enumerate(table.children("tensors"))),
        operators=tuple(_operator(child, index, codes) for index, child in enumerate(table.children("operators"))),
        inputs=table.integers("inputs"),
        outputs=table.integers("outputs"),
    )
    check_subgraph(graph, f"subgraph {number}")
    return resolve_shapes(graph)


def _operator(table: Table, index: int, codes: list[tuple[str, str, int]]) -> Operator:
    code = table.number("opcode_index")
    if code >= len(codes):
        raise ModelError("EP-208", f"operator {index} is of operator code {code}, the model has {len(codes)}", CONVERT_HINT)
    name, custom_code, version = codes[code]
    custom = table.numbers("custom_options")
    if custom is not None:
        table.file.spend(custom.nbytes)
    return Operator(
        index=index,
        name=name,
        inputs=table.integers("inputs"),
        outputs=table.integers("outputs"),
        intermediates=table.integers("intermediates"),
        options=operator_options(name, table),
        version=version,
        custom_code=custom_code,
        custom_options=b"" if custom is None else custom.tobytes(),
    )


def _metadata(root: Table, buffers: Buffers) -> dict[str, bytes]:
    found = {}
    total = 0
    for table in root.children("metadata"):
        content = buffers.raw(table.number("buffer"))
        total += content.nbytes
        if total > 2 * table.file.size:
            raise ModelError("EP-203", "the model's metadata overlap: they are larger than the file", DAMAGED_HINT)
        found[table.text("name")] = content.tobytes()
    return found


def _signature(table: Table, graphs: tuple[Subgraph, ...]) -> Signature:
    key, number = table.text("signature_key"), table.number("subgraph_index")
    if number >= len(graphs):
        raise ModelError(
            "EP-208", f"signature '{shorten(key)}' is of subgraph {number}, the model has {len(graphs)}", CONVERT_HINT
        )

    def arguments(name: str) -> tuple[tuple[str, int], ...]:
        pairs = tuple((child.text("name"), child.number("tensor_index")) for child in table.children(name))
        for argument, index in pairs:
            if index >= len(graphs[number].tensors):
                raise ModelError(
                    "EP-208", f"signature argument '{shorten(argument)}' is tensor {index}, which does not exist", CONVERT_HINT
                )
        return pairs

    return Signature(key, arguments("inputs"), arguments("outputs"), number)
