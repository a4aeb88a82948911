"""What a project and a target say, checked and in base units: bytes, seconds, hertz, joules."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Where:
    """A place to point the user at: a line of a file, or the command-line flag that set the value."""

    file: Path
    line: int | None = None
    flag: str | None = None

    def __str__(self) -> str:
        """`edgepack.toml:12`, relative to the working folder when the file is below it, or the flag."""
        if self.flag is not None:
            return self.flag
        name = self.file
        if name.is_absolute() and name.is_relative_to(os.getcwd()):
            name = name.relative_to(os.getcwd())
        return str(name) if self.line is None else f"{name}:{self.line}"


@dataclass(frozen=True)
class StepTable:
    """One `[[recipe]]` table as written: its step, its other keys, and where each of them stands.

    The options are checked by the compression room, which knows each step's own keys.
    """

    step: str
    options: dict[str, Any]
    where: Where
    places: Mapping[str, Where] = field(default_factory=dict)

    def at(self, option: str) -> Where:
        """Where `option` was set; the table's own place when the option is not written there."""
        return self.places.get(option, self.where)


@dataclass(frozen=True)
class ModelSettings:
    """`[model]`: a file or `file.py:function`, and what else is needed to load it; paths relative to the project folder.

    `trust` lets a model file run the code that it holds or calls. `max_load_memory` (bytes) and `max_load_time` (seconds) bound
    what opening a file may take, None for edgepack's own limits. `float_file` is what a ready .tflite is compared with: a float
    .tflite, or a Keras file. `intended_use` and `limitations` are what the maker says of the model, for whoever receives it.
    """

    source: str
    name: str | None = None
    weights: str | None = None
    custom_objects: str | None = None
    trust: bool = False
    max_load_memory: int | None = None
    max_load_time: float | None = None
    float_file: str | None = None
    intended_use: str | None = None
    limitations: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataSettings:
    """`[data]`: where examples come from and how they are split.

    `validation` is the share of the training data set aside when the source brings no validation set, `test` the share of
    everything set aside when it brings no test set; `seed` makes both repeatable. `representative` is the number of
    training examples that calibrate quantization. `image_size` is (height, width). `max_unpacked` are the
    bytes that an archive may unpack to, None for edgepack's own limit. `threshold` is what an output that answers yes or no is
    compared with, None for 0.5, or 0 where the model gives logits. `preprocessing` may hold scale, offset,
    mean, std and note: a file's values x become (x * scale + offset - mean) / std.
    """

    source: str | None = None
    metric: str = "accuracy"
    threshold: float | None = None
    validation: float = 0.1
    test: float = 0.2
    seed: int = 0
    representative: int = 200
    image_size: tuple[int, int] | None = None
    color: Literal["rgb", "grayscale"] = "rgb"
    max_unpacked: int | None = None
    preprocessing: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchSettings:
    """`[search]`: what a search may try; None: what edgepack tries of itself.

    `sparsities` and `removed` are shares that a layer may have, `clusters` numbers of values (0: not clustered), `weights`
    formats of the step `quantize`. `layers` and `exclude` are names with * and ?. `epochs` is the most that a trial trains, all
    its steps together. `options` maps training options of the steps, such as `teacher`, to the values to try.
    """

    sparsities: tuple[float, ...] | None = None
    removed: tuple[float, ...] | None = None
    clusters: tuple[int, ...] | None = None
    weights: tuple[str, ...] | None = None
    layers: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    epochs: int | None = None
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """A folder with an edgepack.toml. `name` can be a folder name; `c_identifier(name)` makes it a C name."""

    folder: Path
    file: Path
    name: str
    model: ModelSettings
    data: DataSettings
    recipe: tuple[StepTable, ...] = ()
    search: SearchSettings = SearchSettings()


@dataclass(frozen=True)
class DeviceSettings:
    """`[device]`: how to reach a device, and how the model is run there. None: not set, the device kind's own default.

    `kind` is the name of one of edgepack.kinds.KINDS.
    `hardware` is text that the device's own model name must contain for it to count as the target's hardware.
    `addresses` are several devices, `inventory` a file that names them (relative to the profile's folder); `keep` is the
    number of releases that stay on a device; `require_signature` refuses packs that are not signed.
    `threads` 0 leaves their number to be measured. `power` is the power sensor: "auto", "off", or an I2C chip such as
    "ina219:/dev/i2c-1:0x40:0.1" (shunt in ohms). `library` is a TensorFlow Lite library on the host, for engine
    tflite-c. `current_ma` (milliampere) and `voltage_v` (volt), where given, allow an
    energy estimate. `coding` says which weights of generated C are in codes,
    of itself on microcontrollers alone. `cpus` are the processors it may run on: their
    numbers, or "fastest". `benchmark_model` is a file on this machine, or an address with its SHA-256: Google's tool of that
    name, which then measures the latency, with `delegate`.
    """

    kind: str
    cpu: str | None = None
    clock_hz: float | None = None
    board: str | None = None
    hardware: str | None = None
    address: str | None = None
    addresses: tuple[str, ...] = ()
    inventory: str | None = None
    keep: int = 3
    require_signature: bool = False
    root: str | None = None
    python: str | None = None
    engine: str = "auto"
    threads: int = 1
    runs: int = 200
    warmup: int = 20
    timeout_s: float = 60.0
    power: str = "auto"
    cpus: str | None = None
    benchmark_model: str | None = None
    delegate: str = "xnnpack"
    library: str | None = None
    optimize: str = "balanced"
    coding: str = "auto"
    overlay_input: bool = False
    runtime: str = "c"
    current_ma: float | None = None
    voltage_v: float | None = None


@dataclass(frozen=True)
class Budget:
    """`[budget]`: limits not to be exceeded; None: no limit.

    accuracy is the least that the project's metric may be, or the most of one that is better when lower; accuracy_drop absolute,
    against the float model on the test split; model_size, flash, ram and peak_memory in bytes; latencies in seconds; energy in
    joules an inference.
    """

    model_size: int | None = None
    flash: int | None = None
    ram: int | None = None
    peak_memory: int | None = None
    accuracy: float | None = None
    accuracy_drop: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    energy: float | None = None


@dataclass(frozen=True)
class Target:
    """A profile in targets/*.toml: device, runtime, budgets."""

    name: str
    file: Path
    title: str
    device: DeviceSettings
    budget: Budget
