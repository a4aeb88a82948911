"""Operator options of every kind, decoded from the schema alone."""

from __future__ import annotations

from functools import cache

from edgepack.flatbuffer.binary import Table
from edgepack.flatbuffer.schema import enumeration
from edgepack.ground.errors import ModelError

NEWER_HINT = "the file is damaged or newer than the schema edgepack was built for; update edgepack and the tflite package"

ENUM_OF_FIELD = {
    "algorithm": "RngAlgorithm",
    "combiner": "CombinerType",
    "compare_type": "StablehloComparisonType",
    "comparison_direction": "StablehloComparisonDirection",
    "composite_attributes_format": "CustomOptionsFormat",
    "fused_activation_function": "ActivationFunctionType",
    "idx_out_type": "TensorType",
    "in_data_type": "TensorType",
    "kernel_type": "LSTMKernelType",
    "key_dtype": "TensorType",
    "mode": "MirrorPadMode",
    "out_data_type": "TensorType",
    "out_type": "TensorType",
    "output_type": "TensorType",
    "padding": "Padding",
    "precision_config": "StablehloPrecisionConfig",
    "quantized_bias_type": "TensorType",
    "reduce_function": "ReduceWindowFunction",
    "type": "LSHProjectionType",
    "value_dtype": "TensorType",
    "weights_format": "FullyConnectedOptionsWeightsFormat",
}
"""Enumerations are plain integers in generated code; an options field's name tells which one it is."""


def decode_options(table: Table) -> dict[str, object]:
    """Every field of an options table: numbers, tuples of numbers, strings; enumerations by their upper-case names."""
    decoded: dict[str, object] = {}
    for field in table.each():
        if field.kind == "scalar":
            value = table.number(field.name)
            is_enum = field.name in ENUM_OF_FIELD and field.format not in "?fdq"
            decoded[field.name] = _enum_name(field.name, value) if is_enum else value
        elif field.kind == "numbers":
            values = table.integers(field.name)
            is_enum = field.name in ENUM_OF_FIELD and field.format not in "?fdq"
            decoded[field.name] = tuple(_enum_name(field.name, value) for value in values) if is_enum else values
        elif field.kind == "text":
            decoded[field.name] = table.text(field.name)
    return decoded


@cache
def default_options(kind: str) -> dict[str, object]:
    """What an options table of type `kind` says when the file leaves it out."""
    return decode_options(Table.empty(kind))


def _enum_name(field: str, value: int) -> str:
    name = enumeration(ENUM_OF_FIELD[field]).get(value)
    if name is None:
        raise ModelError("EP-204", f"an operator's {field} has the unknown value {value}", NEWER_HINT)
    return name.upper()


OPTIONS_OF = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MULTINOMIAL": "RandomOptions",
    "RANDOM_STANDARD_NORMAL": "RandomOptions",
    "RANDOM_UNIFORM": "RandomOptions",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "SUM": "ReducerOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
}
"""Options tables that are not named after their operator."""


@cache
def options_type(operator: str) -> str:
    """The schema's options table of a builtin operator, or "" when it has none."""
    if operator in OPTIONS_OF:
        return OPTIONS_OF[operator]
    wanted = operator.replace("_", "").lower() + "options"
    for union in ("BuiltinOptions", "BuiltinOptions2"):
        for name in enumeration(union).values():
            if name.lower() == wanted:
                return name
    return ""


def operator_options(operator: str, table: Table) -> dict[str, object]:
    """The options of `operator`, read from its Operator table; the schema's defaults where the file gives none.

    Raises:
        ModelError: EP-204 for options of another operator's type, or an enumeration value the schema does not know.
    """
    expected = options_type(operator)
    for field, union in (("builtin_options", "BuiltinOptions"), ("builtin_options2", "BuiltinOptions2")):
        number = table.number(f"{field}_type")
        if number == 0:
            continue
        kind = enumeration(union).get(number)
        if kind is None:
            raise ModelError("EP-204", f"an operator {operator} has options of the unknown type {number}", NEWER_HINT)
        if expected and kind != expected:
            raise ModelError("EP-204", f"an operator {operator} has {kind} where {expected} belong", NEWER_HINT)
        child = table.child(field, kind)
        if child is not None:
            return decode_options(child)
    return dict(default_options(expected)) if expected else {}
