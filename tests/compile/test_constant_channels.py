"""Channels that no input can change are removed, and not one bit of the outputs with them."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.cases import filter_scales, output_scale
from tests.compile.harness import Case, assert_exact


class DeadNetwork:
    """A network whose layers have channels stuck at either end of their range: at the zero point (dead) or far from it."""

    def __init__(self, seed: int) -> None:
        self.b, self.rng = ModelBuilder(), np.random.default_rng(seed)

    def new(self, shape: tuple[int, ...], scale: float, zero: int = -128) -> tuple[int, tuple[int, ...], float]:
        scale = float(np.float32(scale))
        return self.b.tensor(shape, scale=scale, zero_point=zero), shape, scale

    def layer(
        self, x: tuple[int, tuple[int, ...], float], operator: str, channels: int, kernel: int, stride: int, padding: str
    ) -> tuple[int, tuple[int, ...], float]:
        index, shape, in_scale = x
        depthwise = operator == "DEPTHWISE_CONV_2D"
        channels = shape[3] if depthwise else channels
        scales = filter_scales(self.rng, channels, True)
        weights = self.rng.integers(
            -127, 128, (1, kernel, kernel, channels) if depthwise else (channels, kernel, kernel, shape[3])
        )
        macs = kernel * kernel * (1 if depthwise else shape[3])
        scale = output_scale(self.rng, in_scale, scales, macs)
        bias = self.rng.integers(-3000, 3000, channels)
        stuck = self.rng.random(channels) < 0.4
        ends = np.where(self.rng.random(channels) < 0.7, -1, 1) * (1 << 24)
        bias = np.where(stuck, ends, bias)
        w = self.b.constant(weights, "int8", scale=scales, axis=3 if depthwise else 0)
        c = self.b.constant(bias, "int32", scale=scales * np.float32(in_scale))
        size = [-(-n // stride) if padding == "SAME" else (n - kernel) // stride + 1 for n in shape[1:3]]
        y = self.new((1, *size, channels), scale, int(self.rng.choice([-128, -128, -100, 5])))
        fields = {"depthMultiplier": 1} if depthwise else {}
        self.b.operator(
            operator,
            [index, w, c],
            [y[0]],
            "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
            version=3,
            padding=padding,
            strideH=stride,
            strideW=stride,
            fusedActivationFunction=str(self.rng.choice(["NONE", "RELU", "RELU6"])),
            **fields,
        )
        return y

    def padding(self, kernel: int, shape: tuple[int, ...]) -> str:
        return str(self.rng.choice(["SAME", "VALID"])) if min(shape[1:3]) >= kernel else "SAME"


def network(seed: int) -> bytes:
    n = DeadNetwork(seed)
    start = x = n.new((1, 9, 8, int(n.rng.integers(1, 6))), 0.05, 3)
    for _ in range(int(n.rng.integers(2, 6))):
        kind, width = int(n.rng.integers(0, 7)), int(n.rng.choice([4, 8, 9, 16, 20, 33]))
        kernel = int(n.rng.choice([1, 1, 3]))
        if kind == 0:
            x = n.layer(x, "DEPTHWISE_CONV_2D", 0, 3, int(n.rng.integers(1, 3)), n.padding(3, x[1]))
        elif kind == 1:  # a residual
            y = n.layer(x, "CONV_2D", x[1][3], 3, 1, "SAME")
            z = n.new(x[1], max(x[2], y[2]) * 1.4, -20)
            n.b.operator("ADD", [x[0], y[0]], [z[0]], "AddOptions", version=2)
            x = z
        elif kind == 2 and min(x[1][1:3]) >= 2:
            name, zero = str(n.rng.choice(["MAX_POOL_2D", "AVERAGE_POOL_2D"])), n.b.tensors[x[0]].quantization.zeroPoint[0]
            y = n.new((1, x[1][1] // 2, x[1][2] // 2, x[1][3]), x[2], int(zero))
            pool = {"padding": "VALID", "strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
            n.b.operator(name, [x[0]], [y[0]], "Pool2DOptions", version=2, **pool)
            x = y
        elif kind == 3:
            y = n.new(x[1], x[2] * 1.2, 7)
            n.b.operator("RELU", [x[0]], [y[0]], version=2)
            x = y
        else:
            x = n.layer(x, "CONV_2D", width, kernel, int(n.rng.integers(1, 3)), n.padding(kernel, x[1]))
    shape = x[1]
    if n.rng.random() < 0.5:
        size = int(np.prod(shape))
        flat = n.new((1, size), x[2], int(n.b.tensors[x[0]].quantization.zeroPoint[0]))
        n.b.operator("RESHAPE", [x[0], n.b.constant(np.array([1, size]))], [flat[0]], "ReshapeOptions")
    else:
        size = shape[3]
        flat = n.new((1, size), x[2] * 0.9, 4)
        n.b.operator("MEAN", [x[0], n.b.constant(np.array([1, 2]))], [flat[0]], "ReducerOptions", version=2)
    w = n.b.constant(n.rng.integers(-127, 128, (10, size)), "int8", scale=0.01)
    bias = n.b.constant(n.rng.integers(-900, 900, 10), "int32", scale=np.float32(0.01) * np.float32(flat[2]))
    y = n.new((1, 10), 0.01 * flat[2] * 73 * 60 * np.sqrt(size) / 128, -4)
    n.b.operator("FULLY_CONNECTED", [flat[0], w, bias], [y[0]], "FullyConnectedOptions", version=4)
    return n.b.finish([start[0]], [y[0]])


def channels(model: bytes, cpu: str = "generic") -> tuple[int, int]:
    """Channels computed by the layers, as the file has them and as compiled."""
    read = read_model(model)
    main = read.subgraphs[0]
    graph = compile_model(read, "m", cpu).graph
    names = {"CONV_2D", "DEPTHWISE_CONV_2D"}
    return (
        sum(main.tensors[o.outputs[0]].shape[-1] for o in main.operators if o.name in names),
        sum(graph.values[node.outputs[0]].shape[-1] for node in graph.nodes if node.op in names),
    )


@pytest.mark.parametrize("first", range(0, 120, 40))
def test_networks_with_dead_and_stuck_channels_keep_their_bits(first: int) -> None:
    models = [network(seed) for seed in range(first, first + 40)]
    counts = np.array([channels(model) for model in models])
    assert (counts[:, 1] < counts[:, 0]).sum() > 20, "most of these networks lose channels"
    assert_exact([Case(f"seed {first + i}", model) for i, model in enumerate(models)])


def chain(second_padding: str, stuck_at: int) -> bytes:
    """Two 3x3 convolutions; half of the first one's channels are stuck at the low (-1) or high (1) end."""
    b, rng = ModelBuilder(), np.random.default_rng(1)
    x = b.tensor((1, 6, 6, 3), scale=0.05, zero_point=3)
    hidden = b.tensor((1, 6, 6, 8), scale=0.5, zero_point=-128)
    size = 6 if second_padding == "SAME" else 4
    y = b.tensor((1, size, size, 4), scale=2.0)
    first = b.constant(rng.integers(-127, 128, (8, 3, 3, 3)), "int8", scale=0.01)
    bias = b.constant(np.where(np.arange(8) % 2, stuck_at << 24, 100), "int32", scale=0.0005)
    second = b.constant(rng.integers(-127, 128, (4, 3, 3, 8)), "int8", scale=0.01)
    other = b.constant(rng.integers(-900, 900, 4), "int32", scale=0.005)
    options = {"strideH": 1, "strideW": 1, "version": 3}
    b.operator("CONV_2D", [x, first, bias], [hidden], "Conv2DOptions", padding="SAME", **options)
    b.operator("CONV_2D", [hidden, second, other], [y], "Conv2DOptions", padding=second_padding, **options)
    return b.finish([x], [y])


def test_a_channel_at_the_zero_point_goes_even_where_the_next_layer_pads() -> None:
    assert channels(chain("SAME", -1)) == (12, 8)


def test_a_channel_elsewhere_goes_only_where_nothing_is_padded() -> None:
    assert channels(chain("VALID", 1)) == (12, 8)
    assert channels(chain("SAME", 1)) == (12, 12)


def test_all_four_keep_their_bits() -> None:
    assert_exact([Case(f"{padding} {end}", chain(padding, end)) for padding in ("SAME", "VALID") for end in (-1, 1)])
