"""Operators on uint8, as TensorFlow 1 wrote them: the int8 cases made uint8, and what has bits of its own there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.compile import (
    cases,
    cases_choices,
    cases_elementwise,
    cases_floating,
    cases_integers,
    cases_layers,
    cases_structural,
    cases_sums,
)
from tests.compile.builder import ModelBuilder
from tests.compile.cases import random_scale
from tests.compile.unsigned import unsigned

Maker = Callable[[np.random.Generator], bytes]

_FILES = (cases, cases_choices, cases_elementwise, cases_floating, cases_integers, cases_layers, cases_structural, cases_sums)
_SIGNED: dict[str, Maker] = {name: make for file in _FILES for name, make in file.CASES.items()}

_NAMES = """
    conv_2d depthwise_conv_2d fully_connected transpose_conv add sub sub_fused mul div average_pool max_pool mean sum
    concatenation softmax log_softmax logistic tanh relu relu6 relu_n1_to_1 leaky_relu prelu hard_swish l2_normalization pad padv2
    mirror_pad resize_nearest resize_bilinear maximum minimum reduce_max reduce_min arg_max arg_min top_k select select_v2
    space_to_batch batch_to_space space_to_depth depth_to_space transpose slice strided_slice split split_v pack unpack gather
    gather_nd reverse broadcast_to quantize_edges
""".split()  # noqa: SIM905
"""Of the int8 cases: those whose operator has a uint8 kernel in the reference."""


def _made(name: str) -> Maker:
    return lambda rng: unsigned(_SIGNED[name](rng), rng)


def byte_zero(rng: np.random.Generator) -> int:
    """A zero point of uint8, often at the end of the range as after ReLU."""
    return int(rng.choice([0, 128, rng.integers(0, 256)]))


def mean_of_image(rng: np.random.Generator) -> bytes:
    """MEAN over height and width in 4 dimensions, with which TensorFlow 1 models pool: a kernel of its own in the reference."""
    b = ModelBuilder()
    height, width, channels = (int(n) for n in rng.integers(1, 9, 3))
    scale, zero, same = random_scale(rng), byte_zero(rng), rng.random() < 0.3
    x = b.tensor((int(rng.integers(1, 3)), height, width, channels), "uint8", scale=scale, zero_point=zero)
    keep = bool(rng.random() < 0.7)
    shape = (b.tensors[x].shape[0], *((1, 1) if keep else ()), channels)
    other = {"scale": scale * float(rng.uniform(0.2, 1.5)), "zero_point": byte_zero(rng)}
    y = b.tensor(shape, "uint8", **({"scale": scale, "zero_point": zero} if same else other))
    axes = [(1, 2), (2, 1), (-3, -2)][int(rng.integers(0, 3))]
    b.operator("MEAN", [x, b.constant(np.array(axes))], [y], "ReducerOptions", keepDims=keep)
    return b.finish([x], [y])


def concatenation_rescaled(rng: np.random.Generator) -> bytes:
    """CONCATENATION of operands with scales of their own, which only uint8 has."""
    b = ModelBuilder()
    shape = [int(n) for n in rng.integers(1, 7, int(rng.integers(1, 5)))]
    axis, scale, zero = int(rng.integers(0, len(shape))), random_scale(rng), byte_zero(rng)
    operands, inputs, total = [], [], 0
    for index in range(int(rng.integers(1, 5))):
        shape[axis] = int(rng.integers(1, 6))
        total += shape[axis]
        other = {"scale": scale * float(rng.uniform(0.1, 9)), "zero_point": byte_zero(rng)}
        kind = other if rng.random() < 0.7 else {"scale": scale, "zero_point": zero}
        if index and rng.random() < 0.2:
            operands.append(b.constant(rng.integers(0, 256, shape), "uint8", **kind))
        else:
            operands.append(b.tensor(shape, "uint8", **kind))
            inputs.append(operands[-1])
    shape[axis] = total
    y = b.tensor(shape, "uint8", scale=scale, zero_point=zero)
    b.operator("CONCATENATION", operands, [y], "ConcatenationOptions", axis=axis)
    return b.finish(inputs, [y])


def padded_pool(rng: np.random.Generator) -> bytes:
    """PAD before a pooling: a mean of uint8 rounds otherwise than the one that pads by itself."""
    b = ModelBuilder()
    size = [int(n) for n in rng.integers(1, 9, 2)]
    channels, kind = int(rng.integers(1, 9)), {"scale": random_scale(rng), "zero_point": byte_zero(rng)}
    margins = np.array([[0, 0], rng.integers(0, 3, 2), rng.integers(0, 3, 2), [0, 0]])
    large = [n + int(margins[axis + 1].sum()) for axis, n in enumerate(size)]
    window = [int(rng.integers(1, min(n, 4) + 1)) for n in large]
    x, padded = (b.tensor((1, *each, channels), "uint8", **kind) for each in (size, large))
    y = b.tensor((1, *(n - k + 1 for n, k in zip(large, window, strict=True)), channels), "uint8", **kind)
    b.operator("PAD", [x, b.constant(margins)], [padded], "PadOptions")
    pool = str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    sizes = {"filterHeight": window[0], "filterWidth": window[1], "strideH": 1, "strideW": 1}
    b.operator(pool, [padded], [y], "Pool2DOptions", padding="VALID", **sizes)
    return b.finish([x], [y])


def comparison(rng: np.random.Generator) -> bytes:
    """A comparison of tensors with scales of their own, or with a constant number."""
    b = ModelBuilder()
    shape = [int(n) for n in rng.integers(1, 6, int(rng.integers(1, 5)))]
    kinds = [{"scale": random_scale(rng), "zero_point": byte_zero(rng)} for _ in range(2)]
    x, out = b.tensor(shape, "uint8", **kinds[0]), b.tensor(shape, "bool")
    fixed = rng.random() < 0.3
    other = b.constant(rng.integers(0, 256, ()), "uint8", **kinds[1]) if fixed else b.tensor(shape, "uint8", **kinds[1])
    names = {"EQUAL": "Equal", "NOT_EQUAL": "NotEqual", "LESS": "Less", "LESS_EQUAL": "LessEqual"}
    names |= {"GREATER": "Greater", "GREATER_EQUAL": "GreaterEqual"}
    name = str(rng.choice(list(names)))
    b.operator(name, [x, other], [out], f"{names[name]}Options")
    return b.finish([x] if fixed else [x, other], [out])


CASES = {
    **{f"unsigned_{name}": _made(name) for name in _NAMES},
    "unsigned_mean_of_image": mean_of_image,
    "unsigned_concatenation_rescaled": concatenation_rescaled,
    "unsigned_padded_pool": padded_pool,
    "unsigned_comparison": comparison,
}
