"""Every options table of the schema, written with flatc's code and read back."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.options import ENUM_OF_FIELD, options_type
from edgepack.flatbuffer.schema import enumeration
from tests.flatbuffer.build import G, O, T, build

TABLES = [name for union in ("BuiltinOptions", "BuiltinOptions2") for name in enumeration(union).values() if name != "NONE"]


def adders(table: str) -> list[str]:
    """Field names as flatc's `<table>Add<Field>` functions have them."""
    module = import_module(f"tflite.{table}")
    return [name.removeprefix(f"{table}Add") for name in vars(module) if name.startswith(f"{table}Add")]


def candidate(table: str, field: str) -> Any:
    """A value unlike the default that suits the field's type, judged from flatc's reader."""
    generated = getattr(import_module(f"tflite.{table}"), table)
    accessor = vars(generated)[field]
    if accessor.__code__.co_argcount == 2:
        flags = re.findall(r"(\w+)Flags", " ".join(accessor.__code__.co_names))
        kind = next(name for name in flags if name != "UOffsetT")
        dtype = {"Int32": "<i4", "Int64": "<i8", "Float32": "<f4", "Uint8": "<u1", "Uint32": "<u4", "Bool": "?"}[kind]
        return np.array([1, 0, 1], dtype)
    names = accessor.__code__.co_names
    if "String" in names:
        return "text"
    if "BoolFlags" in names:
        return True
    if "Float32Flags" in names:
        return 0.75
    return 0 if field == "CompositeAttributesFormat" else 1  # an enumeration of one value


@pytest.mark.parametrize("table", TABLES)
def test_every_field_is_decoded_under_its_schema_name(table: str) -> None:
    operator = next((name for name in enumeration("BuiltinOperator").values() if options_type(name) == table), None)
    if operator is None:
        pytest.fail(f"no operator has {table}")
    values = {field: candidate(table, field) for field in adders(table)}
    # An operator that calls subgraph 1 must find one that does not call it back.
    empty = G([T("x")], [], (0,), (0,), name="called")
    graph = G([T("x"), T("y")], [O(operator, (0,), (1,), table, values)], (0,), (1,))
    options = read_model(build(graph, empty)).subgraphs[0].operators[0].options
    assert len(options) == len(values)
    for field, value in values.items():
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in field).lstrip("_")
        read = options[name]
        if isinstance(read, str) and not isinstance(value, str):
            assert read == enumeration(ENUM_OF_FIELD[name])[value].upper()
        elif isinstance(read, tuple) and read and isinstance(read[0], str):
            assert read == tuple(enumeration(ENUM_OF_FIELD[name])[item].upper() for item in value.tolist())
        else:
            assert read == (tuple(value.tolist()) if isinstance(value, np.ndarray) else value)


def test_missing_options_are_the_schemas_defaults() -> None:
    graph = G(
        [T("x", (1, 4, 4, 1)), T("w", (1, 1, 1, 1), data=[[[[1]]]]), T("y", (1, 4, 4, 1))],
        [O("CONV_2D", (0, 1), (2,))],
        (0,),
        (2,),
    )
    options = read_model(build(graph)).subgraphs[0].operators[0].options
    assert options["dilation_w_factor"] == 1
    assert options["padding"] == "SAME"
    assert options["stride_w"] == 0


def test_names_follow_the_schema() -> None:
    """Spot checks against schema.fbs by hand."""
    expected = {
        "Conv2DOptions": {
            "padding",
            "stride_w",
            "stride_h",
            "fused_activation_function",
            "dilation_w_factor",
            "dilation_h_factor",
        },
        "FullyConnectedOptions": {"weights_format", "keep_num_dims", "asymmetric_quantize_inputs", "quantized_bias_type"},
        "StridedSliceOptions": {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "offset"},
        "ResizeBilinearOptions": {"align_corners", "half_pixel_centers"},
        "SVDFOptions": {"rank", "fused_activation_function"},
        "BatchMatMulOptions": {"adj_x", "adj_y"},
    }
    from edgepack.flatbuffer.options import default_options

    for table, names in expected.items():
        assert names <= set(default_options(table))
