"""Each layer alone: the changes are those that are meant, and the figures those of a model changed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgepack.compress import compress
from edgepack.compress.keras.kernels import kernels
from edgepack.compress.sensitivity import BITS, SPARSITIES, at_bits, at_sparsity, sensitivity
from edgepack.compress.stored import open_compressed
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric
from edgepack.sources import Split
from tests.compress.conftest import Walk
from tests.compress.small import digits


@pytest.fixture(scope="module")
def trained(walk: Walk, accuracy: Metric):
    return compress(walk.compressed.source, digits(), walk.steps[:1], accuracy, walk.cache, SilentProgress())


def test_kernels_at_few_bits_have_few_values_a_channel(trained) -> None:
    for kernel in kernels(open_compressed(trained)):
        for bits in BITS:
            coarse = at_bits(kernel, bits)
            channels = coarse.reshape(-1, coarse.shape[-1] if kernel.name == "kernel" else coarse.shape[-2])
            assert max(len(np.unique(channel)) for channel in channels.T) <= 2**bits - 1
            step = np.abs(kernel.values).max() / (2 ** (bits - 1) - 1)
            assert np.abs(coarse - kernel.values).max() <= step / 2 * 1.001
        for share in SPARSITIES:
            pruned = at_sparsity(kernel, share)
            assert (pruned == 0).sum() == round(pruned.size * share)
            kept = pruned != 0
            assert np.abs(kernel.values[~kept]).max() <= np.abs(kernel.values[kept]).min()


def test_drops_are_those_of_a_model_changed_by_hand(trained, walk: Walk, accuracy: Metric) -> None:
    scan = sensitivity(trained, digits(), accuracy, 100, walk.cache, SilentProgress())
    assert [layer.layer for layer in scan.layers] == ["stem", "depthwise", "pointwise", "head"]
    every = -(-200 // 100)
    x, y = digits().validation.inputs[0][::every], digits().validation.labels[::every]
    assert scan.examples == len(x)
    model = open_compressed(trained)
    right = float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())
    assert scan.metric == pytest.approx(right)
    head = model.get_layer("head")
    weights, bias = head.get_weights()
    count = round(weights.size * 0.9)
    weights.reshape(-1)[np.argsort(np.abs(weights), axis=None, kind="stable")[:count]] = 0
    head.set_weights([weights, bias])
    changed = float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())
    assert dict(scan.layers[-1].sparsities)[0.9] == pytest.approx(right - changed)
    assert all(layer.noise[0] < layer.noise[2] for layer in scan.layers)  # 8 bits hurt less than 2


def test_without_validation_examples_it_says_so(trained, walk: Walk, accuracy: Metric) -> None:
    none = replace(digits(), validation=Split((digits().test.inputs[0][:0],), digits().test.labels[:0]))
    with pytest.raises(DataError) as caught:
        sensitivity(trained, none, accuracy, 100, walk.cache, SilentProgress())
    assert caught.value.code == "EP-312"
