"""The keys of edgepack.toml and targets/*.toml and what each may hold.

Fields are the files' own key names; values come out in base units. Everything is strict (no "4" for 4) and closed (an
unknown key is an error). Turning a failed check into a message with file and line is check.py's work.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from edgepack.cores import CORES
from edgepack.ground.download import parse_pinned
from edgepack.ground.errors import ProjectError
from edgepack.kinds import KINDS
from edgepack.project import units
from edgepack.project.names import check_name

CPUS = tuple(CORES)
ENGINES = ("auto", "litert", "litert-builtin", "litert-ref", "tflite", "tflite-ref", "tflite-c", "tflite-c-builtin", "c")

KIND_NAMES = tuple(KINDS)

# Keys of [device] that mean something for some kinds only.
_SOME_KINDS = frozenset().union(*(kind.keys for kind in KINDS.values()))


def wrong(text: str, hint: str, *key: str) -> PydanticCustomError:
    """A failed check whose message is `text` as it stands, about `key` below the table that was being checked."""
    return PydanticCustomError("edgepack", "{text}", {"text": text, "hint": hint, "key": key})


def _quantity(parse: Callable[[Any], float | int], example: str) -> BeforeValidator:
    def check(value: object) -> float | int:
        hint = f'write a number and a unit in quotes, such as "{example}"'
        try:
            number = parse(value)
        except ValueError as error:
            raise wrong(str(error), hint) from error
        if number <= 0:
            raise wrong(f"{value!r} must be more than 0", hint)
        return number

    return BeforeValidator(check)


def _text(value: str) -> str:
    if not value.strip() or any(ord(character) < 32 for character in value):
        raise wrong(f"{value!r} is not one line of text", "write text on one line, not empty")
    return value


def check_address(value: str) -> str:
    """An address that is safe on a client's command line: one word that is not an option.

    Raises:
        PydanticCustomError: it is empty, starts with "-", or holds a password, white space or control characters. A password is
            not repeated in the message.
    """
    if holds_password(value):
        raise wrong("an address may not hold a password", "install a key with ssh-copy-id; passwords are never used")
    if not value or value.startswith("-") or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise wrong(f"{value!r} is not a device address", "write user@host, user@host:port, or a serial number")
    return value


def _power(value: str) -> str:
    if value not in ("auto", "off") and not re.fullmatch(
        r"(ina219:/dev/\S+:[0-9a-fx]+(:[\d.]+)?|ina260:/dev/\S+:[0-9a-fx]+)", value
    ):
        raise wrong(
            f"{value!r} is no power sensor", 'write "auto", "off", "ina219:/dev/i2c-1:0x40:0.1" or "ina260:/dev/i2c-1:0x40"'
        )
    return value


def _coding(value: str) -> str:
    """How weights are stored, by a name of edgepack.coding."""
    from edgepack.coding import check_coding

    try:
        return check_coding(value)
    except ProjectError as error:
        raise wrong(str(error), error.hint) from error


def _tool(value: str) -> str:
    """A file's path, or where it is downloaded from, with its checksum."""
    if "://" in value:
        try:
            parse_pinned(value)
        except ValueError as error:
            raise wrong(*error.args) from error
    return _text(value)


def holds_password(address: str) -> bool:
    """Whether an address is of the form user:password@host."""
    user, at, _ = address.removeprefix("ssh://").rpartition("@")
    return bool(at) and ":" in user


Bytes = Annotated[int, _quantity(units.parse_bytes, "256 KiB")]
Seconds = Annotated[float, _quantity(units.parse_seconds, "5 ms")]
Hertz = Annotated[float, _quantity(units.parse_hertz, "80 MHz")]
Joules = Annotated[float, _quantity(units.parse_joules, "2 mJ")]
Milliamperes = Annotated[float, _quantity(units.parse_milliamperes, "10 mA")]
Volts = Annotated[float, _quantity(units.parse_volts, "3.3 V")]
Text = Annotated[str, AfterValidator(_text)]
Address = Annotated[str, AfterValidator(check_address)]
Power = Annotated[str, AfterValidator(_power)]
Tool = Annotated[str, AfterValidator(_tool)]
Coding = Annotated[str, AfterValidator(_coding)]
Name = Annotated[str, AfterValidator(check_name)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Table(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ModelTable(Table):
    """`[model]`."""

    source: Text
    name: Name | None = None
    weights: Text | None = None
    custom_objects: Text | None = None
    trust: bool = False
    max_load_memory: Bytes | None = None
    max_load_time: Seconds | None = None
    float: Text | None = None
    intended_use: Text | None = None
    limitations: list[Text] = []


class PreprocessingTable(Table):
    """`[data.preprocessing]`: (x * scale + offset - mean) / std."""

    scale: PositiveNumber | None = None
    offset: Finite | None = None
    mean: Annotated[list[Finite], Field(min_length=1)] | Finite | None = None
    std: Annotated[list[PositiveNumber], Field(min_length=1)] | PositiveNumber | None = None
    note: Text | None = None


class DataTable(Table):
    """`[data]`."""

    source: Text | None = None
    metric: Text = "accuracy"
    threshold: Finite | None = None
    validation: Share = 0.1
    test: Share = 0.2
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    representative: Annotated[int, Field(ge=1)] = 200
    image_size: Annotated[list[Annotated[int, Field(ge=1, le=8192)]], Field(min_length=2, max_length=2)] | None = None
    color: Literal["rgb", "grayscale"] = "rgb"
    max_unpacked: Bytes | None = None
    preprocessing: PreprocessingTable = PreprocessingTable()


class SearchTable(Table):
    """`[search]`: what `edgepack search` may try. `options` are lists of values of the steps' training options."""

    sparsities: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=1)] | None = None
    removed: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=1)] | None = None
    clusters: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=1)] | None = None
    weights: Annotated[list[Literal["int8", "int4", "ternary", "binary"]], Field(min_length=1)] | None = None
    layers: Annotated[list[Text], Field(min_length=1)] = ["*"]
    exclude: list[Text] = []
    epochs: Annotated[int, Field(ge=1, le=100_000)] | None = None
    options: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}


