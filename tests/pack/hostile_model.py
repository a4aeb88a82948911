"""Small models whose names are any text: inputs, constants, layers, outputs, signature, subgraph, metadata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.flatbuffer.build import G, O, T, build


def hostile_model(names: Sequence[str]) -> bytes:
    """Input 1x4 -> fully connected to 4 -> a sum with another constant for each name -> output 1x4; int8.

    The first name is also the input's and that of everything without an operator, the last one the output's.
    """
    rng = np.random.default_rng(11)
    first = names[0]
    tensors = [
        T(first, (1, 4), scales=[0.02], zero_points=[-3]),
        T(first, (4, 4), data=rng.integers(-127, 128, (4, 4)), scales=[0.01]),
        T(first, (4,), "INT32", data=rng.integers(-900, 900, 4), scales=[0.0002]),
        T(first, (1, 4), scales=[0.05], zero_points=[-128]),
    ]
    operators = [O("FULLY_CONNECTED", (0, 1, 2), (3,), "FullyConnectedOptions", {})]
    for name in names:
        taken = len(tensors) - 1
        tensors += [
            T(name, (1, 4), data=rng.integers(-127, 128, (1, 4)), scales=[0.05], zero_points=[0]),
            T(name, (1, 4), scales=[0.1], zero_points=[5]),
        ]
        operators.append(O("ADD", (taken, taken + 1), (taken + 2,), "AddOptions", {}))
    last = len(tensors) - 1
    graph = G(tensors, operators, (0,), (last,), name=first)
    return build(graph, signature=(first, {first: 0}, {first: last}, 0), metadata={first: b"x"})


def harmless_twin(names: Sequence[str]) -> bytes:
    """The same model, as many bytes long, with names that are letters only."""
    return hostile_model(["n" * len(name.encode()) for name in names])


def custom_model(name: str) -> bytes:
    """A model with a custom operator of that name, which nothing runs."""
    tensors = [T("in", (1, 4), scales=[0.02]), T("out", (1, 4), scales=[0.02])]
    return build(G(tensors, [O(f"CUSTOM:{name}", (0,), (1,), custom=b"x")], (0,), (1,)))
