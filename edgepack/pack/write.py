"""Writing a pack."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edgepack.flatbuffer import Inspection, Model, inspect_model, read_model
from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import atomic_folder, canonical_json
from edgepack.pack.card import model_card
from edgepack.pack.golden import Golden, GoldenInputs, choose_golden_inputs, read_golden, write_golden
from edgepack.pack.manifest import NAME, PackInfo, describe, list_files, with_files
from edgepack.pack.sbom import NAME as SBOM
from edgepack.pack.sbom import pack_sbom

MODEL = "model.tflite"
CARD = "MODEL_CARD.md"
GOLDEN = "golden"


@dataclass(frozen=True)
class Pack:
    """The folder that ships. `id` follows from its content; `manifest` is manifest.json."""

    folder: Path
    name: str
    id: str
    manifest: dict[str, Any]
    model: Path
    golden: Golden


def write_pack(
    folder: Path,
    name: str,
    model_file: Path,
    golden_inputs: GoldenInputs | None = None,
    info: PackInfo | None = None,
    model: Model | None = None,
    inspection: Inspection | None = None,
) -> Pack:
    """Write the pack of a .tflite to `folder`, replacing the pack there; it appears whole or not at all.

    Args:
        folder: Where the pack shall be.
        name: The project's name.
        model_file: The .tflite.
        golden_inputs: Inputs for the golden vectors; without them extremes and random values.
        info: What else is known of the model.
        model, inspection: The file as it was read, and what is in it, for who has them.

    Raises:
        ModelError: EP-20x a malformed model; EP-253 a model without numeric inputs; EP-280 to EP-282 one that does not run.
        EdgepackError: EP-252 when the folder cannot be written.
    """
    info = info or PackInfo()
    model = model or read_model(model_file)
    inputs = golden_inputs or choose_golden_inputs(model)
    manifest = describe(name, info, (inspection or inspect_model(model)).as_json())
    try:
        with atomic_folder(folder) as temporary:
            shutil.copyfile(model_file, temporary / MODEL)
            write_golden(temporary / GOLDEN, model, temporary / MODEL, inputs)
            for relative, content in info.files.items():
                _write_extra(temporary, relative, content)
            golden = read_golden(temporary / GOLDEN)
            (temporary / CARD).write_text(model_card(manifest, golden), encoding="utf-8")
            made = {"count": golden.count, "engine": golden.engine, "engine_version": golden.engine_version}
            manifest = {**manifest, "golden": made}
            hashes = {name: entry["sha256"] for name, entry in list_files(temporary).items()}
            (temporary / SBOM).write_bytes(pack_sbom(manifest, hashes, info.tools, info.runtimes))
            text = canonical_json(with_files(manifest, temporary))
            (temporary / NAME).write_bytes(text)
    except OSError as error:
        raise EdgepackError(
            "EP-252", f"cannot write the pack {folder}: {error.strerror}", "free some space, or choose another folder with --out"
        ) from error
    written = json.loads(text)
    return Pack(folder, name, written["id"], written, folder / MODEL, read_golden(folder / GOLDEN))


def _write_extra(folder: Path, relative: str, content: bytes | str) -> None:
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or relative in (MODEL, CARD, SBOM, NAME) or path.parts[0] == GOLDEN:
        raise ValueError(f"{relative} cannot be a further file of a pack")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode() if isinstance(content, str) else content)
