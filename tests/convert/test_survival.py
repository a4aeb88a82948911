"""A zero lost in conversion is found, and its layer named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgepack.convert import Converted
from edgepack.convert.survival import check_kernels
from edgepack.flatbuffer import Model, read_model
from edgepack.ground.errors import ConvertError

from ..compress.conftest import Walk


def without_a_zero(model: Model, size: int) -> Model:
    """The file with one zero of its constant of `size` elements made a one."""
    graph = model.subgraphs[0]

    def spoilt(tensor: Any) -> Any:
        if tensor.data is None or tensor.data.size != size or tensor.dtype != "int8":
            return tensor
        values = tensor.data.copy()
        values.flat[np.flatnonzero(values == 0)[0]] = 1
        return replace(tensor, data=values)

    return replace(model, subgraphs=(replace(graph, tensors=tuple(map(spoilt, graph.tensors))),))


@pytest.mark.parametrize(("layer", "size"), [("pointwise", 192), ("head", 1440)])
def test_one_lost_zero_is_enough(layer: str, size: int, walk: Walk, converted: Converted) -> None:
    with pytest.raises(ConvertError, match=f"layer {layer}: of {size // 2} pruned weights only {size // 2 - 1}") as caught:
        check_kernels(walk.model("quantize"), without_a_zero(read_model(converted.file), size))
    assert caught.value.code == "EP-454"


def test_layers_of_equal_shape_are_not_mistaken_for_each_other(walk: Walk, converted: Converted) -> None:
    layers = check_kernels(walk.model("quantize"), read_model(converted.file))
    assert [layer.pruned for layer in layers] == [54, 54, 96, 720]
    assert all(layer.found and layer.pruned <= layer.zeros <= layer.weights for layer in layers)
