"""The manifest of a pack: every file's hash, and where the model comes from.

It holds only what the same inputs give again: no times, no machine, no device's measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from edgepack import __version__
from edgepack.ground.files import hash_of, sha256_file
from edgepack.ground.plain import plain
from edgepack.pack.sbom import Part
from edgepack.runners.on_device.run_verify import ENDORSEMENT, KEY, SIGNATURE

SCHEMA = 1
NAME = "manifest.json"
SIGNATURE_FILES = (SIGNATURE, KEY, ENDORSEMENT)
"""What a signed pack has beside its manifest, which does not list them."""

_PACKAGES = (
    "ai-edge-litert",
    "numpy",
    "tensorflow",
    "tensorflow-model-optimization",
    "tf-keras",
    "tflite-runtime",
)


@dataclass(frozen=True)
class PackInfo:
    """What is known of a model beside its file; everything is optional.

    `source`: the model the .tflite was made from (file, kind, sha256). `data`: the data set (sha256, examples a split).
    `recipe`: the steps and their options, in order. `steps`: what each step gave, dataclasses or mappings; their `seconds`
    are left out. `metric`: name, higher_is_better, baseline (float Keras model) and value (this .tflite), split, examples.
    `coding`: the weights of the generated C among `files`, dataclasses or mappings, where some are in codes.
    `files`: further files of the pack by relative name, such as "c/kws.h". `intended_use` and `limitations` are the maker's own
    words. `tools`: packages that the model was made with, `runtimes` what edgepack brings to a device that has none of its own;
    both are for the bill of materials.
    """

    title: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    recipe: Sequence[Any] = ()
    steps: Sequence[Any] = ()
    metric: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    class_names: Sequence[str] = ()
    scheme: str = ""
    notes: Sequence[str] = ()
    coding: Sequence[Any] = ()
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    intended_use: str = ""
    limitations: Sequence[str] = ()
    tools: Sequence[str] = ()
    runtimes: Sequence[Part] = ()


def describe(name: str, info: PackInfo, inspection: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without its list of files; `inspection` is that of the model, as JSON."""
    totals = inspection["totals"]
    return {
        "schema": SCHEMA,
        "name": name,
        "title": info.title,
        "model": {
            "file": "model.tflite",
            "sha256": inspection["sha256"],
            "bytes": inspection["size_bytes"],
            "scheme": info.scheme,
            "macs": totals["macs"],
            "parameters": totals["parameters"],
            "parameter_bytes": totals["parameter_bytes"],
            "zeros": totals["zeros"],
            "weights": totals["weights"],
            "entropy_bits_per_weight": round(totals["entropy"], 6),
            "peak_activation_bytes": inspection["peak"]["activation_bytes"],
            "operators": inspection["operator_counts"],
            "outside_tflm": inspection["outside_tflm"],
        },
        "inputs": inspection["inputs"],
        "outputs": inspection["outputs"],
        "class_names": [str(label) for label in info.class_names],
        "preprocessing": plain(info.preprocessing),
        "source": plain(info.source),
        "data": plain(info.data),
        "recipe": plain(info.recipe),
        "steps": [_without(plain(step), "seconds") for step in info.steps],
        "metric": plain(info.metric),
        "notes": [str(note) for note in info.notes],
        "intended_use": info.intended_use,
        "limitations": [str(limitation) for limitation in info.limitations],
        **({"coding": [_without(plain(row), "codes") for row in info.coding]} if info.coding else {}),
        "versions": {"edgepack": __version__, **installed_versions()},
    }


def with_files(manifest: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The manifest with the size and hash of every file in `folder`, and the id that follows from all of it."""
    complete = {**manifest, "files": list_files(folder)}
    return {**complete, "id": pack_id(complete)}


def list_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file in `folder` but the manifest, by relative name."""
    files = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_file() and relative not in (NAME, *SIGNATURE_FILES):
            files[relative] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    return files


def pack_id(manifest: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that follow from the manifest's content, its own `id` apart."""
    return hash_of({key: value for key, value in manifest.items() if key != "id"})[:12]


def installed_versions() -> dict[str, str]:
    """Versions of the packages that decide a model's bits, those that are installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _without(row: Any, name: str) -> Any:
    return {key: value for key, value in row.items() if key != name} if isinstance(row, dict) else row
