"""The codes of TFLM_DECODE, against TensorFlow Lite Micro's interpreter."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgepack.flatbuffer import Quantization, Tensor, read_model
from edgepack.flatbuffer.decode import OPERATOR, Coded, Layout, huffman, lut, plain_model, prune, smallest
from edgepack.flatbuffer.decode.read import read_coded
from edgepack.flatbuffer.rewrite.objects import pack, unpack
from edgepack.ground.errors import ModelError
from edgepack.runners.tflm import run_tflm
from tests.compile.builder import ModelBuilder

needs_micro = pytest.mark.skipif(importlib.util.find_spec("tflite_micro") is None, reason="tflite-micro is not installed")

Encoder = Callable[[np.ndarray, Layout], Coded | None]
ENCODERS: dict[str, Encoder] = {
    "lut": lut.encode,
    "prune": prune.encode,
    "huffman": lambda values, layout: huffman.encode(values),
}
Case = tuple[np.ndarray, Quantization | None]


def decoding(cases: list[tuple[Case, Coded]]) -> bytes:
    """A file whose outputs are the tensors that its operators decode."""
    builder = ModelBuilder()
    x, outputs = builder.tensor((1, 4), scale=1.0), []
    for (values, quantization), coded in cases:
        parts = [np.frombuffer(part, np.uint8) for part in (coded.encoded, coded.ancillary)]
        inputs = [builder.constant(part, "uint8") for part in parts]
        known = {} if quantization is None else {"scale": quantization.scales, "zero_point": quantization.zero_points}
        axis = quantization.axis if quantization is not None and quantization.per_channel else 0
        outputs.append(builder.tensor(values.shape, values.dtype.name, axis=axis, **known))
        builder.operator("CUSTOM", inputs, [outputs[-1]])
    model = unpack(builder.finish([x], outputs))
    model.operatorCodes[0].customCode = OPERATOR
    return pack(model)


def by_channel(shape: tuple[int, ...], axis: int, rng: np.random.Generator, zero_points: bool = False) -> Quantization:
    count = shape[axis]
    points = rng.integers(-9, 9, count) if zero_points else np.zeros(count, int)
    return Quantization(tuple(rng.uniform(0.1, 1, count).tolist()), tuple(points.tolist()), axis)


def few_values(
    rng: np.random.Generator, shape: tuple[int, ...], count: int, dtype: str = "int8", skew: float = 0.0
) -> np.ndarray:
    """A tensor of `count` distinct values, the first more frequent the larger `skew` is."""
    low, high = (0, 2) if dtype == "bool" else (-128, 128) if dtype == "int8" else (-30_000, 30_000)
    chosen = rng.choice(np.arange(low, high), min(count, high - low), replace=False)
    weights = 1.0 / (1 + np.arange(chosen.size)) ** skew
    return rng.choice(chosen, shape, p=weights / weights.sum()).astype(dtype)


def random_cases() -> list[Case]:
    rng = np.random.default_rng(11)
    cases: list[Case] = []
    for count in (1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 64, 65, 100, 127, 128):
        for skew in (0.0, 2.0):
            shape = tuple(int(size) for size in rng.integers(1, 12, 4))
            cases.append((few_values(rng, shape, count, skew=skew), None))
            cases.append((few_values(rng, shape, count, skew=skew), by_channel(shape, 0, rng)))
            cases.append((few_values(rng, shape, count, skew=skew), by_channel(shape, 3, rng)))
    # Tables by channel have other values, and lengths, for each channel.
    for axis in (0, 3):
        parts = [few_values(rng, (1, 5, 3, 1), 1 + channel, skew=1.0) for channel in range(9)]
        values = np.concatenate(parts, axis)
        cases.append((values, by_channel(values.shape, axis, rng)))
    for shape in ((1,), (7,), (128,), (1000,), (1, 1, 1, 1), (3, 1, 1, 1), (1, 1, 1, 3), (257, 33)):
        cases.append((few_values(rng, shape, 16, skew=1.0), None))
        cases.append((few_values(rng, shape, 4, skew=1.0), by_channel(shape, 0, rng)))
    return cases


def pruned_cases() -> list[Case]:
    rng = np.random.default_rng(12)
    cases: list[Case] = []
    for share in (0.0, 0.5, 0.9, 1.0):
        for axis in (0, 3, None):
            shape = (6, 3, 3, 10)
            quantization = Quantization((0.1,), (-5,), 0) if axis is None else by_channel(shape, axis, rng, zero_points=True)
            values = rng.integers(-128, 128, shape).astype(np.int8)
            points = np.array(quantization.zero_points, np.int8)
            points = points.reshape((-1, 1, 1, 1) if axis == 0 else (-1,))
            cases.append((np.where(rng.random(shape) < share, points, values), quantization))
    return cases


@needs_micro
@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("made", [random_cases, pruned_cases])
def test_the_interpreter_decodes_what_was_coded(name: str, made: Callable[[], list[Case]], tmp_path: Path) -> None:
    cases = []
    for values, quantization in made():
        layout = Layout.of(quantization, values.ndim)
        coded = None if layout is None else ENCODERS[name](values, layout)
        if coded is not None:
            cases.append(((values, quantization), coded))
    assert len(cases) > 8
    file = tmp_path / "decoding.tflite"
    file.write_bytes(decoding(cases))
    run = run_tflm(file, (np.zeros((1, 4), np.int8),), len(cases))
    for ((values, quantization), coded), output in zip(cases, run.outputs, strict=True):
        assert (output[0] == values).all(), (coded.how, values.shape, quantization)


@needs_micro
def test_every_type_that_a_code_takes_is_one_that_the_interpreter_decodes(tmp_path: Path) -> None:
    rng = np.random.default_rng(13)
    cases = []
    for dtype in ("int8", "int16", "int32", "int64", "float32", "bool"):
        for encode in ENCODERS.values():
            values = few_values(rng, (5, 31), 7, dtype)
            coded = encode(values, Layout())
            assert coded is not None or encode is ENCODERS["huffman"]
            if coded is not None:
                cases.append(((values, None), coded))
    special = np.array([0.0, -0.0, np.nan, np.inf, 1e-40, 0.0, 0.0], np.float32)
    cases += [((special, None), lut.encode(special, Layout())), ((special, None), prune.encode(special, Layout()))]
    file = tmp_path / "types.tflite"
    file.write_bytes(decoding(cases))
    run = run_tflm(file, (np.zeros((1, 4), np.int8),), len(cases))
    for ((values, _), coded), output in zip(cases, run.outputs, strict=True):
        assert output[0].tobytes() == values.tobytes(), (coded.how, values.dtype)


@needs_micro
def test_huffman_codes_are_decoded_whatever_the_tree(tmp_path: Path) -> None:
    """Fibonacci's counts give the longest codes; many values give more tables than entries of sixteen bits can point over."""
    rng = np.random.default_rng(14)
    counts = [1, 1]
    while len(counts) < 20:
        counts.append(counts[-1] + counts[-2])
    deep = rng.permutation(np.repeat(np.arange(20), counts))
    wide = rng.integers(-128, 128, 4000)
    many = rng.normal(0, 2000, 6000)
    arrays = [
        deep.astype(np.int8),
        wide.astype(np.int8),
        many.astype(np.int16),
        np.full(77, -3, np.int16),
        np.full(9, -3, np.int8),
    ]
    arrays += [array[: array.size - cut] for array in arrays[:2] for cut in range(1, 9)]
    cases = [((array, None), coded) for array in arrays if (coded := huffman.encode(array)) is not None]
    assert len(cases) == len(arrays)
    assert [coded.ancillary[5] & 1 for _, coded in cases[:5]] == [0, 0, 1, 1, 0]
    file = tmp_path / "trees.tflite"
    file.write_bytes(decoding(cases))
    run = run_tflm(file, (np.zeros((1, 4), np.int8),), len(cases))
    for ((values, _), _), output in zip(cases, run.outputs, strict=True):
        assert (output[0] == values).all()


