"""A report with the figures of a plausible deployment, for every test that needs one."""

from __future__ import annotations

import math
import random

from edgepack.compile.coding_table import CodingRow
from edgepack.compress import LayerWeights, StepResult
from edgepack.convert import Proof
from edgepack.devices import DeviceFacts
from edgepack.diagnosis import Explained, LayerError, LayerErrors
from edgepack.engines.types import Candidate, GoldenCheck, Runner
from edgepack.flatbuffer.inspection import Inspection, LayerFacts, TensorFacts, Totals
from edgepack.flatbuffer.memory import PeakMemory
from edgepack.flatbuffer.weights import EMPTY, Statistics
from edgepack.judge import exit_code, judge
from edgepack.measure.layers import LayerTime, LayerTimes
from edgepack.measure.types import Measurement
from edgepack.project import load_target
from edgepack.releases.types import Deployment
from edgepack.report import McuFacts, ModelFacts, RecipeStep, Report
from edgepack.report.parts import layer_figures, model_totals
from edgepack.report.report import as_written
from edgepack.sources.data.summary import DataSummary, InputSummary, SplitSummary

# ResNet-8 of MLPerf Tiny: layer, operator, output shape, MACs, kernel weights.
RESNET = [
    ("conv2d", "CONV_2D", (1, 32, 32, 16), 442368, 432),
    ("conv2d_1", "CONV_2D", (1, 32, 32, 16), 2359296, 2304),
    ("conv2d_2", "CONV_2D", (1, 32, 32, 16), 2359296, 2304),
    ("add", "ADD", (1, 32, 32, 16), 0, 0),
    ("conv2d_3", "CONV_2D", (1, 16, 16, 32), 1179648, 4608),
    ("conv2d_4", "CONV_2D", (1, 16, 16, 32), 2359296, 9216),
    ("conv2d_5", "CONV_2D", (1, 16, 16, 32), 131072, 512),
    ("add_1", "ADD", (1, 16, 16, 32), 0, 0),
    ("conv2d_6", "CONV_2D", (1, 8, 8, 64), 1179648, 18432),
    ("conv2d_7", "CONV_2D", (1, 8, 8, 64), 2359296, 36864),
    ("conv2d_8", "CONV_2D", (1, 8, 8, 64), 131072, 2048),
    ("add_2", "ADD", (1, 8, 8, 64), 0, 0),
    ("average_pooling2d", "AVERAGE_POOL_2D", (1, 1, 1, 64), 0, 0),
    ("flatten", "RESHAPE", (1, 64), 0, 0),
    ("dense", "FULLY_CONNECTED", (1, 10), 640, 640),
    ("dense", "SOFTMAX", (1, 10), 0, 0),
]


def step(name, label, metric, sparsity=0.0, distinct=243, int8=78744, deflated=72150, seconds=0.0, notes=(), **more):
    """A row of the step table."""
    return StepResult(
        step=name,
        label=label,
        metric=metric,
        metric_name="accuracy",
        parameters=77706,
        zeros=round(sparsity * 77360),
        sparsity=sparsity,
        distinct=distinct,
        float_bytes=4 * 77706,
        int8_bytes=int8,
        deflated_bytes=deflated,
        macs=12501632,
        notes=notes,
        seconds=seconds,
        **more,
    )


