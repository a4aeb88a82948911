"""What each choice saves, by the compiler's own accounts: all layers are treated alike, one compile for each choice."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgepack.compile import CCode, compile_for
from edgepack.compress import Compressed
from edgepack.compress.slimmer import slimmer
from edgepack.convert import convert
from edgepack.flatbuffer import inspect_model, read_model
from edgepack.ground.cache import Cache
from edgepack.ground.files import canonical_json, hash_of, sha256_file, write_atomic
from edgepack.ground.plain import typed
from edgepack.ground.progress import Progress
from edgepack.kinds import kind_of
from edgepack.kinds.find import package_version
from edgepack.search.change import Largest, changed, layer_of
from edgepack.search.choices import Choices, Level, Stored
from edgepack.search.design import Design
from edgepack.search.figures import Figures, compiled_figures

if TYPE_CHECKING:
    from edgepack.project import Target
    from edgepack.sources import Dataset

_VERSION = 1


@dataclass(frozen=True)
class Base:
    """The int8 .tflite of the float model with channels removed, untrained, and its kernels' largest weights by channel."""

    file: Path
    largest: Largest


@dataclass(frozen=True)
class LayerCost:
    """A layer in one compile: expected instructions, bytes of its weights in the file, and what coding saves of them."""

    instructions: float
    weights: int
    saved: int


@dataclass(frozen=True)
class Costs:
    """One compile: its layers by Keras layer ("" for what belongs to none with kernels), and the arena in bytes."""

    layers: Mapping[str, LayerCost] = field(default_factory=dict)
    arena: int = 0


@dataclass(frozen=True)
class Workshop:
    """What the untrained candidates of a model are made of, and where they are kept."""

    compressed: Compressed
    data: Dataset
    target: Target
    choices: Choices
    cache: Cache
    progress: Progress

    def base(self, removed: Mapping[str, float]) -> Base:
        """The plain int8 .tflite without these shares of layers' channels."""
        made = slimmer(self.compressed, self.data, removed, self.cache)
        return Base(convert(made.compressed, self.data, self.cache, self.progress).file, made.largest)

    def made(self, removed: Mapping[str, float], stored: Mapping[str, Stored], level: Level, balanced: bool = True) -> Path:
        """The .tflite of an untrained design; its figures are those of a trained one with `balanced` biases (`changed`)."""
        base = self.base(removed)
        if level.plain and all(each == Stored() for each in stored.values()):
            return base.file

        def compute(folder: Path) -> None:
            write_atomic(folder / "model.tflite", changed(base.file.read_bytes(), stored, level, base.largest, balanced))

        plain = {name: [each.sparsity, each.special] for name, each in stored.items() if each != Stored()}
        inputs = {
            "version": _VERSION,
            "base": sha256_file(base.file),
            "largest": hash_of(base.largest),
            "stored": plain,
            "level": asdict(level),
            "balanced": balanced,
        }
        return self.cache.stage("untrained", inputs, compute).folder / "model.tflite"

    def untrained(self, design: Design) -> Path:
        """The .tflite of a design, its weights as they are without training."""
        removed = {name: each.removed for name, each in design.treatments.items() if each.removed}
        stored = {name: Stored(each.sparsity, each.clustered or each.few_bits) for name, each in design.treatments.items()}
        special = any(each.special for each in stored.values())
        return self.made(removed, stored, Level(design.clusters, design.weights) if special else Level())

    def alike(self, stored: Stored, level: Level, removed: float = 0.0, balanced: bool = True) -> Path:
        """The .tflite with all layers treated alike, each as far as it may be."""
        families = {name: removed for family in self.choices.families if family is not None and removed for name in family.layers}
        treated = {layer.layer: self.nearest(layer.layer, stored, level) for layer in self.choices.layers}
        return self.made(families, treated, level, balanced)

    def nearest(self, name: str, stored: Stored, level: Level) -> Stored:
        """What a layer may be that is most like `stored`."""
        layer = next(each for each in self.choices.layers if each.layer == name)
        allowed = self.choices.stored(layer, level)
        tried = (stored, Stored(stored.sparsity), Stored(0.0, stored.special))
        return next((each for each in tried if each in allowed), Stored())

    def figures(self, file: Path) -> Figures:
        """The figures of a .tflite on the target, from the cache if they can."""

        def compute(folder: Path) -> None:
            (folder / "figures.json").write_bytes(canonical_json(asdict(compiled_figures(file, self.target))))

        device = asdict(self.target.device)
        inputs = {"version": _VERSION, "compiler": compiler_state(), "model": sha256_file(file), "device": device}
        return typed(Figures, json.loads((self.cache.stage("costs", inputs, compute).folder / "figures.json").read_text()))

    def costs(self, file: Path) -> Costs:
        """What the compiler says of each layer of a .tflite; of a target that is not compiled for, the file's own sizes."""
        names = {layer.layer: 0 for layer in self.choices.layers}
        model = read_model(file)
        weights, macs = dict.fromkeys(names, 0), dict.fromkeys(names, 0.0)
        for fact in inspect_model(model).layers:
            name = layer_of(fact.layer, names)
            if name in names:
                weights[name] += fact.bytes
                macs[name] += fact.macs
        if not is_compiled(self.target):
            return Costs({name: LayerCost(macs[name], weights[name], 0) for name in names})
        device = self.target.device
        code = compile_for(model, "model", device)
        instructions, saved = _by_layer(code, lambda name: layer_of(name, names) if layer_of(name, names) in names else "")
        found = {name: LayerCost(instructions.get(name, 0.0), weights.get(name, 0), saved.get(name, 0)) for name in (*names, "")}
        return Costs(found, code.arena_size)


def is_compiled(target: Target) -> bool:
    """Whether the model becomes C for this target."""
    return kind_of(target).holds == "firmware" and target.device.runtime == "c"


@functools.cache
def compiler_state() -> str:
    """A hash of the compiler's text and of the tools behind it: what becomes of a model changes with them."""
    import edgepack

    root = Path(edgepack.__file__).parent
    files = [file for room in ("compile", "coding", "mcu", "cores") for file in (root / room).rglob("*") if file.is_file()]
    texts = {str(file.relative_to(root)): sha256_file(file) for file in files if file.suffix != ".pyc"}
    return hash_of({"texts": texts, "tools": [package_version(name) for name in ("ziglang", "unicorn")]})


def _by_layer(code: CCode, named: Callable[[str], str]) -> tuple[dict[str, float], dict[str, int]]:
    """Instructions, and bytes that coding saves, by layer."""
    instructions: dict[str, float] = {}
    saved: dict[str, int] = {}
    for layer in code.layers:
        name = named(layer.layer)
        instructions[name] = instructions.get(name, 0.0) + layer.predicted
        for one in layer.considered:
            if one.coded is not None:
                owner = name if one.output is None else named(code.graph.values[one.output].layer)
                saved[owner] = saved.get(owner, 0) + one.coded.bytes - one.coded.coded_bytes
    return instructions, saved


def scaled(points: Mapping[float, float], share: float) -> float:
    """What is left of a cost when `share` of a kernel is: between measured points (share: cost) along straight lines.

    >>> scaled({1.0: 100.0, 0.25: 40.0}, 0.625)
    70.0
    """
    places = sorted(points)
    return float(np.interp(share, places, [points[each] for each in places]))
