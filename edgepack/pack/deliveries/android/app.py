"""A model for an Android app: the .tflite with TFLite metadata as an asset, a Kotlin class, Gradle lines for LiteRT."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgepack import __version__
from edgepack.flatbuffer import Tensor, read_model
from edgepack.flatbuffer.rewrite.metadata import TensorNotes, add_metadata
from edgepack.ground.escape import markdown, markdown_code, markdown_line, one_line
from edgepack.ground.files import sha256_bytes
from edgepack.pack.deliveries.android.kotlin import class_name, kotlin_class
from edgepack.pack.deliveries.form import Form, Options
from edgepack.pack.deliveries.writing import write_whole, writing_to
from edgepack.pack.sbom import NAME as SBOM
from edgepack.pack.sbom import Part, delivery_sbom
from edgepack.project import c_identifier

LITERT = "com.google.ai.edge.litert:litert:1.4.2"
"""The Interpreter API of LiteRT, from Android 5 (API level 21) on."""

_GRADLE = """\
// Lines for the app module's build.gradle.kts.
android {{
    androidResources {{
        noCompress += "tflite" // the model is mapped into memory from the APK, which compressed entries cannot be
    }}
}}

dependencies {{
    implementation("{litert}")
}}
"""


def export_android(
    model_file: Path,
    name: str,
    folder: Path,
    version: str = "1.0.0",
    class_names: Sequence[str] = (),
    preprocessing: Mapping[str, object] | None = None,
) -> tuple[Path, ...]:
    """Write assets/NAME.tflite, its labels, NameModel.kt, NAME.gradle.kts and README.md to folder/NAME; returns the files.

    Args:
        model_file: The .tflite.
        name: Any; the files and the class are named by it as an identifier.
        class_names: What the values of a classifier's output stand for; packed into the model when their number fits.
        preprocessing: What was done with raw values; scale, offset, mean and std become metadata and Kotlin.

    Raises:
        ModelError: EP-20x for a malformed model.
        ProjectError: EP-171 for a tensor type that the Kotlin class cannot fill.
        EdgepackError: EP-252 when the folder cannot be written.
    """
    name = c_identifier(name)
    data = model_file.read_bytes()
    graph = read_model(data).subgraphs[0]
    inputs, outputs = ([graph.tensors[index] for index in indices] for indices in (graph.inputs, graph.outputs))
    settings = preprocessing or {}
    mean, std = normalisation(settings)
    labels = f"{name}_labels.txt"
    labelled = [bool(class_names) and math.prod(tensor.shape) == len(class_names) for tensor in outputs]
    input_notes = [
        TensorNotes(_plain(tensor.name), _say(tensor), mean if first else (), std if first else (), _image(tensor, settings))
        for first, tensor in zip([True, *[False] * (len(inputs) - 1)], inputs, strict=True)
    ]
    output_notes = [
        TensorNotes(_plain(tensor.name), _say(tensor), labels=labels if known else "")
        for tensor, known in zip(outputs, labelled, strict=True)
    ]
    text = "".join(f"{one_line(one)}\n" for one in class_names).encode()
    packed = {labels: text} if any(labelled) else {}
    description = f"{name}, from a .tflite with sha256 {sha256_bytes(data)[:16]} by edgepack {__version__}"
    kotlin = kotlin_class(name, inputs, outputs, (mean, std), class_names if any(labelled) else (), description)
    files: dict[str, str | bytes] = {
        f"assets/{name}.tflite": add_metadata(data, name, description, version, input_notes, output_notes, packed),
        f"{class_name(name)}.kt": kotlin,
        f"{name}.gradle.kts": _GRADLE.format(litert=LITERT),
        "README.md": _readme(name, inputs, outputs, settings, bool(packed)),
    }
    group, artifact, release = LITERT.split(":")
    runtime = Part(
        f"{group}:{artifact}", release, "Apache-2.0", "which Gradle fetches", purl=f"pkg:maven/{group}/{artifact}@{release}"
    )
    files[SBOM] = delivery_sbom(name, version, description, sha256_bytes(data), files, (runtime,))
    with writing_to(folder):
        return write_whole(folder / name, files)


def normalisation(preprocessing: Mapping[str, object]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """mean and std of (x - mean) / std, from (x * scale + offset - mean) / std; nothing when no number is known.

    >>> normalisation({"scale": 1 / 255, "note": "RGB"})
    ((0.0,), (255.0,))
    >>> normalisation({"mean": [127.5, 127.5], "std": 127.5}), normalisation({"input": "0..1"})
    (((127.5, 127.5), (127.5, 127.5)), ((), ()))
    """
    numbers = {key: _numbers(preprocessing.get(key)) for key in ("scale", "offset", "mean", "std")}
    if not any(numbers.values()):
        return (), ()
    count = max(len(values) for values in numbers.values())
    if any(len(values) not in (0, 1, count) for values in numbers.values()):
        return (), ()
    scale, offset, mean, std = (
        (values or (neutral,)) * (count if len(values) < 2 else 1)
        for values, neutral in zip(numbers.values(), (1.0, 0.0, 0.0, 1.0), strict=True)
    )
    if not all(scale) or not all(std):
        return (), ()
    shifted = tuple((mean[index] - offset[index]) / scale[index] for index in range(count))
    return shifted, tuple(std[index] / scale[index] for index in range(count))


def _numbers(value: object) -> tuple[float, ...]:
    values = value if isinstance(value, (list, tuple)) else [value]
    numbers = tuple(float(one) for one in values if isinstance(one, (int, float)) and not isinstance(one, bool))
    return numbers if len(numbers) == len(values) and all(map(math.isfinite, numbers)) else ()


def _image(tensor: Tensor, preprocessing: Mapping[str, object]) -> tuple[int, int, int] | None:
    """Height, width and channels of what is a picture: three channels, or one that the data calls pixels."""
    if len(tensor.shape) != 4 or tensor.shape[0] != 1:
        return None
    grey = tensor.shape[3] == 1 and any(word in str(dict(preprocessing)).lower() for word in ("pixel", "image"))
    return (tensor.shape[1], tensor.shape[2], tensor.shape[3]) if tensor.shape[3] == 3 or grey else None


def _plain(name: str) -> str:
    return name.removeprefix("serving_default_").partition(":")[0] or "tensor"


def _say(tensor: Tensor) -> str:
    quantized = ""
    if tensor.quantization is not None and tensor.quantization.scales:
        quantized = f", real = {tensor.quantization.scales[0]:g} * (stored - {tensor.quantization.zero_points[0]})"
    return f"{'x'.join(map(str, tensor.shape))} {tensor.dtype}{quantized}"


def _readme(
    name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], preprocessing: Mapping[str, object], labelled: bool
) -> str:
    rows = [
        f"| {kind} {index} | {markdown(_plain(tensor.name))} | {_say(tensor)} |"
        for kind, tensors in (("input", inputs), ("output", outputs))
        for index, tensor in enumerate(tensors)
    ]
    settings = "".join(f"- {markdown_line(key)}: {markdown_code(value)}\n" for key, value in preprocessing.items())
    prepared = f"\n## Preprocessing\nAs in training, before the model is given anything:\n\n{settings}" if settings else ""
    known = [*(["the normalisation"] if normalisation(preprocessing)[0] else []), *(["the classes' names"] if labelled else [])]
    packed = f" with {' and '.join(known)}" if known else ""
    table = "\n".join(rows)
    return f"""# {name} for Android

1. Copy `assets/{name}.tflite` to the app module's `src/main/assets/`.
2. Add the lines of `{name}.gradle.kts` to its `build.gradle.kts`.
3. Copy `{class_name(name)}.kt` to its sources and set the package.

       {class_name(name)}(context).use {{ model -> val outputs = model.run(values) }}

The class takes and returns real numbers; it quantizes and dequantizes with the model's own scale and zero point. The .tflite
holds TFLite metadata{packed}, which tflite-support and ML Kit read.

| | name | type |
|---|---|---|
{table}
{prepared}
How fast it is on a phone: `edgepack bench {name}.tflite --target android`.
"""


def _write(model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
    return export_android(model, name, folder, options.version, options.class_names, options.preprocessing)


FORM = Form("android", "for an app: the .tflite with metadata as an asset, a Kotlin class, Gradle lines for LiteRT", _write)
