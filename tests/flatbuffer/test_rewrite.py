"""Changed .tflite files: written anew from objects, or with one place changed and every other byte where it was."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite

from edgepack.convert.mixed import mix
from edgepack.convert.signature import sign
from edgepack.flatbuffer import Model, Tensor, read_model
from edgepack.flatbuffer.rewrite.fix_shapes import fix_shapes
from edgepack.flatbuffer.rewrite.insert_metadata import insert_metadata
from edgepack.flatbuffer.rewrite.lower_versions import lower_versions
from edgepack.flatbuffer.rewrite.objects import pack, schema, unpack
from edgepack.ground.errors import ModelError
from tests.compile.builder import ModelBuilder

from .build import G, O, T, build, conv_model
from .mutate import Mutator


def outside() -> bytes:
    """A file that keeps a buffer's eight bytes behind its flatbuffer, as those beyond 2 GB do."""
    tensors = [T("x", (8,)), T("c", (8,), buffer=1), T("y", (8,))]
    graph = G(tensors, [O("ADD", (0, 1), (2,), "AddOptions")], (0,), (2,))

    def file(start: int) -> bytes:
        return build(graph, metadata={"unused": b"x"}, external=(1, start, 8))

    return file(len(file(1 << 20))) + bytes(range(8))


def described(model: Model) -> dict[str, Any]:
    """All that a file says, without where it stands in it."""
    graphs = [(graph.operators, graph.inputs, graph.outputs) for graph in model.subgraphs]
    tensors = [
        (tensor.name, tensor.shape, tensor.shape_signature, tensor.dtype, tensor.quantization, tensor.is_variable, _bytes(tensor))
        for graph in model.subgraphs
        for tensor in graph.tensors
    ]
    described = {"graphs": graphs, "tensors": tensors, "metadata": model.metadata, "signatures": model.signatures}
    return {**described, "description": model.description}


def _bytes(tensor: Tensor) -> bytes | None:
    return None if tensor.data is None else tensor.data.tobytes()


def test_what_is_read_into_objects_and_written_says_the_same(shared_models: Path) -> None:
    for content in (conv_model(), *(file.read_bytes() for file in sorted(shared_models.glob("*.tflite")))):
        assert described(read_model(pack(unpack(content)))) == described(read_model(content))


def test_objects_can_be_changed_and_written_again_with_the_same_bytes_every_time() -> None:
    model = unpack(conv_model())
    first = pack(model)
    assert pack(model) == first
    buffer = schema().BufferT()
    buffer.data = np.arange(5, dtype=np.uint8)
    model.buffers.append(buffer)
    model.subgraphs[0].tensors[0].name = b"renamed"
    model.metadata[0].buffer = len(model.buffers) - 1
    changed = read_model(pack(model))
    assert changed.subgraphs[0].tensors[0].name == "renamed" and changed.metadata == {"note": bytes(range(5))}


def test_every_buffer_is_written_where_kernels_can_read_it_in_place() -> None:
    rng = np.random.default_rng(3)
    tensors = [T("x", (4,)), *(T(f"c{size}", (size,), data=rng.integers(-9, 9, size)) for size in range(1, 40))]
    content = pack(unpack(build(G(tensors, [], (0,), (0,)))))
    model, whole = tflite.Model.GetRootAs(content, 0), np.frombuffer(content, np.uint8)
    places = [model.Buffers(number).DataAsNumpy() for number in range(model.BuffersLength())]
    starts = [data.ctypes.data - whole.ctypes.data for data in places if not isinstance(data, int)]
    assert len(starts) == 39 and all(start % 16 == 0 for start in starts)


def test_names_are_given_to_what_goes_in_and_out() -> None:
    signed = read_model(sign(conv_model(), ["picture"], ["classes"]))
    [signature] = signed.signatures
    assert (signature.key, signature.inputs, signature.outputs) == ("serving_default", (("picture", 0),), (("classes", 4),))
    assert [signed.subgraphs[0].tensors[index].name for index in (0, 4)] == ["picture", "classes"]