def test_huffman_takes_no_more_than_a_bit_over_the_entropy_a_value_and_the_same_tensor_the_same_bytes() -> None:
    values = few_values(np.random.default_rng(15), (9000,), 40, skew=1.5)
    counts = np.unique(values, return_counts=True)[1]
    entropy = float(-(counts * np.log2(counts / counts.sum())).sum())
    coded = huffman.encode(values)
    assert coded is not None
    assert entropy <= 8 * len(coded.encoded) < entropy + values.size
    assert coded == huffman.encode(values.copy())


def test_one_table_serves_a_tensor_of_several_scales_without_a_step() -> None:
    values = few_values(np.random.default_rng(16), (64, 3, 3, 8), 16)
    coded = lut.encode(values, Layout(64, False, (0,) * 64))
    assert coded is not None
    assert coded.how == "LUT, 4 bits, one table"
    assert coded.ancillary[5:7] == bytes((15 << 4 | 4, 0))
    assert len(coded.encoded) == values.size // 2


def test_tables_by_channel_are_taken_where_each_channel_has_few_values_of_its_own() -> None:
    rng = np.random.default_rng(17)
    values = np.concatenate([few_values(rng, (1, 600), 2) for _ in range(40)])
    coded = lut.encode(values, Layout(40, False, (0,) * 40))
    assert coded is not None
    assert coded.how == "LUT, 1 bit, a table a channel"
    assert coded.ancillary[5:7] == bytes((0 << 4 | 1, 2))


