"""The program that runs on devices, called as a device calls it: a process, files, and JSON between markers."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.runners import RUNNER, RUNNER_FILES, RunnerFailure, parse_result, run_model, run_reference
from edgepack.runners.on_device import run as program
from tests.flatbuffer.build import conv_model

timing: Any = program.part("run_bench")
conditions: Any = program.part("run_conditions")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "conv.tflite"
    path.write_bytes(conv_model())
    return path


def _run(*arguments: object) -> dict[str, Any]:
    completed = subprocess.run([sys.executable, str(RUNNER), *map(str, arguments)], capture_output=True)
    return parse_result(completed.stdout)


def _inputs(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-128, 128, (count, 1, 8, 8, 2)).astype(np.int8)


def test_it_imports_nothing_of_edgepack_and_suits_python_3_9() -> None:
    imported = set()
    for file in RUNNER_FILES:
        nodes = list(ast.walk(ast.parse(file.read_text(), feature_version=(3, 9))))
        imported |= {name.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for name in node.names}
        imported |= {str(node.module).partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


def test_outputs_written_for_a_test_set_are_the_models(model: Path, tmp_path: Path) -> None:
    inputs = _inputs(10)
    inputs.tofile(tmp_path / "in.bin")
    result = _run(
        "infer", "--model", model, "--input", tmp_path / "in.bin", "--output", tmp_path / "out.bin", "--engine", "tflite-ref"
    )
    expected = run_reference(model, [inputs[:, 0]])[0]
    assert result["count"] == 10 and result["engine"] == "tflite-ref" and result["engine_version"] == "2.14.0"
    assert np.array_equal(np.fromfile(tmp_path / "out.bin", np.int8).reshape(expected.shape), expected)


def test_a_part_of_a_test_set(model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", _inputs(10))
    _run("infer", "--model", model, "--input", tmp_path / "in.npy", "--output", tmp_path / "part", "--first", 4, "--count", 3)
    whole = run_model(model, [_inputs(10)[:, 0]])[0]
    assert np.array_equal(np.fromfile(tmp_path / "part", np.int8), whole[4:7].ravel())


def _golden(model: Path, folder: Path, change: int = 0) -> None:
    folder.mkdir()
    _inputs(6).tofile(folder / "input_0.bin")
    outputs = run_reference(model, [_inputs(6)[:, 0]])[0].astype(np.int16)
    if change:
        outputs[2, 0, 0, 0] += change if outputs[2, 0, 0, 0] + change < 128 else -change
        outputs[4, 1, 1, 1] += 1 if outputs[4, 1, 1, 1] < 127 else -1
    outputs.astype(np.int8).tofile(folder / "output_0.bin")


def test_golden_vectors_that_agree(model: Path, tmp_path: Path) -> None:
    _golden(model, tmp_path / "golden")
    result = _run("golden", "--model", model, "--folder", tmp_path / "golden", "--engine", "tflite-ref")
    assert (result["count"], result["inputs_differing"], result["max_difference"], result["values_differing"]) == (6, 0, 0, 0)


def test_golden_vectors_that_differ_are_counted(model: Path, tmp_path: Path) -> None:
    _golden(model, tmp_path / "golden", change=9)
    result = _run("golden", "--model", model, "--folder", tmp_path / "golden", "--engine", "tflite-ref")
    assert (result["inputs_differing"], result["max_difference"], result["values_differing"]) == (2, 9, 2)
    assert result["median_difference"] == 0


def test_the_benchmark_tells_times_memory_and_conditions(model: Path) -> None:
    result = _run("bench", "--model", model, "--runs", 50, "--warmup", 5, "--warmup-seconds", 2)
    samples = sorted(result["samples"])
    assert result["runs"] == len(samples) == 50 and result["warmup_runs"] >= 5
    for name, rank in (("min", 1), ("p50", 25), ("p95", 48), ("p99", 50), ("max", 50)):
        assert result[name] == pytest.approx(samples[rank - 1], abs=1e-9), name
    assert result["mean"] == pytest.approx(np.mean(samples), rel=1e-3)
    assert 0 < result["load_time"] < 5 and 0 < result["first"] < 5
    assert 5e6 < result["memory_before"] <= result["peak_memory"] < 1e9
    for name in ("before", "steady", "after"):
        assert {"temperature", "frequencies", "governors", "throttled", "load", "battery", "processor"} <= set(result[name])
    assert result["during"][0]["at"] < conditions.INTERVAL and result["import_time"] > 0


def test_golden_vectors_can_be_timed_in_the_same_run(model: Path, tmp_path: Path) -> None:
    _golden(model, tmp_path / "golden")
    result = _run("golden", "--model", model, "--folder", tmp_path / "golden", "--seconds", "0.05")
    assert result["count"] == 6 and 0 < result["p50"] < 1 and result["timed"] >= 10


def test_serving_gives_blocks_when_asked_and_ends_with_its_input(model: Path) -> None:
    words = [sys.executable, str(RUNNER), "serve", "--model", str(model), "--warmup", "2", "--warmup-seconds", "0.2"]
    for last in ("end\n", ""):
        done = subprocess.run(words, input=f"block 0\nblock 0.02\n{last}", capture_output=True, text=True)
        ready, short, longer = done.stdout.splitlines()[:3]
        assert ready.split()[0] == "ready" and int(ready.split()[1]) >= 1
        assert len(short.split()) == 4 < len(longer.split())
        assert sum(map(int, longer.split())) / 1e9 * 3 >= 0.02, "most of a block's time is inferences"
        assert parse_result(done.stdout.encode())["peak_memory"] > 5e6


def test_the_benchmark_ends_in_time_however_slow_the_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    def slow() -> float:
        time.sleep(0.15)
        return 0.15

    runs, stable = timing.warm_up(slow, 1000, 0.4)
    assert runs <= 4 and not stable


def test_warming_up_ends_when_the_times_are_stable() -> None:
    times = iter([1.0] * 10 + [0.5] * 10 + [0.1] * 1000)
    runs, stable = timing.warm_up(lambda: next(times), 5, 10)
    assert stable and 30 <= runs <= 40


@pytest.mark.parametrize("share", [50, 95, 99])
def test_percentiles_are_nearest_rank(share: int) -> None:
    for count in (1, 2, 3, 10, 99, 100, 101, 200):
        values = sorted(np.random.default_rng(count).random(count).tolist())
        assert timing.percentile(values, share) == np.percentile(values, share, method="inverted_cdf")


def test_probing_tells_what_can_be_imported() -> None:
    result = _run("probe")
    assert result["python"].split(".")[:2] == [str(sys.version_info[0]), str(sys.version_info[1])]
    assert result["packages"]["numpy"]["version"] == np.__version__
    assert result["packages"]["ai_edge_litert"]["version"] and result["packages"]["tflite_runtime"]["version"] == "2.14.0"


def test_probing_a_python_without_packages() -> None:
    completed = subprocess.run([sys.executable, "-S", str(RUNNER), "probe"], capture_output=True, env={"PATH": "/usr/bin"})
    packages = parse_result(completed.stdout)["packages"]
    assert all("error" in packages[name] for name in ("numpy", "ai_edge_litert", "tflite_runtime"))


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["describe", "--model", "absent.tflite"], "model"),
        (["infer", "--model", "MODEL"], "data"),
        (["infer", "--model", "MODEL", "--input", "absent.bin", "--output", "x"], "system"),
        (["infer", "--model", "MODEL", "--input", "odd.bin", "--output", "x"], "data"),
        (["golden", "--model", "MODEL", "--folder", "absent"], "system"),
    ],
)
def test_failures_are_results_of_their_own(arguments: list[str], kind: str, model: Path) -> None:
    (model.parent / "odd.bin").write_bytes(bytes(129))
    words = [str(model) if word == "MODEL" else word for word in arguments]
    completed = subprocess.run([sys.executable, str(RUNNER), *words], capture_output=True, cwd=model.parent)
    assert completed.returncode == 1
    with pytest.raises(RunnerFailure) as caught:
        parse_result(completed.stdout)
    assert caught.value.kind == kind and str(caught.value)


def test_a_result_is_found_among_other_output() -> None:
    body = json.dumps({"a": 1})
    assert parse_result(f"INFO: noise\nEDGEPACK-RESULT\n{body}\nEDGEPACK-END\nbye\n".encode()) == {"a": 1}


@pytest.mark.parametrize("text", ["", "EDGEPACK-RESULT", 'EDGEPACK-RESULT\n{"a": 1}', 'EDGEPACK-RESULT\n{"a": \nEDGEPACK-END',
                                  'EDGEPACK-RESULT\n{"a": 1}\nEDGEPACK-EN', "EDGEPACK-RESULT\n[]\nEDGEPACK-END"])  # fmt: skip
def test_a_result_that_was_cut_is_none(text: str) -> None:
    with pytest.raises(RunnerFailure) as caught:
        parse_result(text.encode())
    assert caught.value.kind == "cut"
