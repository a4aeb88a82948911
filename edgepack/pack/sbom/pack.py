"""A pack's bill of materials, from its manifest and its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

from edgepack import __version__
from edgepack.pack.sbom.document import OWN_LICENCE, document
from edgepack.pack.sbom.model import data_component, formulation, model_component
from edgepack.pack.sbom.parts import Part, files, licences, tools

ENGINES = {"tflite-ref": "tflite-runtime", "tflite-micro": "tflite-micro", "litert-ref": "ai-edge-litert"}
"""The packages behind the engines of golden vectors."""

_ALWAYS = ("edgepack", "numpy")
_CODE, _RUNNER, _PROGRAM = "c/", "scripts/runner/", "scripts/program/run"


def pack_sbom(
    manifest: Mapping[str, Any], hashes: Mapping[str, str], used: Iterable[str] = (), runtimes: Sequence[Part] = ()
) -> bytes:
    """sbom.cdx.json of a pack.

    Args:
        manifest: The pack's, without its list of files.
        hashes: SHA-256 of every other file of the pack, by name.
        used: The packages that made the model, beside those that make every pack.
        runtimes: What edgepack brings to a device that has none of its own.
    """
    made_by = {*_ALWAYS, *used, ENGINES.get(str(manifest["golden"]["engine"]), "")} - {""}
    if _PROGRAM in hashes:
        made_by.add("ziglang")
    rest = {name: digest for name, digest in hashes.items() if name != manifest["model"]["file"] and not _grouped(name)}
    components = [
        model_component(manifest),
        *data_component(manifest),
        *_group(hashes, _CODE, "generated C", "the network, its weights and edgepack's kernels; no CMSIS, no other library"),
        *_group(hashes, _RUNNER, "edgepack runner", "runs the model on a device that has Python"),
        *_program(hashes),
        *(part.component() for part in runtimes),
        *files(rest),
    ]
    subject = {"type": "application", "name": manifest["name"], "description": manifest["title"] or "a pack of edgepack"}
    return document(subject, tools(made_by), components, {"formulation": formulation(manifest)})


def _grouped(name: str) -> bool:
    return name == _PROGRAM or name.startswith((_CODE, _RUNNER))


def _group(hashes: Mapping[str, str], folder: str, name: str, about: str) -> list[dict[str, Any]]:
    """The files below a folder as one component; none without files."""
    inside = {file: digest for file, digest in hashes.items() if file.startswith(folder)}
    return [own_code(name, about, inside)] if inside else []


def own_code(name: str, about: str, inside: Mapping[str, str]) -> dict[str, Any]:
    """Files that edgepack wrote, under its licence."""
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": __version__,
        "description": about,
        **licences(OWN_LICENCE),
        "components": files(inside),
    }


def _program(hashes: Mapping[str, str]) -> list[dict[str, Any]]:
    """The static program with what zig links into it."""
    if _PROGRAM not in hashes:
        return []
    return [
        {
            **files({_PROGRAM: hashes[_PROGRAM]})[0],
            "type": "application",
            "bom-ref": "program",
            "description": "a static program: the generated C and edgepack's runner in C, with zig's C library",
            "components": [
                {"type": "library", "name": "musl", "description": _of_zig(), **licences("MIT")},
                {"type": "library", "name": "zig compiler-rt", "description": _of_zig(), **licences("MIT")},
            ],
        }
    ]


def _of_zig() -> str:
    return f"the one in ziglang {metadata.version('ziglang')}"