class RecipeTable(BaseModel):
    """One `[[recipe]]` table; its options belong to the step and are checked there."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    step: Text


class ProjectFile(Table):
    """edgepack.toml. A recipe given as text is a file of `[[recipe]]` tables; load.py has read it before this check."""

    name: Name | None = None
    model: ModelTable
    data: DataTable = DataTable()
    search: SearchTable = SearchTable()
    recipe: list[RecipeTable] = []


class RecipeTables(Table):
    """The recipe alone, wherever it came from."""

    recipe: list[RecipeTable]


class RecipeFile(Table):
    """A recipe file: `[[recipe]]` tables and nothing else."""

    recipe: Annotated[list[RecipeTable], Field(min_length=1)]


class DeviceTable(Table):
    """`[device]`."""

    kind: Literal[KIND_NAMES]  # type: ignore[valid-type]
    cpu: Literal[CPUS] | None = None  # type: ignore[valid-type]
    clock: Hertz | None = None
    board: Text | None = None
    hardware: Text | None = None
    address: Address | None = None
    addresses: Annotated[list[Address], Field(min_length=1)] | None = None
    inventory: Text | None = None
    keep: Annotated[int, Field(ge=1, le=1000)] = 3
    require_signature: bool = False
    root: Text | None = None
    python: Text | None = None
    engine: Literal[ENGINES] = "auto"  # type: ignore[valid-type]
    threads: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = 1
    cpus: Annotated[str, Field(pattern=r"^(fastest|\d{1,3}(,\d{1,3})*)$")] | None = None
    benchmark_model: Tool | None = None
    delegate: Literal["none", "xnnpack", "gpu"] = "xnnpack"
    runs: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    warmup: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    timeout: Seconds = 60.0
    power: Power = "auto"
    library: Text | None = None
    optimize: Literal["size", "balanced", "speed"] = "balanced"
    coding: Coding | None = None
    input: Literal["is kept", "may be overwritten"] = "is kept"
    runtime: Literal["c", "tflm"] = "c"
    current: Milliamperes | None = None
    voltage: Volts | None = None

    @model_validator(mode="after")
    def check_kind(self) -> DeviceTable:
        """Keys fit the kind, and those that it needs are there."""
        own = KINDS[self.kind]
        for key in sorted(self.model_fields_set & _SOME_KINDS):
            if key not in own.keys:
                kinds = " or ".join(f'"{kind.name}"' for kind in KINDS.values() if key in kind.keys)
                raise wrong(f'has no meaning for kind = "{self.kind}", only for {kinds}', f"remove {key}", key)
        named = [key for key in ("address", "addresses", "inventory") if getattr(self, key) is not None]
        if len(named) > 1:
            raise wrong(f"cannot be given beside {named[0]}", f"keep one of {' and '.join(named)}", named[1])
        if self.addresses is not None and len(set(self.addresses)) < len(self.addresses):
            raise wrong("names a device twice", "write every device once", "addresses")
        for key, hint in own.needed.items():
            if getattr(self, key) is None:
                raise wrong(f'is needed for kind = "{self.kind}"', hint, key)
        fault = own.wrong(self)
        if fault is not None:
            raise wrong(*fault)
        return self


class BudgetTable(Table):
    """`[budget]`."""

    model_size: Bytes | None = None
    flash: Bytes | None = None
    ram: Bytes | None = None
    peak_memory: Bytes | None = None
    accuracy: PositiveNumber | None = None
    accuracy_drop: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    latency_p50: Seconds | None = None
    latency_p95: Seconds | None = None
    latency_p99: Seconds | None = None
    energy: Joules | None = None

    @model_validator(mode="after")
    def check_order(self) -> BudgetTable:
        """A higher percentile cannot have the tighter limit: it would make the lower one meaningless."""
        given = [(key, getattr(self, key)) for key in ("latency_p50", "latency_p95", "latency_p99")]
        given = [(key, value) for key, value in given if value is not None]
        for (low, low_value), (high, high_value) in itertools.pairwise(given):
            if high_value < low_value:
                raise wrong(f"must not be below {low}", f"raise {high} or lower {low}", high)
        return self


class TargetFile(Table):
    """targets/NAME.toml."""

    name: Name | None = None
    title: Text | None = None
    device: DeviceTable
    budget: BudgetTable = BudgetTable()

    @model_validator(mode="after")
    def check_budgets(self) -> TargetFile:
        """Flash and RAM are a microcontroller's; on other devices the model file and the process are limited."""
        for key, instead in KINDS[self.device.kind].instead_of_budgets.items():
            if getattr(self.budget, key) is not None:
                raise wrong(f'cannot be measured on kind = "{self.device.kind}"', f"use {instead} instead", "budget", key)
        return self
