"""Google's benchmark_model: its output in the three forms it has had, its flags, and a stand-in for it on this machine.

The samples are of published logs: Foundries.io's and NXP's guides (2018, 2020), a Texas Instruments evaluation (2021) and
Variscite's and Toradex' (2023 on), shortened.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edgepack.devices.device import DeviceFacts
from edgepack.devices.local import LocalDevice
from edgepack.engines.types import Runner
from edgepack.ground.errors import DeviceError, ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.measure.benchmark_model import chosen_cpus, parse_benchmark_model, tool_arguments
from edgepack.measure.latency import run_benchmark
from edgepack.measure.op_profile import parse_op_profile
from edgepack.project import Target, load_target

FORM_2018 = """\
STARTING!
Num runs: [50]
Loaded model mobilenet_v1_1.0_224_quant.tflite
Initialized session in 4.452ms
Running benchmark for 1 iterations
count=1 curr=146161

Running benchmark for 50 iterations
count=50 first=137789 curr=137254 min=137079 max=143416 avg=137722 std=896

Average inference timings in us: Warmup: 146161, Init: 4452, no stats: 137722
"""

FORM_2020 = """\
Initialized session in 17.187ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=1 curr=3512391

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=2990275 curr=2913402 min=2727568 max=3189954 avg=2.95034e+06 std=109798

Inference timings in us: Init: 17187, First inference: 3512391, Warmup (avg): 3.51239e+06, Inference (avg): 2.95034e+06
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual memory footprint.
Memory footprint delta from the start of the tool (MB): init=4.21094 overall=46.0859
"""

FORM_2023 = """\
VERBOSE: Replacing 2168 out of 2168 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 1 partitions for subgraph 0.
INFO: Initialized session in 119.515ms.
INFO: count=9 first=87112 curr=51629 min=51629 max=87112 avg=58147.4 std=11478 p5=51629 median=51962 p95=87112

INFO: count=1000 first=52162 curr=49785 min=49088 max=686105 avg=63743.2 std=60716 p5=49620 median=51891 p95=68628

