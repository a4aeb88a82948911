"""The random networks contain what random data seldom does; else the differential runs would say nothing about it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from edgepack.flatbuffer import read_model
from tests.compile.harness import inputs_for
from tests.compile.network_layers import LARGEST_BIAS, SMALLEST_FILTER_SCALE
from tests.compile.networks import random_network
from tests.compile.reference import run_reference

FILTER_AXIS = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "DEPTHWISE_CONV_2D": 3}


def extremes(model: bytes) -> set[str]:
    """What of the unusual a network has."""
    found = set()
    main = read_model(model).subgraphs[0]
    for operator in main.operators:
        if operator.name not in FILTER_AXIS:
            continue
        filters, bias = (main.tensors[index] for index in operator.inputs[1:3])
        assert filters.data is not None and bias.data is not None
        rows = np.moveaxis(filters.data, FILTER_AXIS[operator.name], 0).reshape(bias.data.size, -1)
        assert filters.quantization is not None
        scales, biases = np.asarray(filters.quantization.scales), np.abs(bias.data.astype(np.int64))
        checks = {
            "weights of -128": rows.min() == -128,
            "weights of -128 only": rows.max() == -128,
            "filters of zeros": not rows.any(axis=1).all(),
            "biases near 2^30": biases.max() > 0.9 * LARGEST_BIAS,
            "biases of -1 to 1": biases.max() <= 1,
            "smallest filter scale": np.isclose(scales.min(), SMALLEST_FILTER_SCALE),
            "large filter scale": scales.max() > 0.3,
        }
        found |= {what for what, there in checks.items() if there}
    quantization = main.tensors[main.inputs[0]].quantization
    assert quantization is not None
    scale = quantization.scales[0]
    return found | ({"small input scale"} if scale < 1e-4 else set()) | ({"large input scale"} if scale > 1 else set())


def test_every_extreme_is_in_several_of_three_hundred_networks() -> None:
    counts = Counter(what for seed in range(300) for what in extremes(random_network(seed)))
    assert len(counts) == 9 and min(counts.values()) >= 3, counts


def test_most_networks_give_more_than_a_few_values() -> None:
    """Outputs that are all at a clamp would equal the reference's whatever the layers before computed."""
    varied = 0
    for seed in range(60):
        model = random_network(seed)
        outputs = run_reference(model, inputs_for(read_model(model), 3, seed))
        varied += len(np.unique(np.concatenate([array.ravel() for arrays in outputs for array in arrays]))) > 8
    assert varied > 36


def test_a_seed_gives_the_same_network() -> None:
    assert random_network(7) == random_network(7) != random_network(8)
