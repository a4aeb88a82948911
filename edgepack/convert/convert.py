"""From the compressed Keras model to the .tflite, with the proof that it is what it claims to be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgepack.compress import Compressed
from edgepack.compress.keras.models import start_afresh, training_versions
from edgepack.compress.quantization.aware import without_quantization
from edgepack.compress.stored import open_compressed
from edgepack.convert.masks import coarse_softmaxes
from edgepack.convert.mixed import mix
from edgepack.convert.proof import Proof, prove
from edgepack.convert.survival import LayerZeros, check_kernels
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.rewrite.short_constants import short_constants
from edgepack.ground.cache import Cache
from edgepack.ground.files import canonical_json, sha256_file, write_atomic
from edgepack.ground.progress import Progress
from edgepack.sources import Dataset

# Changes whenever the same model would give another file or another check.
_VERSION = 9
_MIX_VERSION = 2
_CONSTANTS_VERSION = 2
FLOAT_FILE = "float.tflite"


@dataclass(frozen=True)
class Converted:
    """A proven .tflite. `layers` are the kernels' zeros in the file beside those in Keras; `zeros` and `weights` their sums.

    `float_file` is the same network, with the same weights, before quantization: what the file's layers can be compared with.
    """

    file: Path
    sha256: str
    scheme: str
    proof: Proof
    layers: tuple[LayerZeros, ...] = ()
    float_file: Path | None = None

    @property
    def weights(self) -> int:
        """The kernels' weights that were found in the file; what is said of zeros, codes and bits is about these."""
        return sum(layer.matched for layer in self.layers)

    @property
    def zeros(self) -> int:
        """How many of the `weights` are zero."""
        return sum(layer.zeros for layer in self.layers)

    @property
    def sparsity(self) -> float:
        """Share of zeros."""
        return self.zeros / self.weights if self.weights else 0.0

    @property
    def distinct(self) -> int:
        """The most distinct codes that an output channel of these has."""
        return max((layer.distinct for layer in self.layers), default=0)

    @property
    def entropy(self) -> float | None:
        """Shannon's entropy of the codes of these in bits per weight, kernel by kernel; None when there are none."""
        return sum(layer.bits for layer in self.layers) / self.weights if self.weights else None


def convert(compressed: Compressed, data: Dataset, cache: Cache, progress: Progress) -> Converted:
    """The .tflite of a compressed model, from the cache when nothing it depends on has changed.

    It is written only when it passed: what the scheme says holds for every tensor and operator, every pruned weight is zero and
    every shared weight still shared.

    Raises:
        ConvertError: EP-450 … EP-458.
    """
    scheme = compressed.quantization.scheme
    inputs = {
        "version": _VERSION,
        "versions": training_versions(),
        "model": compressed.sha256,
        "data": data.sha256,
        "scheme": scheme,
        "aware": compressed.quantization.aware,
        "preserved": list(compressed.quantization.preserved),
    }

    def compute(folder: Path) -> None:
        with progress.stage("Converting", f"to {scheme}") as task:
            start_afresh(0)
            model = open_compressed(compressed)
            content = run_converter(model, scheme, data, task)
            converted = read_model(content)
            proof = prove(converted, scheme)
            layers = check_kernels(model, converted, compressed.quantization.preserved)
            unseen = [layer.layer for layer in layers if layer.pruned and not layer.found]
            if unseen:
                names = ", ".join(unseen)
                progress.warn(f"the zeros of {names} could not be looked up in the .tflite: the converter rearranged them")
            coarse = coarse_softmaxes(converted)
            if coarse:
                names = ", ".join(coarse)
                progress.warn(f"integers cannot tell the scores of the softmax in {names} apart: mask with -20 rather than -1e9")
            write_atomic(folder / "model.tflite", content)
            size = len(content)
            del content, converted  # their memory is for the float model
            task.update(1, 1, "the float model beside it, for comparison")
            with without_quantization():
                write_atomic(folder / FLOAT_FILE, run_converter(model, "float32", data, task))
            facts = {"proof": asdict(proof), "layers": [asdict(layer) for layer in layers]}
            (folder / "proof.json").write_bytes(canonical_json(facts))
            task.finish(f"{size:,} bytes" + (", every tensor and operator an integer" if proof.fully_integer else ""))

    folder = cache.stage("convert", inputs, compute).folder
    file = folder / "model.tflite"
    facts: dict[str, Any] = json.loads((folder / "proof.json").read_text())
    stored = facts["proof"]
    proof = Proof(
        **{**stored, **{key: tuple(stored[key]) for key in ("inputs", "outputs", "float_layers")}},
    )
    if compressed.quantization.short_constants:
        file = _with_short_constants(file, cache)
    if compressed.quantization.int16:
        file = _mixed(file, compressed.quantization.int16, cache, progress)
        proof = prove(read_model(file.read_bytes()), scheme)
    layers = tuple(LayerZeros(**layer) for layer in facts["layers"])
    return Converted(file, sha256_file(file), scheme, proof, layers, folder / FLOAT_FILE)


def convert_float(compressed: Compressed, data: Dataset, cache: Cache, progress: Progress) -> Path:
    """A compressed model as a float .tflite, without any quantization.

    Raises:
        ConvertError: EP-451, EP-453, EP-455.
    """
    inputs = {"version": _VERSION, "versions": training_versions(), "model": compressed.sha256, "scheme": "float32"}

    def compute(folder: Path) -> None:
        with progress.stage("Converting", "to float32, for comparison") as task, without_quantization():
            start_afresh(0)
            write_atomic(folder / FLOAT_FILE, run_converter(open_compressed(compressed), "float32", data, task))

    return cache.stage("convert", inputs, compute).folder / FLOAT_FILE


def _with_short_constants(file: Path, cache: Cache) -> Path:
    """The int8 file with constants rounded to what is hardly seen."""

    def compute(folder: Path) -> None:
        write_atomic(folder / "model.tflite", short_constants(file.read_bytes()))

    inputs = {"version": _CONSTANTS_VERSION, "versions": training_versions(), "model": sha256_file(file)}
    return cache.stage("constants", inputs, compute).folder / "model.tflite"


def _mixed(file: Path, patterns: Sequence[str], cache: Cache, progress: Progress) -> Path:
    """The int8 file with 16 bit outputs of the layers that match `patterns`."""

    def compute(folder: Path) -> None:
        mixed = mix(file.read_bytes(), patterns)
        write_atomic(folder / "model.tflite", mixed.content)
        (folder / "mixed.json").write_bytes(canonical_json({"computed": mixed.computed, "narrowed": mixed.narrowed}))

    inputs = {"version": _MIX_VERSION, "versions": training_versions(), "model": sha256_file(file), "int16": list(patterns)}
    folder = cache.stage("mix", inputs, compute).folder
    facts = json.loads((folder / "mixed.json").read_text())
    progress.note(f"computed with 16 bit activations: {', '.join(facts['computed'])}")
    if facts["narrowed"]:
        progress.note(f"read 8 bits all the same, without a 16 bit kernel: {', '.join(facts['narrowed'])}")
    return folder / "model.tflite"
