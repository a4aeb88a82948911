"""Fully connected layers whose weights take few values, and a way to have them computed from codes, worth it or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgepack.compile import lowering
from edgepack.compile.graph import Graph, Node
from edgepack.compile.operators.choice import Choice, choices
from edgepack.compile.operators.kernel import ON_CODES
from edgepack.cores import Cpu
from tests.compile.builder import ModelBuilder


def dense(
    values: Sequence[int],
    inputs: int,
    outputs: int,
    seed: int = 0,
    per_channel: bool = False,
    batches: int = 1,
    zero_point: int | None = None,
    bias: int = 1000,
    out_scale: float = 0.0,
) -> bytes:
    """One layer with weights drawn from `values`, each of them at least once if there are weights enough."""
    rng = np.random.default_rng(seed)
    weights = rng.choice(np.asarray(values), (outputs, inputs)).astype(np.int8)
    weights.reshape(-1)[: len(values)] = values[: weights.size]
    zero = int(rng.integers(-128, 128)) if zero_point is None else zero_point
    scale = 0.2 / max(int(np.abs(weights.astype(int)).max()), 1)
    scales = [float(each) for each in scale * rng.uniform(0.5, 1.5, outputs)] if per_channel else [scale]
    builder = ModelBuilder()
    x = builder.tensor((batches, inputs), scale=0.05, zero_point=zero)
    spread = 0.05 * scale * float(np.abs(weights.astype(int)).mean() + 0.1) * np.sqrt(inputs)
    y = builder.tensor((batches, outputs), scale=out_scale or spread, zero_point=int(rng.integers(-128, 128)))
    zeros = [0] * len(scales) if per_channel else 0
    w = builder.tensor((outputs, inputs), scale=scales if per_channel else scale, zero_point=zeros, data=weights)
    numbers = rng.integers(-bias, bias + 1, outputs).astype(np.int32)
    of_bias = [0.05 * each for each in scales]
    b = builder.tensor((outputs,), "int32", scale=of_bias if per_channel else of_bias[0], zero_point=zeros, data=numbers)
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    return builder.finish([x], [y])


def only_from_codes(monkeypatch: pytest.MonkeyPatch, name: str = "") -> None:
    """Layers are computed from codes where a kernel can, by one with `name` in its name if there is."""

    def forced(node: Node, graph: Graph, cpu: Cpu) -> tuple[Choice, ...]:
        every = choices(node, graph, replace(cpu, features=cpu.features | {ON_CODES}))
        return tuple(each for each in every if ON_CODES in each.kernel.needs and name in each.kernel.name) or choices(
            node, graph, cpu
        )

    monkeypatch.setattr(lowering, "choices", forced)
