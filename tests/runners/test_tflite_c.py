"""The runner without Python: compiled for this machine, with a library from a wheel, against the Python runner."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.devices.local import LocalDevice
from edgepack.engines.tflite_c import provide_tflite_c
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.progress import SilentProgress
from edgepack.mcu.toolchain.compilers import zig_present
from edgepack.measure import bench
from edgepack.measure.compare import compare
from edgepack.project import Target, load_target
from edgepack.releases.deploy import deploy
from edgepack.remote.layout import layout
from edgepack.runners import RUNNER, RunnerFailure, parse_result
from edgepack.runners.tflite_c import build_runner
from tests.flatbuffer.build import conv_model
from tests.standins.packs import conv_pack

pytestmark = pytest.mark.skipif(not zig_present(), reason="zig is not installed (pip install ziglang)")


@pytest.fixture(scope="module")
def program() -> Path:
    if platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc":
        pytest.skip("the library's wheel is tried on x86-64 with glibc")
    return build_runner("x86_64", SilentProgress())


@pytest.fixture(scope="module")
def argv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The runner and its library, as a deployment brings them."""
    if platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc":
        pytest.skip("the library's wheel is tried on x86-64 with glibc")
    root = tmp_path_factory.mktemp("root")
    target = _target(root)
    device = LocalDevice()
    try:
        runner = provide_tflite_c(device, layout(device, "x", str(root)), target, SilentProgress())
    except DeviceError as error:
        if error.code in ("EP-525", "EP-516"):
            pytest.skip(f"the library cannot be had here: {error}")
        raise
    yield runner.argv


def _target(root: Path, engine: str = "tflite-c") -> Target:
    return load_target("host", None, [f"device.root={root}", f"device.engine={engine}", "device.runs=20", "device.warmup=2"])


def _run(argv: tuple[str, ...], *words: object, stdin: bytes = b"") -> dict[str, Any]:
    return parse_result(subprocess.run([*argv, *map(str, words)], input=stdin, capture_output=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "same"), [("tflite-c-builtin", "tflite"), ("tflite-c", "litert")])
def test_it_gives_the_outputs_of_the_python_runner(
    argv: tuple[str, ...], shared_models: Path, tmp_path: Path, engine: str, same: str
) -> None:
    """The same kernels in both: without XNNPACK tflite-runtime's, with it LiteRT's, whose version may round a value otherwise."""
    model = shared_models / "pretrainedResnet_quant.tflite"
    np.random.default_rng(3).integers(-128, 128, (24, 32, 32, 3)).astype(np.int8).tofile(tmp_path / "in.bin")
    words = ("infer", "--model", model, "--first", 4, "--count", 18, "--input", tmp_path / "in.bin", "--output")
    assert _run(argv, *words, tmp_path / "c.bin", "--engine", engine)["count"] == 18
    _run((sys.executable, str(RUNNER)), *words, tmp_path / "py.bin", "--engine", same)
    ours, theirs = (np.fromfile(tmp_path / name, np.int8).reshape(18, 10) for name in ("c.bin", "py.bin"))
    assert np.array_equal(ours, theirs) if same == "tflite" else np.mean(ours == theirs) > 0.9


@pytest.mark.slow
def test_golden_vectors_and_timing_have_the_python_runners_fields(argv: tuple[str, ...], tmp_path: Path) -> None:
    pack = conv_pack(tmp_path / "pack")
    words = ("golden", "--model", pack.model, "--folder", pack.folder / "golden")
    python = (sys.executable, str(RUNNER))
    both = [_run(argv, *words, "--engine", "tflite-c-builtin"), _run(python, *words, "--engine", "tflite")]
    named = [{key: value for key, value in one.items() if not key.startswith("engine")} for one in both]
    assert named[0] == named[1] and named[0]["count"] == pack.golden.count
    words = ("bench", "--model", pack.model, "--runs", 25, "--warmup", 3, "--warmup-seconds", 1, "--power", "off")
    ours, theirs = _run(argv, *words), _run(python, *words)
    assert set(theirs) <= set(ours) and len(ours["samples"]) == ours["runs"] == 25
    for state in ("before", "steady", "after"):
        assert set(ours[state]) == set(theirs[state])
    assert set(ours["during"][0]) == set(theirs["during"][0])
    ordered = sorted(ours["samples"])
    assert (ours["p50"], ours["p95"], ours["min"], ours["max"]) == (ordered[12], ordered[23], ordered[0], ordered[-1])
    assert 1e6 < ours["peak_memory"] < theirs["peak_memory"], "no Python in it"


