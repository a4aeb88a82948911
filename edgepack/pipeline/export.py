"""The forms in which other builds take a model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgepack.compile import compile_model, write_code
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import EdgepackError, ProjectError
from edgepack.ground.progress import Progress
from edgepack.mcu.boards.boards import find_board
from edgepack.pack import export_c_array, write_pack
from edgepack.pack.deliveries import DELIVERIES, deliver, make_product, make_tflm_product
from edgepack.pack.deliveries.android import export_android
from edgepack.pack.deliveries.firmware import export_firmware
from edgepack.pack.systemd import export_systemd
from edgepack.pack.tflm import export_tflm
from edgepack.pipeline import Request, build, prepare
from edgepack.project import c_identifier


@dataclass(frozen=True)
class ExportRequest:
    """What to export: a project or a .tflite, the form, and where to; None takes the default of each.

    `runtime` is what a package holds: "c", the generated code, or "tflm", the model for TensorFlow Lite Micro.
    """

    source: Path
    form: str
    folder: Path | None = None
    name: str | None = None
    cpu: str | None = None
    board: str | None = None
    optimize: str = "balanced"
    version: str = "1.0.0"
    runtime: str = "c"
    data: Path | None = None
    weights: Path | None = None
    overrides: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    preprocessing: Mapping[str, object] = field(default_factory=dict)


Write = Callable[[Path, str, Path, ExportRequest], tuple[Path, ...]]


@dataclass(frozen=True)
class Form:
    """One form: what it is, and the function that writes it: (the .tflite, name, folder, request) -> the files.

    The name is a C identifier; in a form that does not hold the model, the one that the project is deployed under.
    """

    describe: str
    write: Write
    holds_model: bool = True


def _c_array(model: Path, name: str, folder: Path, request: ExportRequest) -> tuple[Path, ...]:
    return tuple(export_c_array(model.read_bytes(), name, folder))


def _c(model: Path, name: str, folder: Path, request: ExportRequest) -> tuple[Path, ...]:
    code = compile_model(read_model(model), name, request.cpu or "generic", request.optimize)
    write_code(code, folder)
    return tuple(sorted(folder / file for file in code.files))


def _firmware(model: Path, name: str, folder: Path, request: ExportRequest) -> tuple[Path, ...]:
    board = request.board or "generic"
    core = request.cpu or find_board(board).cpu
    code = compile_model(read_model(model), name, core, request.optimize)
    with tempfile.TemporaryDirectory(prefix="edgepack-export-") as work:
        golden = write_pack(Path(work) / "pack", name, model).golden
        inputs, outputs = (tuple(map(golden.values, tensors)) for tensors in (golden.inputs, golden.outputs))
        export_firmware(code.files, board, folder, code.name, inputs, outputs, request.cpu)
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))


def _tflm(model: Path, name: str, folder: Path, request: ExportRequest) -> tuple[Path, ...]:
    return export_tflm(model, name, folder)


def _delivery(model: Path, name: str, folder: Path, request: ExportRequest) -> tuple[Path, ...]:
    if request.runtime == "tflm":
        product = make_tflm_product(model, name, request.version)
    else:
        product = make_product(model, name, request.cpu or "generic", request.optimize, request.version)
    return deliver(request.form, product, folder)


def _android(model: Path, name: str, folder: Path, request: ExportRequest) -> tuple[Path, ...]:
    return export_android(model, name, folder, request.version, request.class_names, request.preprocessing)


RUNTIMES = ("c", "tflm")


def _systemd(model: Path, name: str, folder: Path, request: ExportRequest) -> tuple[Path, ...]:
    return export_systemd(name, folder)


FORMS: dict[str, Form] = {
    "c-array": Form("the .tflite as an aligned C array with its constants, for an interpreter on the device", _c_array),
    "c": Form("the model compiled to C99 for --cpu, with its weights and the kernels it needs; no interpreter", _c),
    "tflm": Form("for TensorFlow Lite Micro: array, sized resolver, arena size, golden vectors, an example", _tflm),
    "firmware": Form("a whole firmware for --board that runs the golden vectors and prints what they cost", _firmware),
    "arduino": Form("an Arduino library of the C code, or for TensorFlow Lite Micro, and its .zip", _delivery),
    "platformio": Form("a PlatformIO library of the C code, or for TensorFlow Lite Micro", _delivery),
    "zephyr": Form("a Zephyr module of the C code, or for TensorFlow Lite Micro", _delivery),
    "esp-idf": Form("an ESP-IDF component of the C code, or for TensorFlow Lite Micro", _delivery),
    "android": Form("for an app: the .tflite with metadata as an asset, a Kotlin class, Gradle lines for LiteRT", _android),
    "systemd": Form("a service for Linux devices that serves the release that is current, and follows switches", _systemd, False),
    "cmsis-pack": Form("a CMSIS-Pack of the C code, or for TensorFlow Lite Micro (.pdsc and .pack)", _delivery),
}


def run_export(request: ExportRequest, progress: Progress) -> tuple[Path, ...]:
    """Write a model in the wanted form; a project is built first, from its cache when nothing changed.

    Raises:
        ProjectError: EP-168 for an unknown form, EP-170 for a runtime that it has not; what the rooms say.
        EdgepackError: EP-252 when the folder cannot be written. Other files in it are left alone.
    """
    if request.form not in FORMS:
        raise ProjectError("EP-168", f"unknown form {request.form!r}", f"use one of {', '.join(FORMS)}")
    if request.runtime not in RUNTIMES:
        raise ProjectError("EP-170", f"unknown runtime {request.runtime!r}", f"use one of {', '.join(RUNTIMES)}")
    if request.runtime == "tflm" and request.form not in (*DELIVERIES, "tflm"):
        raise ProjectError(
            "EP-170", f"--as {request.form} has no form for TensorFlow Lite Micro", f"use one of tflm, {', '.join(DELIVERIES)}"
        )
    plan = prepare(Request(project=request.source, data=request.data, weights=request.weights, overrides=request.overrides))
    model = request.source
    name = request.name or plan.project.name
    if FORMS[request.form].holds_model:
        name = c_identifier(name)
        if model.suffix != ".tflite":
            built = build(plan, progress)
            model = built.model
            if built.data is not None:
                request = replace(request, class_names=built.data.class_names, preprocessing=built.data.preprocessing)
    folder = request.folder or plan.out.parent / "export" / request.form
    try:
        return FORMS[request.form].write(model, name, folder, request)
    except OSError as error:
        why = error.strerror or str(error)
        raise EdgepackError("EP-252", f"cannot write to {folder}: {why}", "choose another folder with -o") from error
