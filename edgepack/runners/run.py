#!/usr/bin/env python3
"""Runs a .tflite model where it was deployed: golden vectors, a test set, a benchmark.

One file for the device: Python 3.9 or later, the standard library, numpy, and ai_edge_litert or tflite_runtime. It imports
nothing of edgepack. Tensors are files, memory-mapped: raw little-endian values or .npy, batch first.

    python3 run.py probe
    python3 run.py describe --model model.tflite
    python3 run.py golden   --model model.tflite --folder golden
    python3 run.py infer    --model model.tflite --input input_0.bin --output output_0.bin
    python3 run.py bench    --model model.tflite --threads 4 --runs 200

The result is one line of JSON between the lines EDGEPACK-RESULT and EDGEPACK-END on standard output; a result that starts
and does not end was cut. Exit status 0, or 1 with {"error": …, "kind": …} as the result.
"""

# ruff: noqa: B905, UP035 (Python 3.9 has no zip(strict=))

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

BEGIN, END = "EDGEPACK-RESULT", "EDGEPACK-END"

ENGINES = {
    # name: (module, kernels); AUTO lets LiteRT apply XNNPACK, as applications do.
    "litert": ("ai_edge_litert", "AUTO"),
    "litert-builtin": ("ai_edge_litert", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"),
    "litert-ref": ("ai_edge_litert", "BUILTIN_REF"),
    "tflite": ("tflite_runtime", "AUTO"),
    "tflite-ref": ("tflite_runtime", "BUILTIN_REF"),
}

STATEFUL = {"LSTM", "RNN", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN", "VAR_HANDLE"}

WINDOW = 10  # runs whose median is compared with that of the runs before
STABLE = 0.02  # relative change of the median below which the warm-up has ended


class RunnerError(Exception):
    """An expected failure; `kind` tells the host which."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def engine_version(engine: str) -> str:
    """The version of the package behind an engine."""
    from importlib import metadata

    module = ENGINES[engine][0]
    names = {"ai_edge_litert": ("ai-edge-litert", "ai-edge-litert-nightly"), "tflite_runtime": ("tflite-runtime",)}[module]
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return str(getattr(importlib.import_module(module), "__version__", "unknown"))


def load_runtime(engine: str) -> Any:
    """The module of an engine's interpreter."""
    name = ENGINES[engine][0]
    try:
        return importlib.import_module(name + ".interpreter")
    except Exception as error:
        raise RunnerError("runtime", f"{name} cannot be imported: {error}") from error


def open_interpreter(model: str, engine: str, threads: int) -> Any:
    """An interpreter with its tensors allocated."""
    module = load_runtime(engine)
    kind = getattr(module.OpResolverType, ENGINES[engine][1])
    try:
        interpreter = module.Interpreter(model_path=str(model), num_threads=threads, experimental_op_resolver_type=kind)
        interpreter.allocate_tensors()
    except Exception as error:
        raise RunnerError("model", f"the runtime refuses the model: {error}") from error
    return interpreter


def describe_tensors(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name, shape, type and quantization of input or output tensors, JSON-able."""
    return [
        {
            "name": detail["name"],
            "shape": [int(size) for size in detail["shape"]],
            "dtype": detail["dtype"].__name__,
            "scales": [float(scale) for scale in detail["quantization_parameters"]["scales"]],
            "zero_points": [int(zero) for zero in detail["quantization_parameters"]["zero_points"]],
        }
        for detail in details
    ]


def map_samples(name: str | Path, detail: dict[str, Any]) -> Any:
    """A file as samples: an array of shape (count, *tensor shape), memory-mapped."""
    import numpy

    shape = tuple(int(size) for size in detail["shape"])
    dtype = numpy.dtype(detail["dtype"]).newbyteorder("<")
    path = Path(name)
    if path.suffix == ".npy":
        array = numpy.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype != dtype:
            raise RunnerError("data", f"{path.name} holds {array.dtype}, the model takes {dtype}")
        size = array.size
    else:
        size = path.stat().st_size // dtype.itemsize
        array = numpy.memmap(path, dtype=dtype, mode="r") if size else numpy.zeros(0, dtype)
    values = int(numpy.prod(shape, dtype=numpy.int64))
    if values == 0 or size % values or (path.suffix != ".npy" and path.stat().st_size % dtype.itemsize):
        raise RunnerError("data", f"{path.name} does not hold whole tensors of shape {list(shape)}, type {dtype}")
    return array.reshape((size // values, *shape))


def map_all(paths: list[Any], details: list[dict[str, Any]]) -> list[Any]:
    """Every file as samples; all must hold the same number of them."""
    if len(paths) != len(details):
        raise RunnerError("data", f"the model has {len(details)} such tensors, {len(paths)} files were given")
    arrays = [map_samples(path, detail) for path, detail in zip(paths, details)]
    if len({len(array) for array in arrays}) != 1:
        raise RunnerError("data", f"the files hold different numbers of samples: {[len(array) for array in arrays]}")
    return arrays


def run_sample(interpreter: Any, inputs: list[Any], outputs: list[Any], sample: list[Any]) -> list[Any]:
    """The outputs of one sample."""
    for detail, tensor in zip(inputs, sample):
        interpreter.set_tensor(detail["index"], tensor)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in outputs]


def golden(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the golden inputs, one after the other without resetting state, and compare with the reference's outputs."""
    import numpy

    interpreter = open_interpreter(arguments.model, arguments.engine, arguments.threads)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    folder = Path(arguments.folder)
    samples = map_all([folder / f"input_{index}.bin" for index in range(len(inputs))], inputs)
    wanted = map_all([folder / f"output_{index}.bin" for index in range(len(outputs))], outputs)
    count = len(samples[0])
    if count == 0 or any(len(array) != count for array in wanted):
        raise RunnerError("data", "the golden inputs and outputs are not equally many, and at least one")
    results = [run_sample(interpreter, inputs, outputs, [array[position] for array in samples]) for position in range(count)]
    largest, moved, values_differing = numpy.zeros(count), numpy.zeros(count, bool), 0
    for index, array in enumerate(wanted):
        wide = numpy.float64 if array.dtype.kind == "f" else numpy.int64
        expected = array.reshape(count, -1)
        got = numpy.stack([result[index] for result in results]).reshape(count, -1)
        difference = numpy.abs(got.astype(wide) - expected.astype(wide)).astype(numpy.float64)
        difference[numpy.isnan(difference)] = numpy.finfo(numpy.float64).max  # a NaN differs from everything
        values_differing += int(numpy.count_nonzero(difference))
        largest = numpy.maximum(largest, difference.max(axis=1))
        moved |= got.argmax(axis=1) != expected.argmax(axis=1)
    return {
        "count": count,
        "inputs_differing": int(numpy.count_nonzero(largest)),
        "values_differing": values_differing,
        "max_difference": float(largest.max()),
        "median_difference": float(percentile(sorted(largest), 50)),
        "argmax_moved": int(numpy.count_nonzero(moved)),
    }


def infer(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run samples `first` to `first + count` and write the outputs, raw, to files.

    Each sample starts from the model's initial state, unless they are a sequence.
    """
    interpreter = open_interpreter(arguments.model, arguments.engine, arguments.threads)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    samples = map_all(arguments.input, inputs)
    if len(arguments.output) != len(outputs):
        raise RunnerError("data", f"the model has {len(outputs)} outputs, not {len(arguments.output)}")
    last = len(samples[0]) if arguments.count is None else min(len(samples[0]), arguments.first + arguments.count)
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(path, "wb")) for path in arguments.output]
        for position in range(arguments.first, last):
            if not arguments.sequence:
                interpreter.reset_all_variables()
            results = run_sample(interpreter, inputs, outputs, [array[position] for array in samples])
            for file, result in zip(files, results):
                file.write(result.astype(result.dtype.newbyteorder("<"), copy=False).tobytes())
    return {"count": max(0, last - arguments.first), "seconds": time.perf_counter() - start}


def describe(arguments: argparse.Namespace) -> dict[str, Any]:
    """The model's input and output tensors."""
    interpreter = open_interpreter(arguments.model, arguments.engine, arguments.threads)
    return {
        "stateful": any(detail["op_name"] in STATEFUL for detail in interpreter._get_ops_details()),
        "inputs": describe_tensors(interpreter.get_input_details()),
        "outputs": describe_tensors(interpreter.get_output_details()),
    }


def read_text(path: str | Path) -> str | None:
    """A small file's stripped text, None when it cannot be read."""
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return None


def memory(field: str) -> int | None:
    """A field of /proc/self/status (VmRSS, VmHWM) in bytes, None when there is none."""
    for line in (read_text("/proc/self/status") or "").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return None


def conditions() -> dict[str, Any]:
    """What may disturb a measurement now: temperature (°C), clock (Hz), governor, throttling, load average; None if unknown."""
    temperatures = [read_text(path) for path in Path("/sys/class/thermal").glob("thermal_zone*/temp")]
    readable = [int(text) / 1000 for text in temperatures if text and text.lstrip("-").isdigit()]
    cpus = sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"))
    frequencies = [read_text(cpu / "scaling_cur_freq") for cpu in cpus]
    governors = {read_text(cpu / "scaling_governor") for cpu in cpus} - {None}
    try:
        answer = subprocess.run(["vcgencmd", "get_throttled"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=3)
        throttled = int(answer.stdout.decode().partition("=")[2], 16)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        throttled = None
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = None
    return {
        "temperature": max(readable) if readable else None,
        "frequencies": [int(text) * 1000 for text in frequencies if text and text.isdigit()],
        "governors": sorted(governors),
        "throttled": throttled,
        "load": load,
    }


def percentile(ordered: list[float], share: int) -> float:
    """The smallest value that at least `share` of the sorted values do not exceed (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def warm_up(run: Callable[[], float], at_least: int, seconds: float) -> tuple[int, bool]:
    """Run until the median of a window stops moving; returns the runs made and whether it became stable."""
    times: list[float] = []
    end = time.monotonic() + seconds
    while True:
        times.append(run())
        if len(times) >= max(at_least, 2 * WINDOW):
            before, now = (percentile(sorted(part), 50) for part in (times[-2 * WINDOW : -WINDOW], times[-WINDOW:]))
            if abs(now - before) <= STABLE * before:
                return len(times), True
        if time.monotonic() > end:
            return len(times), False


def bench(arguments: argparse.Namespace) -> dict[str, Any]:
    """Latency of one inference, its spread, memory and the conditions it was measured in; times in seconds."""
    import numpy

    load_runtime(arguments.engine)
    memory_before = memory("VmRSS")
    before = conditions()
    clock = time.perf_counter
    start = clock()
    interpreter = open_interpreter(arguments.model, arguments.engine, arguments.threads)
    load_time = clock() - start
    inputs = interpreter.get_input_details()
    generator = numpy.random.RandomState(0)
    for detail in inputs:
        values = numpy.zeros(tuple(detail["shape"]), detail["dtype"])
        if values.dtype.kind == "f":
            values[...] = generator.uniform(-1, 1, values.shape)
        elif values.dtype.itemsize <= 2 and values.dtype.kind in "iu":  # wider integers may be indices: they stay 0
            values[...] = generator.randint(*{"i": (-128, 128), "u": (0, 256)}[values.dtype.kind], size=values.shape)
        interpreter.set_tensor(detail["index"], values)

    def run() -> float:
        begin = clock()
        interpreter.invoke()
        return clock() - begin

    first = run()
    warmups, stable = warm_up(run, arguments.warmup, arguments.warmup_seconds)
    samples: list[float] = []
    end = time.monotonic() + arguments.seconds
    while len(samples) < arguments.runs and (time.monotonic() < end or len(samples) < min(10, arguments.runs)):
        samples.append(run())
    ordered = sorted(samples)
    return {
        "runs": len(samples),
        "warmup_runs": warmups,
        "stable": stable,
        "min": ordered[0],
        "p50": percentile(ordered, 50),
        "p95": percentile(ordered, 95),
        "p99": percentile(ordered, 99),
        "max": ordered[-1],
        "mean": sum(samples) / len(samples),
        "samples": [round(sample, 9) for sample in samples],
        "first": first,
        "load_time": load_time,
        "peak_memory": memory("VmHWM"),
        "memory_before": memory_before,
        "before": before,
        "after": conditions(),
    }


def usable_packages() -> dict[str, dict[str, str]]:
    """Version of numpy and of each runtime that can be imported here, or why it cannot."""
    found: dict[str, dict[str, str]] = {}
    for module in ("numpy", "ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        name = module.partition(".")[0]
        try:
            loaded = importlib.import_module(module)
            engine = {"ai_edge_litert": "litert", "tflite_runtime": "tflite"}.get(name)
            found[name] = {"version": engine_version(engine) if engine else loaded.__version__}
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {error}"}
    version = found["numpy"].get("version", "1")
    if int(version.partition(".")[0]) >= 2 and "version" in found["tflite_runtime"]:
        # tflite-runtime is built against numpy 1: it imports, then its first interpreter dies.
        found["tflite_runtime"] = {"error": f"needs numpy below 2, found {version}"}
    return found


def probe(arguments: argparse.Namespace) -> dict[str, Any]:
    """What this Python is and which runtimes it can import."""
    return {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "machine": platform.machine(),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "libc": list(platform.libc_ver()),
        "executable": sys.executable,
        "packages": usable_packages(),
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Runs a .tflite model: golden vectors, a test set, a benchmark.")
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--model", required=True)
    common.add_argument("--engine", choices=sorted(ENGINES), default="litert")
    common.add_argument("--threads", type=int, default=1)
    commands.add_parser("probe").set_defaults(function=probe)
    commands.add_parser("describe", parents=[common]).set_defaults(function=describe)
    one = commands.add_parser("golden", parents=[common])
    one.add_argument("--folder", required=True, help="holds input_<i>.bin and output_<i>.bin")
    one.set_defaults(function=golden)
    one = commands.add_parser("infer", parents=[common])
    one.add_argument("--input", action="append", default=[], help="one file an input, in the model's order")
    one.add_argument("--output", action="append", default=[], help="one file an output, in the model's order")
    one.add_argument("--first", type=int, default=0)
    one.add_argument("--count", type=int)
    one.add_argument("--sequence", action="store_true", help="keep the state of one sample for the next")
    one.set_defaults(function=infer)
    one = commands.add_parser("bench", parents=[common])
    one.add_argument("--runs", type=int, default=200)
    one.add_argument("--seconds", type=float, default=30.0, help="stop after this time, with at least ten runs")
    one.add_argument("--warmup", type=int, default=20, help="least number of warm-up runs")
    one.add_argument("--warmup-seconds", type=float, default=10.0, help="stop waiting for stability after this time")
    one.set_defaults(function=bench)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run one command and print its result between the markers."""
    options = parse(arguments)
    status = 0
    try:
        result = options.function(options)
        if hasattr(options, "engine"):
            result.update(engine=options.engine, engine_version=engine_version(options.engine), threads=options.threads)
    except (RunnerError, OSError, MemoryError) as error:
        status = 1
        result = {"error": str(error) or type(error).__name__, "kind": getattr(error, "kind", "system")}
    print(f"{BEGIN}\n{json.dumps(result)}\n{END}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