def test_open_shapes_are_filled_in_and_nothing_else_is_touched() -> None:
    tensors = [T("x", (3, 4), signature=(-1, 4)), T("y", (1, 4), signature=(-1, 4)), T("z", (1, 4))]
    content = build(G(tensors, [O("RELU", (0,), (1,))], (0,), (1,)))
    model = read_model(content)
    assert model.subgraphs[0].tensors[1].shape == (3, 4), "computed, where the file says 1"
    fixed = fix_shapes(content, model)
    graph = tflite.Model.GetRootAs(fixed, 0).Subgraphs(0)
    assert [graph.Tensors(index).ShapeAsNumpy().tolist() for index in range(3)] == [[3, 4], [3, 4], [1, 4]]
    assert len(fixed) == len(content) and sum(a != b for a, b in zip(fixed, content, strict=True)) == 1
    assert fix_shapes(fixed, model) == fixed


def test_versions_are_lowered_to_what_is_registered_and_nothing_else_is_touched() -> None:
    b = ModelBuilder()
    tensors = [b.tensor((1, 2), scale=0.5) for _ in range(4)]
    times = b.constant(np.array([1, 1]))
    for version, source, result in ((3, 0, 1), (5, 1, 2)):
        b.operator("TILE", [tensors[source], times], [tensors[result]], "TileOptions", version=version)
    b.operator("RELU", [tensors[2]], [tensors[3]], version=3)
    data = b.finish(tensors[:1], tensors[3:])
    lowered = lower_versions(data, {"TILE": (2, 3), "RELU": (1, 2)})
    assert [operator.version for operator in read_model(lowered).subgraphs[0].operators] == [2, 5, 3]
    assert sum(a != b for a, b in zip(data, lowered, strict=True)) == 1
    assert lower_versions(data, {"ADD": (1, 2)}) == data


def test_a_metadata_entry_leaves_the_model_in_one_piece() -> None:
    content = conv_model()
    longer = insert_metadata(content, "NOTES", b"more")
    assert longer.endswith(content) and (len(longer) - len(content)) % 64 == 0
    before, after = described(read_model(content)), described(read_model(longer))
    assert after == {**before, "metadata": {"note": b"abc", "NOTES": b"more"}}


@pytest.mark.parametrize("change", [unpack, lambda content: insert_metadata(content, "NOTES", b"more")])
def test_weights_behind_the_flatbuffer_are_refused_rather_than_lost(change: Any) -> None:
    content = outside()
    constant = read_model(content).subgraphs[0].tensors[1].data
    assert constant is not None and constant.tolist() == list(range(8)), "it can be read"
    with pytest.raises(ModelError, match="behind its flatbuffer") as caught:
        change(content)
    assert caught.value.code == "EP-204"


def test_a_damaged_file_is_refused_by_its_error_code() -> None:
    content = conv_model()
    model = read_model(content)
    for cut in range(8, len(content), 7):
        damaged = content[:cut]
        with pytest.raises(ModelError) as refused:
            read_model(damaged)
        with pytest.raises(ModelError) as caught:
            mix(damaged, ["stem"])
        assert caught.value.code == refused.value.code
        # These look at less of the file than the reader, and never past its end.
        for change in (lambda data: fix_shapes(data, model), lambda data: insert_metadata(data, "NOTES", b"more")):
            with contextlib.suppress(ModelError):
                change(damaged)


def test_a_file_with_anything_altered_is_changed_rightly_or_refused() -> None:
    mutator = Mutator(conv_model(), 1)
    written = 0
    for _ in range(1500):
        content = mutator.next()
        with contextlib.suppress(ModelError):
            insert_metadata(content, "NOTES", b"more")
        with contextlib.suppress(ModelError):
            model = read_model(content)
            assert len(fix_shapes(content, model)) == len(content)
            assert described(read_model(pack(unpack(content)))) == described(model)
            written += 1
    assert written > 150


def test_changing_a_file_needs_no_tensorflow() -> None:
    code = """
import sys
from edgepack.convert.mixed import mix
from edgepack.convert.signature import sign
from tests.flatbuffer.build import conv_model
mix(sign(conv_model(), ["picture"], ["classes"]), ["stem"])
print([name for name in ("tensorflow", "tf_keras", "jax", "ai_edge_litert.interpreter") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "[]"
