"""What random networks (networks.py) are built of: layers with the shapes, scales and values that they may have.

Most are what training gives. Some layers have what converters emit at the ends: filters of zeros, biases of up to 2^30, the
smallest scales; and weights of -128, which converters leave out but a file may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.compile.builder import TYPES, ModelBuilder
from tests.compile.cases import FUSED, filter_scales, output_scale

SMALLEST_RANGE = 1e-6
"""The least width of a range that TensorFlow Lite's converter gives a tensor (kNearZeroTolerance in quantization_utils.cc)."""

SMALLEST_FILTER_SCALE = SMALLEST_RANGE / 2 / 127
"""What it gives a filter of zeros."""

SMALLEST_INPUT_SCALE = 1e-7
"""Far below, the reference refuses a fused ReLU6: 6 is more than 2^31 steps."""

LARGEST_FILTER_SCALE = 4.0
LONGEST_SOFTMAX = 100
"""Of more values than 256 no share need reach half a step: all outputs would be the same."""

LARGEST_BIAS = 1 << 30
"""Where it makes a filter's scale larger instead (AdjustWeightsForBiasScale)."""

SMALLEST_HARD_SWISH = 1e-6
"""The compiler refuses HARD_SWISH of input scales below 2e-7, with which the reference shifts by more than 15 bits."""

ACTIVATIONS = ("HARD_SWISH", "LEAKY_RELU", "PRELU", "GELU")

WIDTHS = (1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 24, 31, 32, 33, 48, 64, 67)