INFO: Inference timings in us: Init: 119515, First inference: 87112, Warmup (avg): 58147.4, Inference (avg): 63743.2
INFO: Memory footprint delta from the start of the tool (MB): init=55.4961 overall=55.4961
"""


def test_the_output_of_2018() -> None:
    found = parse_benchmark_model(FORM_2018)
    assert found is not None
    assert (found.runs, found.mean, found.minimum, found.maximum) == pytest.approx((50, 0.137722, 0.137079, 0.143416))
    assert found.load == pytest.approx(0.004452) and found.first is found.median is found.memory is None


def test_the_output_of_2020() -> None:
    found = parse_benchmark_model(FORM_2020)
    assert found is not None
    assert (found.runs, found.mean, found.first, found.load) == pytest.approx((50, 2.95034, 3.512391, 0.017187))
    assert found.memory == pytest.approx(46.0859e6) and found.median is None


def test_the_output_of_2023() -> None:
    found = parse_benchmark_model(FORM_2023)
    assert found is not None
    assert (found.runs, found.median, found.p95, found.first) == pytest.approx((1000, 0.051891, 0.068628, 0.087112))
    assert found.nodes == (2168, 2168)


@pytest.mark.parametrize("text", ["", "error: no such model", "count=1 curr=146161\nAborted"])
def test_output_without_a_result(text: str) -> None:
    assert parse_benchmark_model(text) is None


def _target(tmp_path: Path, *overrides: str) -> Target:
    return load_target("host", None, [f"device.root={tmp_path / 'root'}", *overrides])


def test_the_flags_say_what_the_target_says(tmp_path: Path) -> None:
    target = _target(tmp_path, "device.threads=4", "device.runs=33", "device.warmup=0", "device.delegate=gpu")
    flags = tool_arguments(target, "/a b.tflite")
    assert flags[0] == "--graph=/a b.tflite"
    assert {"--num_threads=4", "--num_runs=33", "--warmup_runs=1", "--use_xnnpack=false", "--use_gpu=true"} < set(flags)


def test_processors_by_number_and_by_speed(tmp_path: Path) -> None:
    facts = DeviceFacts(core_clocks=(1.8e9, 1.8e9, 2.4e9, 2.4e9))
    assert chosen_cpus(_target(tmp_path), facts) == ()
    assert chosen_cpus(_target(tmp_path, "device.cpus=fastest"), facts) == (2, 3)
    assert chosen_cpus(_target(tmp_path, "device.cpus=0,3"), facts) == (0, 3)
    with pytest.raises(DeviceError) as caught:
        chosen_cpus(_target(tmp_path, "device.cpus=fastest"), DeviceFacts())
    assert caught.value.code == "EP-548"
    with pytest.raises(ProjectError):
        _target(tmp_path, "device.cpus=big")


RUNNER = Runner(argv=("false",), engine="c", engine_version="1", threads=1, runtime="", timeout=30.0)


def _tool(tmp_path: Path, text: str, status: int = 0) -> Path:
    file = tmp_path / "benchmark_model"
    file.write_text(f"#!/bin/sh\necho \"$@\" >{tmp_path}/flags\ngrep Cpus_allowed: /proc/self/status >>{tmp_path}/flags\n"
                    f"cat <<'END' >&2\n{text}\nEND\nexit {status}\n")  # fmt: skip
    return file


def test_its_figures_become_measurements(tmp_path: Path) -> None:
    target = _target(tmp_path, f"device.benchmark_model={_tool(tmp_path, FORM_2023)}", "device.cpus=0")
    found = run_benchmark(LocalDevice(), RUNNER, "/m.tflite", target, 2, SilentProgress())
    figures = {one.quantity: one for one in found.measurements}
    assert figures["latency_p50"].value == pytest.approx(0.051891) and figures["latency_p95"].value == pytest.approx(0.068628)
    assert figures["latency_p99"].value is None and "does not print" in figures["latency_p99"].detail
    assert figures["latency_p50"].conditions["delegated_nodes"] == "2168 of 2168"
    flags = (tmp_path / "flags").read_text().splitlines()
    assert "--graph=/m.tflite" in flags[0] and int(flags[1].split()[-1].replace(",", ""), 16) == 1, "on processor 0 alone"


def test_a_tool_that_fails_is_named(tmp_path: Path) -> None:
    target = _target(tmp_path, f"device.benchmark_model={_tool(tmp_path, 'ERROR: Failed to apply GPU delegate', 1)}")
    with pytest.raises(DeviceError) as caught:
        run_benchmark(LocalDevice(), RUNNER, "/m.tflite", target, 2, SilentProgress())
    assert caught.value.code == "EP-549" and "GPU delegate" in str(caught.value)
    with pytest.raises(ProjectError) as missing:
        target = _target(tmp_path, f"device.benchmark_model={tmp_path}/none")
        run_benchmark(LocalDevice(), RUNNER, "/m.tflite", target, 2, SilentProgress())
    assert missing.value.code == "EP-172"


@pytest.mark.parametrize("number", ["1.2.3", "1e999", "...", "9" * 5000 + "e400"])
def test_numbers_that_are_none_are_no_result(number: str) -> None:
    text = f"count=50 first=1 curr=1 min=1 max=1 avg={number} std=1\nAverage inference timings in us: Init: 4452, no stats: 1"
    assert parse_benchmark_model(text) is None
    assert parse_benchmark_model(text.replace(number, "137722")) is not None


@pytest.mark.parametrize(
    "piece",
    ["timings in us: ", "Memory footprint delta", "count=1", "count=1 curr=1", "=", " ", "\n", "Inference (avg)", "init="],
)
def test_output_made_to_be_slow_to_read_is_read_soon(piece: str) -> None:
    text = piece * ((4 << 20) // len(piece))
    start = time.process_time()
    assert parse_benchmark_model(text) is None
    assert parse_op_profile(f"== Run Order ==\n[node type] [avg ms] [times called] [Name]\n{text}") == ()
    assert parse_op_profile(f"== Run Order ==\n[node type] [avg ms] [times called] [Name]\na{text[:4090]}") == ()
    assert time.process_time() - start < 10


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_a_tool_that_floods_is_told(stream: str, tmp_path: Path) -> None:
    """Beyond what any command may print it is stopped; below that, beyond what the tool's tables take, it is not read."""
    for size, code, words in (("10G", "EP-533", "and was stopped"), ("15M", "EP-549", "benchmark_model printed 15 MiB")):
        tool = tmp_path / "benchmark_model"
        tool.write_text(f"#!/bin/sh\nyes 'and so on' | head -c {size} {stream}\n")
        target = _target(tmp_path, f"device.benchmark_model={tool}")
        with pytest.raises(DeviceError, match=words) as caught:
            run_benchmark(LocalDevice(), RUNNER, "/m.tflite", target, 2, SilentProgress())
        assert caught.value.code == code