@pytest.mark.slow
def test_it_is_deployed_measured_and_compared_like_any_engine(argv: tuple[str, ...], tmp_path: Path) -> None:
    pack = conv_pack(tmp_path / "pack")
    target = _target(tmp_path / "root", "tflite-c")
    deployment = deploy(pack, LocalDevice(), target, SilentProgress())
    assert deployment.engine == "tflite-c" and deployment.golden.inputs == pack.golden.count
    assert "libtensorflowlite_c.so" in deployment.runner.runtime
    compared = compare((pack.model, pack.model), ("tflite-c", "tflite-c-builtin"), LocalDevice(), target, SilentProgress(), 1.0)
    assert compared.groups >= 8 and compared.second.engine.startswith("tflite-c-builtin 2.")


@pytest.mark.slow
def test_the_library_tells_the_time_of_each_operator(argv: tuple[str, ...], shared_models: Path, tmp_path: Path) -> None:
    model = shared_models / "kws_ref_model.tflite"
    operators = [operator.name for operator in read_model(model).subgraphs[0].operators]
    found = _run(argv, "layers", "--model", model, "--engine", "tflite-c-builtin", "--runs", 30, "--warmup-seconds", 2)
    assert [(row["number"], row["name"]) for row in found["layers"]] == list(enumerate(operators))
    assert sum(row["min"] for row in found["layers"]) <= found["min"] <= found["p50"] and 0.8 < found["covered"] < 1
    parts = _run(argv, "layers", "--model", model, "--engine", "tflite-c", "--runs", 30, "--warmup-seconds", 2)["layers"]
    assert {row["name"] for row in parts if row["number"] >= 0} == {"AVERAGE_POOL_2D", "SOFTMAX"}
    assert sum(row["name"].startswith("Convolution") for row in parts) == sum("CONV" in name for name in operators) == 9

    measured = bench(model, LocalDevice(), _target(tmp_path / "root", "tflite-c-builtin"), SilentProgress(), per_layer=True)
    assert measured.layers is not None and [row.kind for row in measured.layers.rows] == operators
    assert [row.layer for row in measured.layers.rows[:3]] == ["conv2d", "depthwise_conv2d", "conv2d_1"]
    assert sum(row.share for row in measured.layers.rows) == pytest.approx(1) and "library tells" in measured.layers.how


@pytest.mark.slow
def test_a_device_without_python_gets_it_by_itself(argv: tuple[str, ...], tmp_path: Path) -> None:
    settings = [f"device.root={tmp_path / 'root'}", f"device.python={tmp_path / 'no-python'}"]
    deployment = deploy(conv_pack(tmp_path / "pack"), LocalDevice(), load_target("host", None, settings), SilentProgress())
    assert deployment.engine == "tflite-c"


def test_what_is_wrong_is_told_as_the_python_runner_tells_it(program: Path, tmp_path: Path) -> None:
    for words, kind in (
        (("probe",), "runtime"),
        (("--library", tmp_path / "absent.so", "probe"), "runtime"),
        (("--library", "libc.so.6", "probe"), "runtime"),
        (("--library", "libc.so.6", "bench", "--runs", "x"), "data"),
        (("--library", "libc.so.6", "bench", "--frobnicate", "x"), "data"),
    ):
        with pytest.raises(RunnerFailure) as caught:
            _run((str(program),), *words)
        assert caught.value.kind == kind, words


@pytest.mark.slow
def test_broken_models_and_files_end_in_an_error(argv: tuple[str, ...], tmp_path: Path) -> None:
    model, broken = tmp_path / "conv.tflite", tmp_path / "broken.tflite"
    model.write_bytes(conv_model())
    broken.write_bytes(conv_model()[:200])
    (tmp_path / "odd.bin").write_bytes(bytes(129))
    for words, kind in (
        (("bench", "--model", broken), "model"),
        (("serve", "--model", broken), "model"),
        (("golden", "--model", model, "--folder", tmp_path), "system"),
        (("infer", "--model", model, "--input", tmp_path / "odd.bin", "--output", tmp_path / "out"), "data"),
        (("infer", "--model", model), "data"),
    ):
        with pytest.raises(RunnerFailure) as caught:
            _run(argv, *words)
        assert caught.value.kind == kind, words


def test_android_takes_the_ndk_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ANDROID_NDK", raising=False)
    with pytest.raises(ToolError) as caught:
        build_runner("aarch64", SilentProgress(), android=True)
    assert caught.value.code == "EP-601" and "ANDROID_NDK is not set" in str(caught.value)
    compiler = tmp_path / "ndk/toolchains/llvm/prebuilt/linux-x86_64/bin/aarch64-linux-android24-clang"
    compiler.parent.mkdir(parents=True)
    compiler.write_text('#!/bin/sh\nfor last; do [ "$before" = -o ] && echo made >"$last"; before=$last; done\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("ANDROID_NDK", str(tmp_path / "ndk"))
    assert build_runner("aarch64", SilentProgress(), android=True).read_text() == "made\n"


def test_a_machine_that_is_not_known_is_named() -> None:
    with pytest.raises(DeviceError) as caught:
        build_runner("mips", SilentProgress())
    assert caught.value.code == "EP-526" and "mips" in str(caught.value)
