"""Golden vectors on the device: does the engine there compute what the reference kernels compute?

Who must agree bit for bit follows from what the pack says of its reference: the generated C always, whose bits are the
reference's whatever engine that was, and reference kernels with the vectors that they made themselves. Optimised kernels round
differently, which a softmax can amplify: on
1,000 CIFAR-10 images, XNNPACK's int8 ResNet-8 differs from the reference on 519, by 87 of 255 steps on the worst one and
by more than 16 steps on 111, and the accuracy is the same within 0.1 point. So a single input tells little: a release is
refused when the *typical* input (the median over the golden inputs of each one's largest difference) is off by more
than a sixteenth of the output's range, which no rounding explains. Every difference is reported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.devices import Device
from edgepack.engines.call import call_runner
from edgepack.engines.errors import WrongOutputs
from edgepack.engines.types import GoldenCheck, Runner
from edgepack.ground.errors import DeviceError
from edgepack.pack.golden.reference import LITERT
from edgepack.runners import REFERENCE
from edgepack.runners.native import ENGINE as GENERATED_C

TOLERANCE = 1 / 16
"""How far the typical input may be off, as a share of the output's range: 16 steps of an int8 output."""


def check_golden(device: Device, runner: Runner, release: str, golden: Path, timeout: float) -> GoldenCheck:
    """Run the golden vectors of the release at path `release`, whose copy on the host is the folder `golden`.

    Raises:
        DeviceError: EP-527 when the outputs are not the reference's, or too far from them; EP-517 the runner fails.
    """
    check = measure_golden(device, runner, release, golden, timeout)
    refuse_wrong(device.name, runner, check)
    return check


def measure_golden(device: Device, runner: Runner, release: str, golden: Path, timeout: float) -> GoldenCheck:
    """The same without a judgement."""
    result = call_runner(device, runner, "golden", f"{release}/model.tflite", ["--folder", f"{release}/golden"], timeout)
    return check_of(result, runner, golden)


def check_of(result: Mapping[str, Any], runner: Runner, golden: Path) -> GoldenCheck:
    """What a runner's `golden` result says, in the unit of the pack's outputs."""
    width, unit, engine = output_range(golden)
    return GoldenCheck(
        inputs=int(result["count"]),
        inputs_differing=int(result["inputs_differing"]),
        max_difference=float(result["max_difference"]),
        typical_difference=float(result["median_difference"]),
        answers_moved=int(result["argmax_moved"]),
        tolerance=None if _must_agree(runner.engine, engine) else TOLERANCE * width,
        engine=f"{runner.engine} {runner.engine_version}",
        unit=unit,
    )


def _must_agree(engine: str, reference: str) -> bool:
    """Whether an engine has to give the very bits of golden vectors that `reference` made."""
    return engine == GENERATED_C or (engine == reference and engine in (REFERENCE, LITERT))


def refuse_wrong(name: str, runner: Runner, check: GoldenCheck) -> None:
    """Raise EP-527 when a release must not become current."""
    if check.tolerance is None:
        if check.inputs_differing:
            raise WrongOutputs(
                "EP-527",
                f"{name}: {check.inputs_differing} of {check.inputs} golden vectors differ; {runner.engine} must agree exactly",
                "this pack must not ship; please report it with the model"
                if runner.engine == GENERATED_C
                else "the runtime there is not the one the pack was checked with; install the version that golden.json names",
            )
    elif not check.typical_difference <= check.tolerance:
        raise WrongOutputs(
            "EP-527",
            f"{name}: {check.engine} computes something else than the reference: a typical golden vector is off by"
            f" {check.typical_difference:g}, {check.tolerance:g} is allowed",
            'try another engine, for example --set device.engine="tflite"',
        )


def output_range(golden: Path) -> tuple[float, str, str]:
    """The width of the outputs' range, its unit (steps of the integer type, or none for float values), and who made them.

    Raises:
        DeviceError: EP-528 when the pack's golden vectors cannot be read.
    """
    try:
        described = json.loads((golden / "golden.json").read_text())
        widths, unit = [], "steps"
        for index, tensor in enumerate(described["outputs"]):
            dtype = np.dtype(tensor["dtype"])
            if dtype.kind == "f":
                unit = ""
                values = np.fromfile(golden / f"output_{index}.bin", dtype=dtype.newbyteorder("<"))
                widths.append(float(np.ptp(values)) or 1.0)
            else:
                widths.append(float(2 ** (8 * dtype.itemsize)))
        return max(widths), unit, str(described["engine"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeviceError("EP-528", f"the pack's golden vectors cannot be read: {error}", "write the pack again") from error
