"""A report with the figures of a plausible deployment, for every test that needs one."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from edgepack.deploy.engines.types import GoldenCheck, Runner
from edgepack.deploy.releases.types import Deployment
from edgepack.devices.device import DeviceFacts
from edgepack.judge import exit_code, judge
from edgepack.measure.types import Measurement
from edgepack.project import StepTable, Where, load_target
from edgepack.report import Report

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


@dataclass(frozen=True)
class Step:
    """The fields of a step's result that reports show."""

    step: str
    label: str
    metric: float
    sparsity: float
    distinct: int
    int8_bytes: int
    deflated_bytes: int
    seconds: float
    notes: tuple[str, ...] = ()
    metric_name: str = "accuracy"
    parameters: int = 77706
    macs: int = 12501632
    layers: tuple[dict, ...] = field(default=())


def steps():
    return (
        Step("float", "float", 0.8719, 0.0, 243, 78744, 72150, 0.0),
        Step("prune", "pruned 50 %", 0.8690, 0.5, 231, 78744, 48930, 81.0, ("conv2d kept dense: it has 432 weights.",)),
        Step("prune", "pruned 70 %", 0.8642, 0.7, 219, 78744, 36120, 80.0),
        Step("quantize", "int8, aware", 0.8655, 0.7, 201, 78744, 35420, 140.0, ("AveragePooling2D was left un-annotated.",)),
        Step("convert", "the int8 .tflite", 0.8650, 0.7, 201, 98496, 51200, 0.0, ("figures of the file itself",)),
    )


def inspection(instructions=False):
    layers = []
    for index, (layer, operator, shape, macs, weights) in enumerate(RESNET):
        size = 1
        for dimension in shape:
            size *= dimension
        layers.append(
            {
                "index": index,
                "layer": layer,
                "operator": operator,
                "outputs": [{"shape": shape}],
                "macs": macs,
                "bytes": weights + 4 * shape[-1] if weights else 0,
                "parameters": weights + shape[-1] if weights else 0,
                "weights": {
                    "elements": weights,
                    "zeros": weights * 7 // 10,
                    "distinct_per_channel": min(weights, 96),
                    "entropy": 3.1 if weights else 0.0,
                },
                "quantization": "int8",
                "live_bytes": 2 * size,
            }
        )
    totals = {
        "operators": len(RESNET),
        "macs": 12501632,
        "parameters": 77706,
        "parameter_bytes": 78744,
        "weights": 77360,
        "zeros": 54152,
        "entropy": 3.1,
        "entropy_bytes": 29977,
    }
    return {"layers": layers, "totals": totals, "peak": {"activation_bytes": 49152, "operator": 2, "state_bytes": 0}}


def samples(count=200, seed=7):
    generator = random.Random(seed)
    return [0.0031 + generator.gammavariate(2.0, 0.00012) for _ in range(count - 3)] + [0.0052, 0.0061, 0.0173]


def report(target="rpi", real_hardware=True, name="image-classification", overrides=(), **changes):
    """A deployment of ResNet-8: on a Pi by default; `changes` replace arguments of Report.from_parts."""
    profile = load_target(target, None, overrides)
    latencies = sorted(samples())
    time_method = "hardware" if real_hardware else "stand-in"
    conditions = {"threads": 1, "runs": 200, "warmup": 20, "engine": "litert 2.3.0"}
    measurements = [
        Measurement("accuracy", 0.8648, "", time_method, "10,000 test examples, 4 differ from the reference kernels"),
        Measurement("accuracy_drop", 0.8719 - 0.8648, "", time_method, "float Keras model 0.8719"),
        Measurement("model_size", 98496, "bytes", "file", "model.tflite"),
    ]
    if profile.device.kind == "mcu":
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
    arguments = {
        "name": name,
        "target": profile,
        "verdicts": verdicts,
        "measurements": measurements,
        "exit_code": exit_code(verdicts, real_hardware),
        "real_hardware": real_hardware,
        "model": {
            "file": "model.tflite",
            "bytes": 98496,
            "sha256": "3b0f7c1e" * 8,
            "scheme": "int8",
            "metric_name": "accuracy",
            "baseline": 0.8719,
            "source": "pretrainedResnet.h5",
        },
        "steps": steps(),
        "inspection": inspection(),
        "instructions": {index: 1.9 * row[3] for index, row in enumerate(RESNET)} if profile.device.kind == "mcu" else None,
        "latency_samples": latencies,
        "device": DeviceFacts(
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
            stand_in=not real_hardware,
            stand_in_reason="" if real_hardware else "a loopback sshd on this machine",
        ),
        "deployment": Deployment(
            name=name,
            release="3b0f7c1e",
            path="edgepack/image-classification/current",
            root="edgepack",
            runner=Runner(("python3", "run.py"), "litert", "2.3.0", 1, "wheels in the release", 60.0),
            golden=GoldenCheck(16, 4, 3.0, 0.0, 0, 4.0, "litert"),
            replaced="91aa02f4",
            uploaded=70_100_000,
            reused=12_000,
            seconds=4.2,
        ),
        "proof": {
            "operators": {"CONV_2D": 9, "ADD": 3, "FULLY_CONNECTED": 1},
            "tensors": 51,
            "inputs": "int8",
            "outputs": "int8",
        },
        "preprocessing": {"note": "RGB, 0 to 255, no normalisation", "mean": [0.0, 0.0, 0.0]},
        "recipe": [
            StepTable("prune", {"sparsity": 0.5}, Where(Path("edgepack.toml"), 8)),
            StepTable("prune", {"sparsity": 0.7, "schedule": "polynomial"}, Where(Path("edgepack.toml"), 12)),
            StepTable("quantize", {"scheme": "int8", "aware": True}, Where(Path("edgepack.toml"), 16)),
        ],
        "versions": {"edgepack": "0.1.0", "tensorflow": "2.21.0", "tf-keras": "2.21.0", "tensorflow-model-optimization": "0.8.1"},
        "warnings": ["The CPU governor is ondemand: the first runs may be slow."],
        "created": "2026-11-22T02:30:00+00:00",
        **changes,
    }
    return Report.from_parts(**arguments)