def step_layers(sparsity, bits):
    """The kernels of ResNet-8, as a step left them."""
    return tuple(
        LayerWeights(layer, "Conv2D", weights, round(sparsity * weights), 27, -(-round(bits * weights) // 8))
        for layer, _, _, _, weights in RESNET
        if weights
    )


def steps():
    return (
        step("float", "float", 0.8719, interval=(0.8652, 0.8783), entropy=7.2, layers=step_layers(0.0, 7.2)),
        step(
            "prune",
            "pruned 50 %",
            0.8690,
            0.5,
            231,
            78744,
            48930,
            81.0,
            ("conv2d kept dense: it has 432 weights.",),
            layers=step_layers(0.5, 4.6),
        ),
        step("prune", "pruned 70 %", 0.8642, 0.7, 219, 78744, 36120, 80.0, layers=step_layers(0.7, 3.1)),
        step(
            "quantize",
            "int8, aware",
            0.8655,
            0.7,
            201,
            78744,
            35420,
            140.0,
            ("AveragePooling2D was left un-annotated.",),
            layers=step_layers(0.7, 3.1),
        ),
        step(
            "convert", "the int8 .tflite", 0.8650, 0.7, 201, 78744, 35420, 0.0, ("figures of the file itself",), file_bytes=98496
        ),
    )


def inspection():
    layers = []
    for index, (layer, operator, shape, macs, weights) in enumerate(RESNET):
        stored = Statistics(weights, weights * 7 // 10, min(weights, 96), min(weights, 96), 3.1) if weights else EMPTY
        output = TensorFacts(layer, shape, "int8", math.prod(shape), 0.1, 0, 1)
        layers.append(
            LayerFacts(
                subgraph=0,
                index=index,
                operator=operator,
                layer=layer,
                inputs=(),
                outputs=(output,),
                constants=(),
                options={},
                macs=macs,
                parameters=weights + shape[-1] if weights else 0,
                bytes=weights + 4 * shape[-1] if weights else 0,
                weights=stored,
                quantization="int8",
                live_bytes=2 * math.prod(shape),
                in_tflm=True,
            )
        )
    return Inspection(
        sha256="3b0f7c1e" * 8,
        size_bytes=98496,
        description="",
        inputs=(),
        outputs=(),
        layers=tuple(layers),
        totals=Totals(len(RESNET), 12501632, 77706, 78744, 77360, 54152, 3.1, 29977),
        peak=PeakMemory(49152, 0, 2, 0),
        operator_counts={"CONV_2D": 9},
        outside_tflm=(),
    )


def explained():
    errors = LayerErrors(
        (
            LayerError(14, "dense", "FULLY_CONNECTED", 32.0, 6.3e-4, 4.0e-4, 0.9997, 2.08, 21.7, 0.00004, 1.0),
            LayerError(13, "flatten", "RESHAPE", None, 0.0, 0.0, 1.0, 0.0, None, 0.0, None),
        ),
        64,
        ("softmax",),
    )
    return Explained(errors, ((36, 1), (4, 30)), ("cat", "dog"), ("Every layer follows the float model closely.",))


def layer_times():
    rows = tuple(LayerTime(row[0], row[1], index if index < 3 else None, 2e-6, 0.0625) for index, row in enumerate(RESNET))
    return LayerTimes(rows, "hardware", "by a clock", 3.2e-5, 0.98, 3.3e-5, 3.1e-5)


def samples(count=200, seed=7):
    generator = random.Random(seed)
    return [0.0031 + generator.gammavariate(2.0, 0.00012) for _ in range(count - 3)] + [0.0052, 0.0061, 0.0173]


def report(target="rpi", real_hardware=True, name="image-classification", overrides=(), **changes):
    """A deployment of ResNet-8: on a Pi by default; `changes` replace fields of the Report, or what its layers come
    from: `inspection`, `instructions` and `layer_times`."""
    profile = load_target(target, None, overrides)
    on_mcu = profile.device.kind == "mcu"
    latencies = sorted(samples())
    time_method = "hardware" if real_hardware else "stand-in"
    conditions = {"threads": 1, "runs": 200, "warmup": 20, "engine": "litert 2.3.0"}
    measurements = [
        Measurement("accuracy", 0.8648, "", time_method, "10,000 test examples, 4 differ from the reference kernels"),
        Measurement("accuracy_drop", 0.8719 - 0.8648, "", time_method, "float Keras model 0.8719"),
        Measurement("model_size", 98496, "bytes", "file", "model.tflite"),
    ]
    if on_mcu:
        measurements += [
            Measurement("flash", 131840, "bytes", "emulated", "text and constants of the linked firmware"),
            Measurement("ram", 52144, "bytes", "emulated", "arena 49,152, stack 2,992"),
            Measurement(
                "latency_p50", 0.344, "s", "estimate", "27.5 M cycles from 24.1 M executed instructions", {"clock_hz": 80e6}
            ),
        ]
        latencies = []
    else:
        measurements += [
            Measurement("latency_p50", latencies[100], "s", time_method, "", conditions),
            Measurement("latency_p95", latencies[190], "s", time_method, "", conditions),
            Measurement("latency_p99", latencies[198], "s", time_method, "", conditions),
            Measurement("peak_memory", 52_400_000, "bytes", time_method, "largest resident set of the runner"),
        ]
    verdicts = judge(profile, measurements, real_hardware)
    looked = changes.pop("inspection", inspection())
    counted = changes.pop("instructions", {index: 1.9 * row[3] for index, row in enumerate(RESNET)} if on_mcu else {})
    fields = {
        "name": name,
        "target": profile,
        "verdicts": verdicts,
        "measurements": tuple(measurements),
        "exit_code": exit_code(verdicts, real_hardware),
        "real_hardware": real_hardware,
        "created": "2026-11-22T02:30:00+00:00",
        "model": model(),
        "steps": steps(),
        "layers": () if looked is None else layer_figures(looked, counted, changes.get("layer_times")),
        "totals": None if looked is None else model_totals(looked),
        "data": data(),
        "latency_samples": tuple(latencies),
        "device": mcu(real_hardware) if on_mcu else raspberry_pi(real_hardware),
        "deployment": None if on_mcu else deployment(name),
        "proof": Proof("int8", {"CONV_2D": 9, "ADD": 3, "FULLY_CONNECTED": 1}, {"int8": 51}, ("int8",), ("int8",), ()),
        "preprocessing": {"note": "RGB, 0 to 255, no normalisation", "mean": [0.0, 0.0, 0.0]},
        "recipe": (
            RecipeStep("prune", {"sparsity": 0.5}),
            RecipeStep("prune", {"sparsity": 0.7, "schedule": "polynomial"}),
            RecipeStep("quantize", {"scheme": "int8", "aware": True}),
        ),
        "versions": {"edgepack": "0.1.0", "tensorflow": "2.21.0", "tf-keras": "2.21.0", "tensorflow-model-optimization": "0.8.1"},
        "warnings": ("The CPU governor is ondemand: the first runs may be slow.",),
        **changes,
    }
    return as_written(Report(**fields))


def data():
    images = InputSummary((32, 32, 3), "uint8", 0.0, 255.0)
    splits = (("train", 13500, "", 1350), ("validation", 1500, "cut from train", 150), ("test", 10000, "", 1000))
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    return DataSummary(
        tuple(SplitSummary(name, count, origin, (images,), dict.fromkeys(classes, each)) for name, count, origin, each in splits)
    )


def model():
    return ModelFacts(
        bytes=98496,
        entropy_bits_per_weight=3.1,
        file="model.tflite",
        macs=12501632,
        operators={"ADD": 3, "CONV_2D": 9, "FULLY_CONNECTED": 1},
        parameter_bytes=78744,
        parameters=77706,
        peak_activation_bytes=49152,
        scheme="int8",
        sha256="3b0f7c1e" * 8,
        weights=77360,
        zeros=54152,
        metric_name="accuracy",
        higher_is_better=True,
        baseline=0.8719,
        metric=0.865,
    )


def raspberry_pi(real_hardware):
    return DeviceFacts(
        hostname="pi4",
        model="Raspberry Pi 4 Model B Rev 1.4" if real_hardware else "",
        system="Linux",
        os="Debian GNU/Linux 12 (bookworm)",
        kernel="6.1.0-rpi7-rpi-v8",
        machine="aarch64",
        cores=4,
        memory=3_971_141_632,
        frequency=1.8e9,
        governor="ondemand",
        temperature=48.2,
        core_clocks=(1.8e9, 1.8e9, 1.8e9, 1.8e9),
        stand_in=not real_hardware,
        stand_in_reason="" if real_hardware else "a loopback sshd on this machine",
    )


def mcu(real_hardware):
    return McuFacts(
        model="Cortex-M4 at 80 MHz (STM32L476), emulated",
        cpu="cortex-m4",
        clock_hz=80e6,
        tools="unicorn 2.1.4, zig 0.17.1, balanced",
        arena_bytes=49152,
        arena_lower_bound=49152,
        kernels="ep_conv_2d_gemm, ep_softmax",
        board="emulated",
        stand_in=not real_hardware,
        stand_in_reason="" if real_hardware else "an emulated core",
    )


def deployment(name):
    tried = (Candidate("litert", "2.3.0", 1, 3.3e-3, ""), Candidate("tflite", "2.14.0", 1, None, "it crashed"))
    return Deployment(
        name=name,
        release="3b0f7c1e",
        path="edgepack/image-classification/current",
        root="edgepack",
        runner=Runner(("python3", "run.py"), "litert", "2.3.0", 1, "wheels in the release", 60.0, tried),
        golden=GoldenCheck(16, 4, 3.0, 0.0, 0, 4.0, "litert"),
        replaced="91aa02f4",
        uploaded=70_100_000,
        reused=12_000,
        seconds=4.2,
    )


def coding():
    """Weights of generated C, three of four in codes."""
    return (
        CodingRow("conv", "CONV_2D", "weights", 448, 1792, 448, 94, 143, "bitmap", "saves 68 %"),
        CodingRow("point", "CONV_2D", "weights", 512, 2048, 512, 92, 153, "bitmap", "saves 70 %"),
        CodingRow("up", "TRANSPOSE_CONV", "weights", 1024, 4096, 1024, 233, 1024, "", "no room in memory"),
        CodingRow("head", "FULLY_CONNECTED", "weights", 560, 2240, 560, 120, 140, "ans", "saves 75 %"),
    )
