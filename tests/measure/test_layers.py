"""Times of single layers: of the generated C on this machine, of benchmark_model's table, and where no engine tells them."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.mcu.toolchain.compilers import zig_present
from edgepack.measure import bench
from edgepack.measure.op_profile import parse_op_profile
from edgepack.project import Target, load_target
from tests.measure.test_benchmark_model import FORM_2023
from tests.standins.packs import conv_pack

# Shortened from the tool's documentation of 2018, and from published logs: of 2020, and with the operators of XNNPACK.
FORM_2018 = """\
============================== Run Order ==============================
\t             [node type]\t  [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    0.000\t    4.269\t    4.269\t  0.107%\t  0.107%\t     0.000\t        0\t[MobilenetV1/Conv2d_0/Relu6]
\t       DEPTHWISE_CONV_2D\t    4.270\t    2.150\t    2.150\t  0.054%\t  0.161%\t     0.000\t        0\t[MobilenetV1/Conv2d_1/Relu6]

============================== Top by Computation Time ==============================
\t             [node type]\t  [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    0.000\t    4.269\t    4.269\t  0.107%\t  0.107%\t     0.000\t        0\t[MobilenetV1/Conv2d_0/Relu6]
"""  # noqa: E501

FORM_2020 = """\
Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t         AllocateTensors\t            0.000\t    1.356\t    1.356\t100.000%\t100.000%\t     0.000\t        1\tAllocateTensors/0

Timings (microseconds): count=1 curr=1356
Memory (bytes): count=0
1 nodes observed

Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t            0.066\t   87.754\t   60.957\t  2.066%\t  2.066%\t     0.000\t        1\t[Conv2d_0/Relu6]:0
\t     TfLiteNnapiDelegate\t           61.033\t   53.628\t   49.870\t  1.691%\t  3.757%\t     0.000\t        1\t[a/Relu, b/Relu]:71

Timings (microseconds): count=50 first=99 curr=99 min=99 max=99 avg=99 std=0
"""  # noqa: E501

WITHOUT_START = """\
INFO: Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
                      [node type]     [first]    [avg ms]        [%]      [cdf%]      [mem KB]    [times called]  [Name]
                         QUANTIZE       0.199       0.203     1.328%      1.328%         0.000                1       [tfl.quantize]:0
   Convolution (NHWC, QC8) DWConv       0.428       0.051     4.317%      8.304%         0.000               13       Delegate/Convolution (NHWC, QC8) DWConv:1
                    Copy (NC, X8)       0.007   1.5e-05       0.037%     84.179%         0.000                1       Delegate/Copy (NC, X8):112

============================== Top by Computation Time ==============================
"""  # noqa: E501


def test_the_table_with_a_start_column() -> None:
    first, second = parse_op_profile(FORM_2018)
    assert (first.kind, first.seconds, first.index, first.output) == ("CONV_2D", 0.004269, None, "MobilenetV1/Conv2d_0/Relu6")
    assert (second.kind, second.seconds) == ("DEPTHWISE_CONV_2D", 0.00215)


def test_the_regular_runs_and_not_the_initialisation() -> None:
    first, second = parse_op_profile(FORM_2020)
    assert (first.kind, first.seconds, first.index, first.output) == ("CONV_2D", 0.060957, 0, "Conv2d_0/Relu6")
    assert (second.kind, second.index, second.output) == ("TfLiteNnapiDelegate", 71, "a/Relu")


def test_the_table_without_a_start_column_and_a_delegates_operators() -> None:
    """[avg ms] is of one call: 13 calls of 0.051 ms are 4.317 % of an inference of 15.4 ms, as the first row has it, too."""
    quantize, depthwise, copy = parse_op_profile(WITHOUT_START)
    assert (quantize.index, quantize.output, quantize.seconds) == (0, "tfl.quantize", 0.000203)
    assert (depthwise.kind, depthwise.index, depthwise.output) == ("Convolution (NHWC, QC8) DWConv", None, "")
    assert depthwise.seconds / 0.04317 == pytest.approx(quantize.seconds / 0.01328, rel=0.01)
    assert copy.seconds == pytest.approx(1.5e-8)


@pytest.mark.parametrize("number", ["1.2.3", "1e400", "..."])
def test_a_row_of_what_is_no_time_ends_the_table(number: str) -> None:
    rows = f"=== Run Order ===\n[node type] [avg ms] [times called] [Name]\nADD 0.5 1 [a]:0\nADD {number} 1 [b]:1\n"
    assert [node.index for node in parse_op_profile(rows)] == [0]


@pytest.mark.parametrize("text", ["", "=== Run Order ===\n", "=== Run Order ===\n[node type] [Name]\nADD x\n", FORM_2023])
def test_output_without_a_table(text: str) -> None:
    assert parse_op_profile(text) == ()


def _target(root: Path, *overrides: str) -> Target:
    return load_target("host", None, [f"device.root={root}", "device.runs=20", "device.warmup=2", *overrides])


def _tool(tmp_path: Path, profile: str) -> Path:
    """A stand-in for benchmark_model that prints the profile when it is asked for."""
    file = tmp_path / "benchmark_model"
    asked = f"case \"$*\" in *--enable_op_profiling=true*) cat <<'END'\n{profile}\nEND\nesac"
    file.write_text(f"#!/bin/sh\ncat <<'END'\n{FORM_2023}\nEND\n{asked}\n")
    return file


def test_benchmark_models_table_becomes_layers_with_keras_names(tmp_path: Path) -> None:
    pack = conv_pack(tmp_path / "pack")
    profile = FORM_2020.replace("[Conv2d_0/Relu6]:0", "[made/up/name]:0")
    target = _target(tmp_path / "root", f"device.benchmark_model={_tool(tmp_path, profile)}", "device.engine=litert")
    measured = bench(pack.model, LocalDevice(), target, SilentProgress(), per_layer=True)
    assert measured.layers is not None
    conv, delegate = measured.layers.rows
    assert (conv.kind, conv.operator, conv.layer) == ("CONV_2D", 0, "stem"), "the model's own name of that operator"
    assert (delegate.kind, delegate.operator, delegate.layer) == ("TfLiteNnapiDelegate", None, "a")
    assert (conv.share, measured.layers.total) == pytest.approx((60.957 / 110.827, 0.110827))
    assert measured.layers.inference == pytest.approx(0.0637432), "not the profile's own sum"
    assert "--enable_op_profiling=true" in measured.layers.how


def test_a_tool_without_a_table_is_told(tmp_path: Path) -> None:
    pack = conv_pack(tmp_path / "pack")
    target = _target(tmp_path / "root", f"device.benchmark_model={_tool(tmp_path, 'nothing')}", "device.engine=litert")
    with pytest.raises(DeviceError) as caught:
        bench(pack.model, LocalDevice(), target, SilentProgress(), per_layer=True)
    assert caught.value.code == "EP-549" and "no times of operators" in str(caught.value)


def test_an_engine_that_tells_no_layers_is_named(tmp_path: Path) -> None:
    pack = conv_pack(tmp_path / "pack")
    target = _target(tmp_path / "root", "device.engine=litert")
    measured = bench(pack.model, LocalDevice(), target, SilentProgress(), per_layer=True)
    assert measured.layers is None and any("no per-layer times: engine litert" in text for text in measured.warnings)
    without = bench(pack.model, LocalDevice(), target, SilentProgress())
    assert not any("per-layer" in text for text in without.warnings)


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64" or not zig_present(), reason="a program for this machine: x86-64, zig")
def test_the_generated_c_is_timed_layer_by_layer(shared_models: Path, tmp_path: Path) -> None:
    model = shared_models / "kws_ref_model.tflite"
    target = _target(tmp_path / "root", "device.engine=c")
    measured = bench(model, LocalDevice(), target, SilentProgress(), per_layer=True)
    times = measured.layers
    assert times is not None and times.method == "hardware" and "read its clock between the operators" in times.how
    assert [row.operator for row in times.rows] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12], "10 is a RESHAPE that moves nothing"
    assert [row.layer for row in times.rows[:2]] == ["conv2d", "depthwise_conv2d"]
    assert sum(row.share for row in times.rows) == pytest.approx(1) and times.total == sum(row.seconds for row in times.rows)
    assert 0.9 < times.covered < 1
    assert times.undisturbed == sorted(measured.latency_samples)[9]
    (program,) = (tmp_path / "root" / ".runners").iterdir()
    assert (program / "run").is_file(), "the program that is timed stays, the one with the clock goes"
