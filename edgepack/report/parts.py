"""The parts of a report that no other room has as a type of its own, and how parts look in report.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from edgepack.ground.plain import plain, typed

if TYPE_CHECKING:
    from edgepack.devices import DeviceFacts
    from edgepack.flatbuffer import Inspection
    from edgepack.measure.layers import LayerTimes

Row = dict[str, Any]
"""An object of report.json."""


@dataclass(frozen=True)
class ModelFacts:
    """The file that ships, None or empty where a report does not say.

    Sizes are in bytes, `operators` counts operators by name, `outside_tflm` names those without a kernel in TensorFlow Lite
    Micro. `baseline` is the float Keras model's metric on the test split, `metric` that of the file, run on the host.
    """

    bytes: int | None = None
    entropy_bits_per_weight: float | None = None
    file: str = ""
    macs: int | None = None
    operators: dict[str, int] = field(default_factory=dict)
    outside_tflm: tuple[str, ...] = ()
    parameter_bytes: int | None = None
    parameters: int | None = None
    peak_activation_bytes: int | None = None
    scheme: str = ""
    sha256: str = ""
    weights: int | None = None
    zeros: int | None = None
    metric_name: str = ""
    higher_is_better: bool | None = None
    baseline: float | None = None
    metric: float | None = None


@dataclass(frozen=True)
class LayerFigures:
    """An operator of the file that ships: what it computes and stores, and what it took.

    `bytes` and `parameters` count kernels and biases; `weights`, `zeros`, `distinct` (the most in one channel) and `entropy`
    (bits per weight) the kernels alone; `live_bytes` are the tensors that exist while it runs. `instructions` were counted by an
    emulator, `seconds` told by an engine, both of one inference; None where nobody did.
    """

    index: int
    layer: str
    operator: str
    shape: tuple[int, ...] = ()
    macs: int = 0
    bytes: int = 0
    parameters: int = 0
    weights: int = 0
    zeros: int = 0
    distinct: int = 0
    entropy: float = 0.0
    quantization: str = ""
    live_bytes: int = 0
    instructions: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Peak:
    """The operator at which the most activations are live, and the bytes of variables on top (as flatbuffer's PeakMemory)."""

    activation_bytes: int = 0
    subgraph: int = 0
    operator: int = 0
    state_bytes: int = 0


@dataclass(frozen=True)
class ModelTotals:
    """Sums over all operators (as flatbuffer's Totals), and the peak of the activations."""

    operators: int = 0
    macs: int = 0
    parameters: int = 0
    parameter_bytes: int = 0
    weights: int = 0
    zeros: int = 0
    entropy: float = 0.0
    entropy_bytes: int = 0
    peak: Peak = field(default_factory=Peak)


@dataclass(frozen=True)
class McuFacts:
    """A microcontroller that ran the generated C. `model` is the target's title, `tools` what counted, `board` where it ran
    ("emulated", or an address), `kernels` the names of the C kernels used. Sizes in bytes, the clock in hertz."""

    model: str
    cpu: str | None
    clock_hz: float | None
    tools: str
    arena_bytes: int
    arena_lower_bound: int
    kernels: str
    board: str
    stand_in: bool = False
    stand_in_reason: str = ""


@dataclass(frozen=True)
class InterpreterFacts:
    """An interpreter on this machine in the place of a microcontroller that will run it: TensorFlow Lite Micro's."""

    model: str
    runtime: str
    stand_in: bool = True
    stand_in_reason: str = ""


AnyDeviceFacts: TypeAlias = "DeviceFacts | McuFacts | InterpreterFacts"


@dataclass(frozen=True)
class RecipeStep:
    """A step of the recipe with all its options, JSON-able."""

    step: str
    options: Mapping[str, Any] = field(default_factory=dict)


def layer_figures(
    inspection: Inspection, instructions: Mapping[int, float], times: LayerTimes | None
) -> tuple[LayerFigures, ...]:
    """One row per operator; `instructions` by its index; `times` may tell several parts of an operator, which are added up."""
    seconds: dict[int, float] = {}
    for row in () if times is None else times.rows:
        if row.operator is not None:
            seconds[row.operator] = seconds.get(row.operator, 0.0) + row.seconds
    return tuple(
        LayerFigures(
            index=layer.index,
            layer=layer.layer,
            operator=layer.operator,
            shape=layer.outputs[0].shape if layer.outputs else (),
            macs=layer.macs,
            bytes=layer.bytes,
            parameters=layer.parameters,
            weights=layer.weights.elements,
            zeros=layer.weights.zeros,
            distinct=layer.weights.distinct_per_channel,
            entropy=layer.weights.entropy,
            quantization=layer.quantization,
            live_bytes=layer.live_bytes,
            instructions=instructions.get(layer.index),
            seconds=seconds.get(layer.index),
        )
        for layer in inspection.layers
    )


def model_totals(inspection: Inspection) -> ModelTotals:
    """The sums of an inspection."""
    return typed(ModelTotals, {**plain(inspection.totals), "peak": plain(inspection.peak)})


def part_to_json(part: Any) -> Row:
    """A part as an object, {} for one that there is not. Of microcontrollers, only a stand-in says that it is one."""
    row: Row = {} if part is None else plain(part)
    if isinstance(part, McuFacts) and not part.stand_in:
        row = {key: value for key, value in row.items() if not key.startswith("stand_in")}
    return row


def device_from_json(row: Mapping[str, Any]) -> AnyDeviceFacts | None:
    """The facts that `part_to_json` gave this object."""
    if not row:
        return None
    if "arena_bytes" in row:
        return typed(McuFacts, row)
    if "runtime" in row:
        return typed(InterpreterFacts, row)
    from edgepack.devices import DeviceFacts

    return typed(DeviceFacts, row)


def recipe_to_json(recipe: tuple[RecipeStep, ...]) -> list[Row]:
    """The steps as the tables of edgepack.toml."""
    return [{"step": plain(step.step), **plain(step.options)} for step in recipe]


def recipe_from_json(rows: list[Row]) -> tuple[RecipeStep, ...]:
    """The steps that `recipe_to_json` gave these objects."""
    return tuple(RecipeStep(row["step"], {key: value for key, value in row.items() if key != "step"}) for row in rows)
