"""The bill of materials of a delivery that is a folder or an archive of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgepack.ground.files import sha256_bytes
from edgepack.pack.sbom.document import document
from edgepack.pack.sbom.pack import own_code
from edgepack.pack.sbom.parts import Part, sha256, tools

TFLM = Part(
    "tflite-micro",
    "",
    "Apache-2.0",
    "TensorFlow Lite Micro, which the build brings",
    purl="pkg:github/tensorflow/tflite-micro",
)


def delivery_sbom(
    name: str,
    version: str,
    about: str,
    model_sha256: str,
    contents: Mapping[str, str | bytes],
    needed: Sequence[Part] = (),
    used: Sequence[str] = (),
) -> str:
    """sbom.cdx.json as text.

    Args:
        name, version, about: Of the delivery.
        model_sha256: The .tflite that it was made from; empty where nobody knows it.
        contents: Its files by name.
        needed: What a build adds that is not in it.
        used: The packages that made it, beside edgepack and numpy.
    """
    hashes = {file: sha256_bytes(one.encode() if isinstance(one, str) else one) for file, one in contents.items()}
    model = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": f"{name}.tflite",
        "description": "the model that this was made from",
        **sha256(model_sha256),
    }
    components = [
        *([model] if model_sha256 else []),
        own_code(f"{name} files", "written by edgepack; there is no CMSIS, no C library and no vendor's code in it", hashes),
        *(part.component() for part in needed),
    ]
    subject = {"type": "library", "name": name, **({"version": version} if version else {}), "description": about}
    return document(subject, tools({"edgepack", "numpy", *used}), components).decode()
