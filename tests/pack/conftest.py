"""A small int8 model that the reference kernels run, for packs that need no shared files."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from edgepack.pack.deliveries import packages
from tests.flatbuffer.build import G, O, T, build

_MODULES = [import_module(f"{packages.__name__}.{found.name}") for found in pkgutil.iter_modules(packages.__path__)]
PACKAGES = {module.PACKAGE.name: module.PACKAGE for module in _MODULES if hasattr(module, "PACKAGE")}


def small_model(head_version: int = 2) -> bytes:
    """Input 1x6x6x2 -> convolution 3x3, 4 channels, RELU -> mean -> fully connected to 3 classes.

    `head_version` is the version of the last operator, by which runtimes know whether they are too old.
    """
    rng = np.random.default_rng(5)
    tensors = [
        T("serving_default_image:0", (1, 6, 6, 2), scales=[0.02], zero_points=[-3], signature=(-1, 6, 6, 2)),
        T("model/stem/Conv2D", (4, 3, 3, 2), data=rng.integers(-127, 128, (4, 3, 3, 2)), scales=[0.01] * 4),
        T("model/stem/BiasAdd", (4,), "INT32", data=rng.integers(-900, 900, 4), scales=[0.0002] * 4),
        T("model/stem/Relu", (1, 4, 4, 4), scales=[0.05], zero_points=[-128]),
        T("axes", (2,), "INT32", data=[1, 2]),
        T("model/mean/Mean", (1, 4), scales=[0.05], zero_points=[-128]),
        T("model/head/MatMul", (3, 4), data=rng.integers(-127, 128, (3, 4)), scales=[0.02]),
        T("model/head/BiasAdd", (3,), "INT32", data=[10, -20, 30], scales=[0.001]),
        T("StatefulPartitionedCall:0", (1, 3), scales=[0.1], zero_points=[5]),
    ]
    operators = [
        O("CONV_2D", (0, 1, 2), (3,), "Conv2DOptions", {"Padding": 1, "StrideW": 1, "StrideH": 1, "FusedActivationFunction": 1}),
        O("MEAN", (3, 4), (5,), "ReducerOptions", {"KeepDims": False}),
        O("FULLY_CONNECTED", (5, 6, 7), (8,), "FullyConnectedOptions", {}, version=head_version),
    ]
    signature = ("serving_default", {"image": 0}, {"head": 8}, 0)
    return build(G(tensors, operators, (0,), (8,)), signature=signature)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "small 'model'.tflite"
    file.write_bytes(small_model())
    return file