@dataclass(frozen=True)
class Tensor:
    """A tensor of the network being built."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero: int


class Network:
    """A network under construction; each method adds layers and returns what they compute."""

    def __init__(self, seed: int, activations: Sequence[str]) -> None:
        self.rng = np.random.default_rng(seed)
        self.b = ModelBuilder()
        self.activations = activations

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, *choices: object) -> object:
        return choices[int(self.rng.integers(len(choices)))]

    def width(self) -> int:
        return int(self.rng.choice(WIDTHS)) if self.chance(0.6) else int(self.rng.integers(1, 68))

    def new(self, shape: tuple[int, ...], scale: float, zero: int | None = None) -> Tensor:
        if zero is None:
            zero = int(self.rng.choice([-128, -128, 0, int(self.rng.integers(-128, 128))]))
        scale = float(np.float32(scale))
        return Tensor(self.b.tensor(shape, scale=scale, zero_point=zero), shape, scale, zero)

    def conv(self, x: Tensor, channels: int, kernel: tuple[int, int], stride: tuple[int, int], padding: str) -> Tensor:
        weights = self._weights((channels, *kernel, x.shape[3]))
        scales = self._scales(weights, x, self.chance(0.8))
        w = self.b.constant(weights, "int8", scale=scales)
        bias = self._bias(channels, scales, x, weights[0].size)
        out = self._extents(x, kernel, stride, padding)
        y = self.new((1, *out, channels), output_scale(self.rng, x.scale, scales, weights[0].size))
        self.b.operator(
            "CONV_2D",
            [x.index, w, bias],
            [y.index],
            "Conv2DOptions",
            version=3,
            padding=padding,
            strideH=stride[0],
            strideW=stride[1],
            fusedActivationFunction=str(self.rng.choice(FUSED)),
        )
        return y

    def depthwise(self, x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: str) -> Tensor:
        channels = x.shape[3]
        weights = self._weights((1, *kernel, channels), axis=3)
        scales = self._scales(weights, x, self.chance(0.8), axis=3)
        w = self.b.constant(weights, "int8", scale=scales, axis=3)
        bias = self._bias(channels, scales, x, kernel[0] * kernel[1])
        out = self._extents(x, kernel, stride, padding)
        y = self.new((1, *out, channels), output_scale(self.rng, x.scale, scales, kernel[0] * kernel[1]))
        self.b.operator(
            "DEPTHWISE_CONV_2D",
            [x.index, w, bias],
            [y.index],
            "DepthwiseConv2DOptions",
            version=3,
            padding=padding,
            strideH=stride[0],
            strideW=stride[1],
            depthMultiplier=1,
            fusedActivationFunction=str(self.rng.choice(FUSED)),
        )
        return y

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        y = self.new(a.shape, max(a.scale, b.scale) * float(self.rng.uniform(0.6, 2)))
        activation = str(self.rng.choice(FUSED))
        self.b.operator("ADD", [a.index, b.index], [y.index], "AddOptions", version=2, fusedActivationFunction=activation)
        return y

    def mul(self, a: Tensor, b: Tensor) -> Tensor:
        y = self.new(a.shape, max(a.scale * b.scale * float(self.rng.uniform(20, 120)), SMALLEST_INPUT_SCALE))
        self.b.operator("MUL", [a.index, b.index], [y.index], "MulOptions", version=2)
        return y

    def pool(self, x: Tensor) -> Tensor:
        kernel = tuple(min(int(k), n) for k, n in zip(self.rng.integers(1, 5, 2), x.shape[1:3], strict=True))
        stride = tuple(int(s) for s in self.rng.integers(1, 3, 2))
        padding = str(self.pick("SAME", "VALID"))
        y = self.new((1, *self._extents(x, kernel, stride, padding), x.shape[3]), x.scale, x.zero)
        self.b.operator(
            str(self.pick("AVERAGE_POOL_2D", "MAX_POOL_2D")),
            [x.index],
            [y.index],
            "Pool2DOptions",
            version=2,
            padding=padding,
            strideH=stride[0],
            strideW=stride[1],
            filterHeight=kernel[0],
            filterWidth=kernel[1],
        )
        return y

    def pad(self, x: Tensor) -> Tensor:
        paddings = np.array([[0, 0], self.rng.integers(0, 3, 2), self.rng.integers(0, 3, 2), [0, 0]])
        y = self.new(tuple(int(n) for n in np.array(x.shape) + paddings.sum(axis=1)), x.scale, x.zero)
        self.b.operator("PAD", [x.index, self.b.constant(paddings)], [y.index], "PadOptions", version=2)
        return y

    def unary(self, x: Tensor) -> Tensor:
        if self.chance(0.3):
            y = self.new(x.shape, 1 / 256, -128)
            self.b.operator("LOGISTIC", [x.index], [y.index], version=2)
        else:
            y = self.new(x.shape, x.scale * float(self.rng.uniform(0.5, 1.5)))
            self.b.operator(str(self.pick("RELU", "RELU6")), [x.index], [y.index], version=2)
        return y

    def concatenation(self, a: Tensor, b: Tensor) -> Tensor:
        """Join two tensors on channels; the second is first rescaled to the first's quantization."""
        rescaled = self.new(b.shape, a.scale, a.zero)
        self.b.operator("QUANTIZE", [b.index], [rescaled.index], "QuantizeOptions", version=2)
        y = self.new((*a.shape[:3], a.shape[3] + b.shape[3]), a.scale, a.zero)
        self.b.operator("CONCATENATION", [a.index, rescaled.index], [y.index], "ConcatenationOptions", version=2, axis=3)
        return y

    def activation(self, x: Tensor) -> Tensor:
        """Hard swish, GELU, leaky ReLU or a ReLU with a slope for each channel."""
        y = self.new(x.shape, x.scale * float(self.rng.uniform(0.5, 1.5)))
        name = str(self.pick(*self.activations))
        if name == "HARD_SWISH" and x.scale < SMALLEST_HARD_SWISH:
            name = "LEAKY_RELU"
        if name == "LEAKY_RELU":
            self.b.operator(name, [x.index], [y.index], "LeakyReluOptions", version=2, alpha=float(self.pick(0.1, 0.3)))
        elif name == "PRELU":
            slopes = self.b.constant(self.rng.integers(-128, 128, (1, 1, x.shape[3])), "int8", scale=0.005)
            self.b.operator(name, [x.index, slopes], [y.index])
        elif name == "GELU":
            self.b.operator(name, [x.index], [y.index], "GeluOptions", approximate=self.chance(0.5))
        else:
            self.b.operator(name, [x.index], [y.index])
        return y

    def masked(self, x: Tensor) -> Tensor:
        """The elements above one of them, by a comparison whose result becomes a number and a factor; the others are zero."""
        limit = self.b.constant(np.array(int(self.rng.integers(-128, 128))), "int8", scale=x.scale, zero_point=x.zero)
        above, number = self.b.tensor(x.shape, "bool"), self.b.tensor(x.shape, "float32")
        factor = self.new(x.shape, 1 / 255, -128)
        self.b.operator("GREATER", [x.index, limit], [above], "GreaterOptions", version=2)
        kinds = {"inDataType": TYPES["bool"], "outDataType": TYPES["float32"]}
        self.b.operator("CAST", [above], [number], "CastOptions", **kinds)
        self.b.operator("QUANTIZE", [number], [factor.index], "QuantizeOptions")
        y = self.new(x.shape, x.scale * float(self.rng.uniform(1, 1.5)))
        self.b.operator("MUL", [x.index, factor.index], [y.index], "MulOptions", version=2)
        return y

    def larger(self, a: Tensor, b: Tensor) -> Tensor:
        """The larger or smaller of two tensors; the second is first rescaled to the first's quantization."""
        rescaled = self.new(b.shape, a.scale, a.zero)
        self.b.operator("QUANTIZE", [b.index], [rescaled.index], "QuantizeOptions", version=2)
        y = self.new(a.shape, a.scale, a.zero)
        name = str(self.pick("MAXIMUM", "MINIMUM"))
        self.b.operator(name, [a.index, rescaled.index], [y.index], "MaximumMinimumOptions", version=2)
        return y

    def subtract(self, a: Tensor, b: Tensor) -> Tensor:
        y = self.new(a.shape, max(a.scale, b.scale) * float(self.rng.uniform(0.6, 2)))
        activation = str(self.rng.choice(FUSED))
        self.b.operator("SUB", [a.index, b.index], [y.index], "SubOptions", version=2, fusedActivationFunction=activation)
        return y

    def crop(self, x: Tensor) -> Tensor:
        """A strided slice of height, width and channels, reversed at times."""
        begins, ends, strides, shape = [0], [x.shape[0]], [1], [x.shape[0]]
        for extent in x.shape[1:]:
            first = int(self.rng.integers(0, min(3, extent)))
            stride = int(self.pick(1, 1, 1, 2, -1))
            begins.append(extent - 1 - first if stride < 0 else first)
            ends.append(-extent - 1 if stride < 0 else extent)
            strides.append(stride)
            shape.append(len(range(first, extent, abs(stride))))
        y = self.new(tuple(shape), x.scale, x.zero)
        positions = [self.b.constant(np.array(each)) for each in (begins, ends, strides)]
        self.b.operator("STRIDED_SLICE", [x.index, *positions], [y.index], "StridedSliceOptions", version=2)
        return y

    def resize(self, x: Tensor) -> Tensor:
        """Nearest or bilinear, to about half up to twice the size."""
        height, width = (max(1, int(n * self.rng.choice([0.5, 1.5, 2, 2]))) for n in x.shape[1:3])
        y = self.new((1, height, width, x.shape[3]), x.scale, x.zero)
        size = self.b.constant(np.array([height, width]))
        name, options = (
            ("RESIZE_BILINEAR", "ResizeBilinearOptions")
            if self.chance(0.5)
            else ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")
        )
        self.b.operator(name, [x.index, size], [y.index], options, version=3, halfPixelCenters=self.chance(0.5))
        return y

    def transpose_conv(self, x: Tensor, channels: int, kernel: tuple[int, int]) -> Tensor:
        weights = self._weights((channels, *kernel, x.shape[3]))
        scales = self._scales(weights, x, self.chance(0.8))
        out = tuple(2 * n for n in x.shape[1:3])
        y = self.new((1, *out, channels), output_scale(self.rng, x.scale, scales, weights[0].size))
        inputs = [self.b.constant(np.array(y.shape)), self.b.constant(weights, "int8", scale=scales), x.index]
        if self.chance(0.7):
            inputs.append(self._bias(channels, scales, x, weights[0].size))
        options = {"padding": "SAME", "strideH": 2, "strideW": 2}
        self.b.operator("TRANSPOSE_CONV", inputs, [y.index], "TransposeConvOptions", version=3, **options)
        return y

    def transpose(self, x: Tensor) -> Tensor:
        """Height and width exchanged."""
        y = self.new((1, x.shape[2], x.shape[1], x.shape[3]), x.scale, x.zero)
        self.b.operator("TRANSPOSE", [x.index, self.b.constant(np.array([0, 2, 1, 3]))], [y.index], "TransposeOptions", version=2)
        return y

    def halves(self, x: Tensor) -> Tensor:
        """Channels split in two that are added."""
        half = (*x.shape[:3], x.shape[3] // 2)
        parts = [self.new(half, x.scale, x.zero) for _ in range(2)]
        axis = self.b.constant(np.array(3))
        self.b.operator("SPLIT", [axis, x.index], [part.index for part in parts], "SplitOptions", version=2, numSplits=2)
        return self.add(*parts)

    def head(self, x: Tensor) -> list[Tensor]:
        """Pool or flatten, then dense layers and a softmax, at times; the outputs of the network."""
        outputs = [x] if self.chance(0.15) else []
        if self.chance(0.4):
            pooled = self.new((1, x.shape[3]), x.scale * float(self.rng.uniform(0.5, 1)))
            axes = self.b.constant(np.array([1, 2]))
            self.b.operator("MEAN", [x.index, axes], [pooled.index], "ReducerOptions", version=2, keepDims=False)
            x = pooled
        size = int(np.prod(x.shape))
        flat = self.new((1, size), x.scale, x.zero)
        self.b.operator("RESHAPE", [x.index, self.b.constant(np.array([1, size]))], [flat.index], "ReshapeOptions")
        x = flat
        for _ in range(int(self.rng.integers(0, 3))):
            channels = self.width()
            weights = self._weights((channels, x.shape[1]))
            scales = self._scales(weights, x, False)
            w = self.b.constant(weights, "int8", scale=scales)
            bias = self._bias(channels, scales, x, x.shape[1])
            y = self.new((1, channels), output_scale(self.rng, x.scale, scales, x.shape[1]))
            activation = str(self.rng.choice(FUSED))
            self.b.operator(
                "FULLY_CONNECTED",
                [x.index, w, bias],
                [y.index],
                "FullyConnectedOptions",
                version=4,
                fusedActivationFunction=activation,
            )
            x = y
        if x.shape[1] <= LONGEST_SOFTMAX and self.chance(0.5):
            outputs += [x] if self.chance(0.5) else []
            y = self.new(x.shape, 1 / 256, -128)
            self.b.operator("SOFTMAX", [x.index], [y.index], "SoftmaxOptions", version=2, beta=1.0)
            x = y
        return [*outputs, x]

    def _weights(self, shape: tuple[int, ...], axis: int = 0) -> np.ndarray:
        """Weights with their filters along `axis`: dense or sparse, at times with the smallest int8 and with filters of zeros."""
        weights = self.rng.integers(-127, 128, shape)
        if self.chance(0.15):
            weights *= self.rng.random(shape) < 0.3
        if self.chance(0.1):
            weights[self.rng.random(shape) < self.pick(0.02, 0.3, 1)] = -128
        if self.chance(0.1):
            np.moveaxis(weights, axis, 0)[self.rng.random(shape[axis]) < 0.3] = 0
        return weights

    def _scales(self, weights: np.ndarray, x: Tensor, per_channel: bool, axis: int = 0) -> np.ndarray:
        """One scale, or one for each filter: at times the smallest for filters of zeros, and some far from the others.

        Most layers get scales with which activations stay between 0.01 and 0.1 a step, as training leaves them. Otherwise each
        layer's are larger than those before, until ReLU6, logistic and softmax give one value only.
        """
        channels = weights.shape[axis]
        scales = filter_scales(self.rng, channels, per_channel)
        if self.chance(0.85):
            step = float(np.exp(self.rng.uniform(np.log(0.01), np.log(0.1))))
            usual = x.scale * float(scales.mean()) * 73 * 73 * np.sqrt(weights.size / channels) / 128
            scales *= np.float32(min(step / usual, LARGEST_FILTER_SCALE / float(scales.max())))
        if self.chance(0.1):
            scales[self.rng.random(scales.size) < 0.2] *= np.float32(self.pick(1e-4, 0.01, 30))
        if per_channel and self.chance(0.5):
            zero = ~np.moveaxis(weights, axis, 0).reshape(channels, -1).any(axis=1)
            scales[zero] = SMALLEST_FILTER_SCALE
        return scales

    def _bias(self, channels: int, scales: np.ndarray, x: Tensor, macs: int) -> int:
        limit = int(2000 * np.sqrt(macs))
        bias = self.rng.integers(-limit, limit, channels)
        if self.chance(0.1):
            bias = self.rng.integers(-1, 2, channels)
        if self.chance(0.1):
            huge = self.rng.integers(-LARGEST_BIAS, LARGEST_BIAS, channels, endpoint=True)
            bias = np.where(self.rng.random(channels) < 0.3, huge, bias)
        return self.b.constant(bias, "int32", scale=scales * np.float32(x.scale))

    def _extents(self, x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], padding: str) -> tuple[int, ...]:
        if padding == "SAME":
            return tuple(-(-n // s) for n, s in zip(x.shape[1:3], stride, strict=True))
        return tuple((n - k) // s + 1 for n, k, s in zip(x.shape[1:3], kernel, stride, strict=True))
