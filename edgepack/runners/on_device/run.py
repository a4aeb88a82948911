#!/usr/bin/env python3
"""Runs a .tflite model where it was deployed: golden vectors, a test set, a benchmark.

For the device: Python 3.9 or later, the standard library, numpy, and ai_edge_litert or tflite_runtime. It imports nothing of
edgepack; bench, serve and golden --seconds need run_bench.py, run_conditions.py and run_energy.py beside it, verify run_verify.py
and run_ed25519.py alone. Tensors are files, memory-mapped: raw little-endian values or .npy, batch first.

    python3 run.py probe
    python3 run.py describe --model model.tflite
    python3 run.py golden   --model model.tflite --folder golden
    python3 run.py infer    --model model.tflite --input input_0.bin --output output_0.bin
    python3 run.py bench    --model model.tflite --threads 4 --runs 200
    python3 run.py serve    --model model.tflite            (blocks of inferences as asked for on standard input)
    python3 run.py verify   --folder releases/ID --trust ../.trust --name=NAME        (a signed release; see run_verify.py)

The result is one line of JSON between the lines EDGEPACK-RESULT and EDGEPACK-END on standard output; a result that starts
and does not end was cut. Exit status 0, or 1 with {"error": …, "kind": …} as the result.
"""

# ruff: noqa: B905, UP035 (Python 3.9 has no zip(strict=))

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import platform
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


class RunnerError(Exception):
    """An expected failure; `kind` tells the host which."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def part(name: str) -> Any:
    """Another file of this program; they lie beside this one."""
    folder = str(Path(__file__).resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # the last place: nothing that is installed may be hidden by it
    return importlib.import_module(name)


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


def open_interpreter(arguments: argparse.Namespace) -> Any:
    """An interpreter with its tensors allocated.

    Where XNNPACK refuses the model (a tensor that is always 0 has a scale too small for it), the runtime's own kernels take its
    place, and `arguments.engine` says so.
    """
    module = load_runtime(arguments.engine)
    kinds = [ENGINES[arguments.engine][1]]
    if kinds == ["AUTO"]:
        kinds.append("BUILTIN_WITHOUT_DEFAULT_DELEGATES")
    refusal = Exception()
    for kind in kinds:
        try:
            interpreter = module.Interpreter(
                model_path=str(arguments.model),
                num_threads=arguments.threads,
                experimental_op_resolver_type=getattr(module.OpResolverType, kind),
            )
            interpreter.allocate_tensors()
        except Exception as error:
            refusal = error
            continue
        if kind != kinds[0] and arguments.engine == "litert":
            arguments.engine = "litert-builtin"
        return interpreter
    raise RunnerError("model", f"the runtime refuses the model: {refusal}") from refusal


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

    interpreter = open_interpreter(arguments)
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
    found = {
        "count": count,
        "inputs_differing": int(numpy.count_nonzero(largest)),
        "values_differing": values_differing,
        "max_difference": float(largest.max()),
        "median_difference": float(numpy.sort(largest)[(count - 1) // 2]),
        "argmax_moved": int(numpy.count_nonzero(moved)),
    }
    if arguments.seconds:
        found.update(part("run_bench").quick(interpreter.invoke, arguments.seconds))
    return found


def infer(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run samples `first` to `first + count` and write the outputs, raw, to files.

    Each sample starts from the model's initial state, unless they are a sequence.
    """
    interpreter = open_interpreter(arguments)
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
    interpreter = open_interpreter(arguments)
    return {
        "stateful": any(detail["op_name"] in STATEFUL for detail in interpreter._get_ops_details()),
        "inputs": describe_tensors(interpreter.get_input_details()),
        "outputs": describe_tensors(interpreter.get_output_details()),
    }


