"""Files that are damaged or make no sense: each a clear error with its code, none a crash, a hang or a wrong reading."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ModelError
from tests.flatbuffer.build import G, O, T, build, conv_model

INF, NAN = float("inf"), float("nan")


def code_of(data: bytes | Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_model(data)
    message = str(caught.value)
    assert message and "\n" not in message and len(message) < 400
    assert caught.value.hint
    return caught.value.code


def chain(*operators: O, count: int = 4, inputs: Sequence[int] = (0,), outputs: Sequence[int] = (1,), **changes: T) -> bytes:
    """A graph of `count` tensors t0, t1, ...; keyword t2=T(...) replaces one."""
    tensors = [changes.get(f"t{index}", T(f"t{index}", (1, 2))) for index in range(count)]
    return build(G(tensors, operators, inputs, outputs))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none.tflite") == "EP-200"
    assert code_of(tmp_path) == "EP-200"


def test_the_file_is_named_in_the_message(tmp_path: Path) -> None:
    file = tmp_path / "broken model.tflite"
    file.write_bytes(conv_model()[:100])
    with pytest.raises(ModelError, match=r"^broken model\.tflite: "):
        read_model(file)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x00" * 64, b"PK\x03\x04" + b"\x00" * 60, b"\x89HDF\r\n\x1a\n" + b"\x00" * 64])
def test_other_files_are_not_models(data: bytes) -> None:
    assert code_of(data) == "EP-201"


def test_every_truncation_is_an_error() -> None:
    data = conv_model()
    for length in range(len(data)):
        with pytest.raises(ModelError):
            read_model(data[:length])


def test_a_model_without_subgraphs_is_an_error() -> None:
    assert code_of(build()) == "EP-201"


def test_another_schema_version_is_an_error() -> None:
    assert code_of(build(G([T("x")], [], (0,), (0,)), version=4)) == "EP-204"


def test_an_unknown_operator_is_an_error() -> None:
    assert code_of(chain(O("#250", (0,), (1,)))) == "EP-204"


def test_an_unknown_tensor_type_is_an_error() -> None:
    assert code_of(chain(O("RELU", (0,), (1,)), t2=T("t", type_code=99))) == "EP-204"


def test_an_unknown_enumeration_value_is_an_error() -> None:
    assert code_of(chain(O("CONV_2D", (0, 2), (1,), "Conv2DOptions", {"Padding": 7}), inputs=(0, 2))) == "EP-204"


def test_options_of_another_operator_are_an_error() -> None:
    assert code_of(chain(O("CONV_2D", (0, 2), (1,), "Pool2DOptions", {"StrideW": 1}), inputs=(0, 2))) == "EP-204"


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        (T("t", (1, -1)), "negative"),
        (T("t", (-(2**31), 2)), "negative"),
        (T("t", (2**31 - 1, 2**31 - 1, 2**31 - 1, 2**31 - 1)), "larger than 2 GiB"),
        (T("t", (2**20, 2**11)), "larger than 2 GiB"),
        (T("t", (65536, 65536)), "larger than 2 GiB"),
        (T("t", (1,) * 33), "33 dimensions"),
        (T("t", (2, 2), signature=(-1, 2, 2)), "signature"),
        (T("t", (2, 2), signature=(-2, 2)), "signature"),
    ],
)
def test_impossible_shapes_are_errors(tensor: T, why: str) -> None:
    data = chain(O("RELU", (0,), (1,)), t2=tensor)
    assert code_of(data) == "EP-205"
    with pytest.raises(ModelError, match=why):
        read_model(data)


def test_a_huge_shape_takes_no_memory() -> None:
    """2 GiB minus one is allowed for a computed tensor, and nothing is allocated for it."""
    start = time.process_time()
    read_model(chain(O("RELU", (0,), (1,)), t2=T("t", (2**31 - 1,))))
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    "changes",
    [
        {"data": np.zeros(53)},
        {"data": np.zeros(55)},
        {"data": None, "raw": bytes(54), "dtype": "INT16"},
        {"data": None, "raw": bytes(54), "dtype": "FLOAT32"},
        {"data": None, "raw": bytes(54), "dtype": "INT4"},
        {"data": None, "raw": bytes(54), "dtype": "RESOURCE", "scales": ()},
        {"variable": True},
    ],
)
def test_content_that_does_not_fit_is_an_error(changes: dict[str, Any]) -> None:
    assert code_of(conv_model(**changes)) == "EP-206"


@pytest.mark.parametrize(
    "changes",
    [
        {"scales": (0.5, NAN, 0.125)},
        {"scales": (0.5, INF, 0.125)},
        {"scales": (0.5, -0.25, 0.125)},
        {"scales": (0.5, 0.0, 0.125)},
        {"scales": (0.0,), "zero_points": (0,)},
        {"scales": (NAN,), "zero_points": (0,)},
        {"scales": (0.5, 0.5), "zero_points": (0, 0)},
        {"scales": (0.5,) * 4, "zero_points": (0,) * 4},
        {"axis": 3},
        {"axis": 4},
        {"axis": -1},
        {"zero_points": (0, 0)},
        {"zero_points": ()},
        {"zero_points": (0, 128, 0)},
        {"zero_points": (0, -129, 0)},
        {"zero_points": (0, 2**40, 0)},
    ],
)
def test_impossible_quantization_is_an_error(changes: dict[str, Any]) -> None:
    assert code_of(conv_model(**changes)) == "EP-207"


@pytest.mark.parametrize("axis", [1, 3, -1])
def test_the_dimension_of_a_one_dimensional_tensor_is_its_only_one(axis: int) -> None:
    """Converters give a bias the dimension that its filters have."""
    tensor = T("bias", (3,), "INT32", [1, 2, 3], scales=(0.05, 0.025, 0.0125), axis=axis)
    read = read_model(build(G([T("x", (1, 3)), tensor], [], (0,), (0,)))).subgraphs[0].tensors[1]
    assert read.quantization is not None and (read.quantization.axis, len(read.quantization.scales)) == (0, 3)
    longer = T("bias", (4,), "INT32", [1, 2, 3, 4], scales=(0.05, 0.025, 0.0125), axis=axis)
    assert code_of(build(G([T("x", (1, 3)), longer], [], (0,), (0,)))) == "EP-207"


@pytest.mark.parametrize(
    "data",
    [
        chain(O("RELU", (4,), (1,))),
        chain(O("RELU", (-2,), (1,))),
        chain(O("RELU", (0,), (9,))),
        chain(O("RELU", (0,), (-1,))),
        chain(O("RELU", (0,), (1,), intermediates=(77,))),
        chain(O("RELU", (0,), (1,)), inputs=(8,)),
        chain(O("RELU", (0,), (1,)), outputs=(-1,)),
        chain(O("RELU", (0,), (1,), code_index=3)),
        chain(O("RELU", (0,), (1,)), t2=T("t", buffer=44)),
        chain(O("IF", (0,), (1,), "IfOptions", {"ThenSubgraphIndex": 1, "ElseSubgraphIndex": 2})),
        chain(O("CALL_ONCE", (), (), "CallOnceOptions", {"InitSubgraphIndex": -1}), outputs=(0,)),
        build(G([T("x")], [], (0,), (0,)), signature=("s", {"x": 3}, {}, 0)),
        build(G([T("x")], [], (0,), (0,)), signature=("s", {"x": 0}, {}, 2)),
    ],
)
def test_indices_that_do_not_exist_are_errors(data: bytes) -> None:
    assert code_of(data) == "EP-208"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (chain(O("RELU", (2,), (1,)), O("RELU", (0,), (2,))), "before it is written"),
        (chain(O("RELU", (1,), (1,))), "before it is written"),
        (chain(O("RELU", (2,), (3,)), O("RELU", (3,), (2,)), O("RELU", (0,), (1,))), "before it is written"),
        (chain(O("RELU", (2,), (1,))), "nothing writes"),
        (chain(O("RELU", (0,), (1,)), outputs=(3,)), "nothing writes"),
        (chain(O("RELU", (0,), (1,)), O("RELU", (0,), (1,))), "again"),
        (chain(O("RELU", (0,), (0,)), outputs=(0,)), "again"),
        (chain(O("RELU", (0,), (1,)), t1=T("c", (2,), data=[1, 2])), "again"),
        (chain(O("RELU", (0,), (1,)), t0=T("c", (2,), data=[1, 2])), "constant"),
        (chain(O("ADD", (0, 0), (1,)), inputs=(0, 0)), "twice"),
    ],
)
def test_an_order_that_cannot_run_is_an_error(data: bytes, why: str) -> None:
    assert code_of(data) == "EP-209"
    with pytest.raises(ModelError, match=why):
        read_model(data)


def test_subgraphs_that_call_each_other_are_an_error() -> None:
    def caller(target: int) -> G:
        return G([T("x")], [O("CALL_ONCE", (), (), "CallOnceOptions", {"InitSubgraphIndex": target})], (0,), (0,))

    assert code_of(build(caller(1), caller(2), caller(1))) == "EP-209"
    assert code_of(build(caller(0))) == "EP-209"


@pytest.mark.parametrize(("offset", "size"), [(2**33, 4), (2**63, 2**63), (1 << 20, 4), (16, 2**40), (0xFFFFFFFF, 1)])
def test_weights_outside_the_file_are_an_error(offset: int, size: int) -> None:
    graph = G([T("w", (4,), raw=b"1234"), T("x", (4,)), T("y", (4,))], [O("ADD", (1, 0), (2,))], (1,), (2,))
    assert code_of(build(graph, external=(1, offset, size))) == "EP-206"


def test_offsets_that_run_backwards_or_overlap_are_errors() -> None:
    """Point the subgraph list at itself, the root at the identifier, a vtable behind the file."""
    data = bytearray(conv_model())
    root = struct.unpack_from("<I", data, 0)[0]
    for target in (0, 4, len(data) - 1, len(data), 0x7FFFFFFF, 0xFFFFFFFF):
        broken = bytearray(data)
        struct.pack_into("<I", broken, 0, target)
        with pytest.raises(ModelError):
            read_model(bytes(broken))
    for distance in (-(2**31), -len(data), -1, 0, 1, root, root + 1, 2**31 - 1):
        broken = bytearray(data)
        struct.pack_into("<i", broken, root, distance)
        with pytest.raises(ModelError):
            read_model(bytes(broken))


def overlapping(graphs: int, tensors: int) -> bytes:
    """A file whose `graphs` subgraphs are all one table, whose `tensors` tensors are all one table."""
    data = bytearray(struct.pack("<I", 0) + b"TFL3")

    def vtable(size: int, *slots: int) -> int:
        data.extend(b"\0" * (-len(data) % 4))
        at = len(data)
        data.extend(struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), size, *slots))
        data.extend(b"\0" * (-len(data) % 4))
        return at

    def table(vtable_at: int, words: int) -> int:
        at = len(data)
        data.extend(struct.pack("<i", at - vtable_at) + bytes(4 * words))
        return at

    def vector(field: int, count: int) -> int:
        struct.pack_into("<I", data, field, len(data) - field)
        data.extend(struct.pack("<I", count) + bytes(4 * count))
        return len(data) - 4 * count

    def fill(start: int, count: int, target: int) -> None:
        for place in range(start, start + 4 * count, 4):
            struct.pack_into("<I", data, place, target - place)

    root = table(vtable(16, 8, 0, 4, 0, 12), 3)  # version at 8, subgraphs at 4, buffers at 12
    struct.pack_into("<I", data, 0, root)
    struct.pack_into("<I", data, root + 8, 3)
    buffers = vector(root + 12, 1)
    fill(buffers, 1, table(vtable(4), 0))
    graph_list = vector(root + 4, graphs)
    graph = table(vtable(8, 4), 1)
    fill(graph_list, graphs, graph)
    tensor_list = vector(graph + 4, tensors)
    fill(tensor_list, tensors, table(vtable(4), 0))
    return bytes(data)


def test_a_few_shared_tables_are_read() -> None:
    model = read_model(overlapping(2, 5))
    assert [len(graph.tensors) for graph in model.subgraphs] == [5, 5]


@pytest.mark.parametrize(("graphs", "tensors"), [(40_000, 40_000), (1, 3_000_000)])
def test_a_file_that_describes_more_than_it_holds_ends_soon(graphs: int, tensors: int) -> None:
    """The first holds 320 KB and describes 1.6 billion tensors; the second is 12 MB of references to one tensor."""
    data = overlapping(graphs, tensors)
    start = time.process_time()
    assert code_of(data) == "EP-203"
    assert time.process_time() - start < 20
