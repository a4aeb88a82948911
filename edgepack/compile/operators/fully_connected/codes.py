"""FULLY_CONNECTED computed from the codes of its weights: kernels/fully_connected/ep_fully_connected_codes.h.

Nothing is decoded into memory: the kernels take codes of a few bits out of words, where weights lie on a grid multiply with these
and scale the sum, and else look up the values of two codes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Data
from edgepack.compile.operators.fully_connected.generic import FullyConnected
from edgepack.compile.operators.kernel import ON_CODES, Kernel
from edgepack.compile.operators.shared.requantize import short_fields

MOST_BITS = 5  # of a code on a grid
PALETTE_BITS = (2, 3, 4)
TOGETHER = 4  # outputs


@dataclass(frozen=True, eq=False)
class Codes:
    """Weights as codes (the weights' shape) of so many bits: least + step * code on a grid, `values` [code] in a palette."""

    codes: Data
    bits: int
    least: int = 0
    step: int = 1
    values: Data | None = None

    @property
    def together(self) -> int:
        """Codes in half a word."""
        return 16 // self.bits


@lru_cache(maxsize=4)
def grid(dense: FullyConnected) -> Codes | None:
    """The weights on the coarsest grid that has them all; None if that takes more than `MOST_BITS` bits."""
    weights = dense.weights.astype(np.int64)
    least = int(weights.min())
    step = int(np.gcd.reduce(weights.reshape(-1) - least)) or 1
    codes = (weights - least) // step
    bits = max(int(codes.max()).bit_length(), 1)
    return Codes(codes, bits, least, step) if bits <= MOST_BITS else None


@lru_cache(maxsize=4)
def palette(dense: FullyConnected) -> Codes | None:
    """The weights as indices into their distinct values; None if these are too many."""
    values, codes = np.unique(dense.weights, return_inverse=True)
    bits = max(int(values.size - 1).bit_length(), min(PALETTE_BITS))
    if bits > max(PALETTE_BITS):
        return None
    padded = np.pad(values, (0, (1 << bits) - values.size)).astype(np.int8)
    return Codes(codes.reshape(dense.weights.shape).astype(np.int64), bits, values=padded)


def _applies(dense: FullyConnected, found: Codes | None, bits: int) -> bool:
    return dense.dtype == "int8" and not dense.shared and found is not None and found.bits == bits


def _rows(codes: Data, outputs: int, values: int) -> Data:
    """The codes, padded to a multiple of so many rows, and each to a multiple of so many values."""
    rows, inputs = codes.shape
    return np.pad(codes, ((0, -rows % outputs), (0, -inputs % values)))


def _pairs_of_inputs(found: Codes) -> Data:
    """Words [4 outputs][word][output]; halves of a word on a grid, or neighbours in a palette, are of two inputs."""
    fours = _rows(found.codes, TOGETHER, 4)  # inputs are widened in pairs (0, 2), (1, 3) of each four
    ordered = fours.reshape(fours.shape[0], -1, 4)[:, :, [0, 2, 1, 3]].reshape(fours.shape)
    rows = _rows(ordered, 1, 2 * found.together).reshape(fours.shape[0], -1, found.together, 2)
    places = found.bits * np.arange(found.together)[:, None]
    shifts = np.hstack([places, places + 16] if found.values is None else [2 * places, 2 * places + found.bits])
    words = (rows << shifts).sum(axis=(-1, -2))
    return np.ascontiguousarray(words.reshape(-1, TOGETHER, words.shape[1]).swapaxes(1, 2))


def _pairs_of_outputs(found: Codes) -> Data:
    """Words [2 outputs][word], whose halves are of two outputs."""
    rows = _rows(found.codes, 2, found.together)
    halves = (rows.reshape(rows.shape[0], -1, found.together) << found.bits * np.arange(found.together)).sum(axis=-1)
    return np.asarray(halves[0::2] | halves[1::2] << 16)


def _biases(dense: FullyConnected) -> tuple[int, dict[str, Field]]:
    """What to take off every input so that biases are small, and the biases with it folded in: in 16 bits if all of them fit."""
    bias = dense.requantization.bias.astype(np.int64)
    sums = dense.weights.astype(np.int64).sum(axis=1)
    offsets = np.arange(-128, 128)
    largest = np.abs(bias[:, None] + sums[:, None] * offsets).max(axis=0)
    offset = int(offsets[largest.argmin()])
    folded = bias + offset * sums
    if np.abs(folded).max() < 1 << 15:
        return offset, {"bias": None, "short_bias": Array(folded.astype(np.int16), "biases")}
    return 0, {"bias": Array(bias.astype(np.uint32).view(np.int32), "biases"), "short_bias": None}


def _call(dense: FullyConnected, found: Codes, words: Data, width: int, name: str, scratch: int) -> Call:
    offset, biases = _biases(dense)
    outputs, inputs = dense.weights.shape
    return Call(
        kernel=name,
        header=f"{name}.h",
        fields={
            "batches": dense.batches,
            "in_size": inputs,
            "out_size": outputs,
            "bits": found.bits,
            "together": found.together,
            "width": width,
            "row": words[0].size,
            "offset": offset,
            "least": found.least,
            "step": found.step,
            "values": None if found.values is None else Array(found.values, "values"),
            "codes": Array(words.astype(np.uint32).view(np.int32).reshape(-1), "codes of weights"),
            "per_channel": int(dense.requantization.multiplier.size > 1),
            **short_fields(dense.requantization),
            **biases,
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
        scratch=scratch,
        struct="ep_fully_connected_codes",
    )


def _call_dsp(dense: FullyConnected, found: Codes, name: str, table: int = 0) -> Call:
    words = _pairs_of_inputs(found)
    pairs = words.shape[1] * found.together
    return _call(dense, found, words, pairs, name, 4 * pairs + table)


def _short(dense: FullyConnected) -> bool:
    return dense.requantization.short


def _cost(dense: FullyConnected, widen: float, each: float, output: float) -> float:
    """Instructions, of so many for each input, multiply-accumulate and output."""
    outputs, inputs = dense.weights.shape
    fours = -(-outputs // TOGETHER) * TOGETHER
    return 100.0 + dense.batches * (widen * inputs + fours * (each * inputs + output))


def _cost_dsp(dense: FullyConnected, bits: int, product: int) -> float:
    """Instructions, measured on the Cortex-M4: 43 an output, 3 to widen a value.

    Two products take `product` and the multiplication; a word of codes 4 more, and two pairs of inputs one.
    """
    pairs = 16 // bits
    each = (4 + -(-pairs // 2) + 4 * (product + 1) * pairs) / (8 * pairs)
    return _cost(dense, 3.0, each, 43.0)


def _grid_dsp(bits: int) -> Kernel[FullyConnected]:
    name = f"ep_fully_connected_grid_{bits}_dsp"
    return Kernel(
        name,
        lambda dense: _call_dsp(dense, _found(grid(dense)), name),
        frozenset({"dsp", ON_CODES}),
        lambda dense: _short(dense) and _applies(dense, grid(dense), bits),
        lambda dense: _cost_dsp(dense, bits, 1),
    )


def _palette_dsp(bits: int) -> Kernel[FullyConnected]:
    name, entries = f"ep_fully_connected_palette_{bits}_dsp", 1 << 2 * bits
    return Kernel(
        name,
        lambda dense: _call_dsp(dense, _found(palette(dense)), name, 4 * entries),
        frozenset({"dsp", ON_CODES}),
        lambda dense: _short(dense) and _applies(dense, palette(dense), bits),
        lambda dense: _cost_dsp(dense, bits, 2) + 6.0 * entries,
    )


def _found(codes: Codes | None) -> Codes:
    assert codes is not None
    return codes


def _grid(dense: FullyConnected) -> Call:
    found = _found(grid(dense))
    words = _pairs_of_outputs(found)
    width = words.shape[1] * found.together
    return _call(dense, found, words, width, "ep_fully_connected_grid", 2 * width)


def _any_grid(dense: FullyConnected) -> bool:
    found = grid(dense)
    return _applies(dense, found, found.bits if found else 0)


def _cost_grid(dense: FullyConnected) -> float:
    """Instructions, measured on the Cortex-M0+, where several layers share the kernel."""
    return _cost(dense, 15.0, 7.4 + 0.53 * _found(grid(dense)).bits, 110.0)


def _cost_grid_thumb2(dense: FullyConnected) -> float:
    """Instructions, measured on the Cortex-M3, of one layer."""
    return _cost(dense, 6.0, 4.1 + 0.31 * _found(grid(dense)).bits, 30.0)


KERNELS = (
    *(_grid_dsp(bits) for bits in range(1, MOST_BITS + 1)),
    *(_palette_dsp(bits) for bits in PALETTE_BITS),
    Kernel("ep_fully_connected_grid", _grid, frozenset({ON_CODES}), _any_grid, _cost_grid),
    Kernel("ep_fully_connected_grid", _grid, frozenset({"thumb2", ON_CODES}), _any_grid, _cost_grid_thumb2),
)
