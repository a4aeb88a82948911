"""Random networks: chains of layers with residuals, branches, fused activations and odd channel counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.compile.network_layers import ACTIVATIONS, SMALLEST_INPUT_SCALE, Network, Tensor
from tests.compile.unsigned import unsigned


def random_network(seed: int, activations: Sequence[str] = ACTIVATIONS) -> bytes:
    """A network of one to seven blocks as a .tflite; the same seed gives the same bytes."""
    n = Network(seed, activations)
    shape = (1, int(n.rng.integers(1, 17)), int(n.rng.integers(1, 17)), n.width() if n.chance(0.5) else int(n.rng.integers(1, 5)))
    scale = float(n.rng.uniform(0.005, 0.2)) if n.chance(0.9) else float(n.pick(SMALLEST_INPUT_SCALE, 1e-5, 2.0, 60.0))
    x = start = n.new(shape, scale)
    for _ in range(int(n.rng.integers(1, 8))):
        x = _block(n, x)
    outputs = n.head(x)
    return n.b.finish([start.index], list(dict.fromkeys(tensor.index for tensor in outputs)))


def random_uint8_network(seed: int) -> bytes:
    """Such a network as TensorFlow 1 would have it, of operators that have uint8 kernels."""
    return unsigned(random_network(seed, ACTIVATIONS[:-1]), np.random.default_rng(seed))


def _block(n: Network, x: Tensor) -> Tensor:
    kernel = tuple(min(int(k), size) for k, size in zip(n.rng.integers(1, 6, 2), x.shape[1:3], strict=True))
    square = tuple(min(3, size) for size in x.shape[1:3])
    stride = tuple(int(s) for s in n.rng.choice([1, 1, 2], 2))
    padding = str(n.pick("SAME", "SAME", "VALID"))
    if n.chance(0.3):
        return _further_block(n, x, kernel)
    kind = int(n.rng.integers(0, 11))
    if kind <= 1:
        return n.conv(x, n.width(), kernel, stride, padding)
    if kind <= 3:
        return n.conv(x, n.width(), (1, 1), (1, 1), padding)
    if kind == 4:
        return n.depthwise(x, square if n.chance(0.6) else kernel, stride, padding)
    if kind == 5:
        return n.conv(n.depthwise(x, square, stride, "SAME"), n.width(), (1, 1), (1, 1), "SAME")
    if kind == 6:
        y = n.conv(x, x.shape[3], square, (1, 1), "SAME")
        if n.chance(0.5):
            y = n.conv(y, x.shape[3], square, (1, 1), "SAME")
        return n.add(y, x) if n.chance(0.5) else n.add(x, y)
    if kind == 7:
        return n.pool(x)
    if kind == 8:
        padded = n.pad(x)
        inner = tuple(min(3, size) for size in padded.shape[1:3])
        return n.conv(padded, n.width(), inner, stride, "VALID") if n.chance(0.7) else n.depthwise(padded, inner, stride, "VALID")
    if kind == 9:
        return n.concatenation(x, n.conv(x, int(n.rng.integers(1, 20)), (1, 1), (1, 1), "SAME"))
    return n.mul(x, n.unary(x)) if n.chance(0.5) else n.unary(x)


def _further_block(n: Network, x: Tensor, kernel: tuple[int, ...]) -> Tensor:
    """Layers beyond the most usual ones."""
    kind = int(n.rng.integers(0, 9))
    if kind == 8 and x.scale < 1:
        return n.masked(x)
    if kind == 0:
        return n.activation(x)
    if kind == 1:
        return n.larger(x, n.activation(x))
    if kind == 2:
        return n.subtract(x, n.conv(x, x.shape[3], (1, 1), (1, 1), "SAME"))
    if kind == 3:
        return n.crop(x)
    if kind == 4 and x.shape[1] * x.shape[2] <= 256:
        return n.resize(x)
    if kind == 5 and x.shape[1] * x.shape[2] <= 100:
        return n.transpose_conv(x, n.width(), (kernel[0], kernel[1]))
    if kind == 6 and x.shape[3] % 2 == 0:
        return n.halves(x)
    return n.transpose(x)