def test_there_is_no_table_for_more_values_than_seven_bits_count() -> None:
    values = np.arange(-65, 64).astype(np.int8)
    assert lut.encode(values, Layout()) is None
    assert lut.encode(values[1:], Layout()) is not None


def tensor(values: np.ndarray, quantization: Quantization | None = None, dtype: str = "") -> Tensor:
    return Tensor(0, "w", values.shape, values.shape, dtype or values.dtype.name, values, quantization, False)


def test_the_smallest_code_is_chosen() -> None:
    rng = np.random.default_rng(18)
    flat, skewed = few_values(rng, (4096,), 16), few_values(rng, (4096,), 16, skew=2.0)
    sparse = np.where(rng.random(4096) < 0.9, 0, rng.integers(-128, 128, 4096)).astype(np.int8)
    found = [smallest(tensor(values)) for values in (flat, skewed, sparse)]
    assert [coded.how for coded in found if coded] == ["LUT, 4 bits, one table", "Huffman", "pruned"]


def test_what_no_code_can_hold_is_left_alone() -> None:
    nibbles = np.zeros((64, 64), np.int8)
    assert smallest(tensor(nibbles, dtype="int4")) is None
    assert smallest(replace(tensor(nibbles), sparse=True)) is None
    assert smallest(tensor(np.zeros((0, 4), np.int8))) is None
    assert smallest(tensor(np.zeros(64, np.float64))) is None
    inner = smallest(tensor(nibbles[None], Quantization((1.0,) * 64, (0,) * 64, 1)))
    assert inner is not None and inner.how == "Huffman"  # the others cannot have channels along an inner dimension


@pytest.mark.parametrize("name", ENCODERS)
def test_the_host_decodes_it_too(name: str) -> None:
    for values, quantization in random_cases() + pruned_cases():
        layout = Layout.of(quantization, values.ndim)
        assert layout is not None
        coded = ENCODERS[name](values, layout)
        if coded is not None:
            assert (read_coded(coded.encoded, coded.ancillary, tensor(values, quantization)) == values).all()


@pytest.mark.parametrize("name", ENCODERS)
def test_damaged_codes_are_an_error_or_other_values(name: str) -> None:
    rng = np.random.default_rng(19)
    values = few_values(rng, (8, 40), 12, skew=1.0)
    quantization = by_channel(values.shape, 0, rng)
    layout = Layout.of(quantization, 2)
    assert layout is not None
    coded = ENCODERS[name](values, layout)
    assert coded is not None
    refused = 0
    for _ in range(400):
        parts = [bytearray(coded.encoded), bytearray(coded.ancillary)]
        hit = parts[int(rng.integers(2))]
        if rng.random() < 0.3:
            del hit[int(rng.integers(len(hit))) :]
        else:
            hit[int(rng.integers(len(hit)))] = int(rng.integers(256))
        file = decoding([((values, quantization), Coded("", bytes(parts[0]), bytes(parts[1])))])
        try:
            assert plain_model(read_model(file)).subgraphs[0].tensors[3].shape == values.shape
        except ModelError as error:
            assert error.code == "EP-206"
            refused += 1
    assert refused > 20


def test_a_code_that_claims_a_huge_tensor_takes_no_time() -> None:
    endless = Coded("", bytes(4), bytes((1, 1, 0, 0, 1, 0, *[0] * 10, 5, 0x80, 5, 0x80)))  # a symbol of no bits
    file = decoding([((np.broadcast_to(np.int8(0), (1 << 25,)), None), endless)])
    assert (plain_model(read_model(file)).subgraphs[0].tensors[3].data == 5).all()
    short = Coded("", bytes(4), bytes((0, 1, 0, 0, 1, 0xF1, 0, *[0] * 9, 1, 2)))
    with pytest.raises(ModelError, match="lookup table"):
        plain_model(read_model(decoding([((np.broadcast_to(np.int8(0), (1 << 25,)), None), short)])))


def test_a_code_of_an_applications_own_stays() -> None:
    own = Coded("", bytes(8), bytes((200, 1, *[0] * 14)))
    model = read_model(decoding([((np.zeros((8,), np.int8), None), own)]))
    assert [operator.custom_code for operator in plain_model(model).subgraphs[0].operators] == [OPERATOR]