def random_values(detail: dict[str, Any], generator: Any) -> Any:
    """Random values for an input; integers wider than 16 bits may be indices and stay 0."""
    import numpy

    values = numpy.zeros(tuple(detail["shape"]), detail["dtype"])
    if values.dtype.kind == "f":
        values[...] = generator.uniform(-1, 1, values.shape)
    elif values.dtype.itemsize <= 2 and values.dtype.kind in "iu":
        values[...] = generator.randint(*{"i": (-128, 128), "u": (0, 256)}[values.dtype.kind], size=values.shape)
    return values


def open_timed(arguments: argparse.Namespace) -> tuple[Callable[[], Any], dict[str, Any], dict[str, Any]]:
    """A model ready to be run again and again, what opening it cost, and the state of the machine before."""
    clock = time.perf_counter
    start = clock()
    load_runtime(arguments.engine)
    opened: dict[str, Any] = {"import_time": clock() - start, "memory_before": part("run_conditions").memory("VmRSS")}
    before = part("run_conditions").conditions()
    start = clock()
    interpreter = open_interpreter(arguments)
    opened["load_time"] = clock() - start
    import numpy

    generator = numpy.random.RandomState(0)
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], random_values(detail, generator))
    return interpreter.invoke, opened, before


def bench(arguments: argparse.Namespace) -> dict[str, Any]:
    """Latency of one inference, its spread, memory, energy and the conditions it was measured in; times in seconds."""
    invoke, opened, before = open_timed(arguments)
    result: dict[str, Any] = part("run_bench").bench(invoke, opened, before, arguments)
    return result


def serve(arguments: argparse.Namespace) -> dict[str, Any]:
    """Blocks of inferences as they are asked for on standard input; see run_bench.serve."""
    invoke, opened, before = open_timed(arguments)
    result: dict[str, Any] = part("run_bench").serve(invoke, opened, before, arguments)
    return result


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


def verify(arguments: argparse.Namespace) -> dict[str, Any]:
    """Whether a signed release may become current, and what is trusted from then on; see run_verify.verify."""
    checks = part("run_verify")
    try:
        result: dict[str, Any] = checks.verify(
            arguments.folder, arguments.signature, arguments.trust, arguments.name, arguments.mode
        )
    except checks.Refused as refused:
        raise RunnerError(refused.kind, str(refused)) from refused
    return result


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
    one.add_argument("--seconds", type=float, default=0.0, help="also time inferences for about this long")
    one.set_defaults(function=golden)
    one = commands.add_parser("infer", parents=[common])
    one.add_argument("--input", action="append", default=[], help="one file an input, in the model's order")
    one.add_argument("--output", action="append", default=[], help="one file an output, in the model's order")
    one.add_argument("--first", type=int, default=0)
    one.add_argument("--count", type=int)
    one.add_argument("--sequence", action="store_true", help="keep the state of one sample for the next")
    one.set_defaults(function=infer)
    warm = argparse.ArgumentParser(add_help=False)
    warm.add_argument("--warmup", type=int, default=20, help="least number of warm-up runs")
    warm.add_argument("--warmup-seconds", type=float, default=10.0, help="stop waiting for stability after this time")
    one = commands.add_parser("bench", parents=[common, warm])
    one.add_argument("--runs", type=int, default=200)
    one.add_argument("--seconds", type=float, default=30.0, help="stop after this time, with at least ten runs")
    one.add_argument("--power", default="auto", help="auto, off, or a sensor: ina219:/dev/i2c-1:0x40:0.1, ina260:/dev/i2c-1:0x40")
    one.set_defaults(function=bench)
    commands.add_parser("serve", parents=[common, warm]).set_defaults(function=serve)
    one = commands.add_parser("verify")
    one.add_argument("--folder", required=True, help="the release")
    one.add_argument("--signature", help="the folder of its signature files, when it is another")
    one.add_argument("--trust", required=True, help="the folder of what the device trusts")
    one.add_argument("--name", required=True, help="the model's name")
    one.add_argument("--mode", choices=("deploy", "rollback"), default="deploy")
    one.set_defaults(function=verify)
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
