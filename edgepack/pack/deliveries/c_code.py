"""The generated C by itself, and as a whole firmware for a board."""

from __future__ import annotations

from pathlib import Path

from edgepack.compile import CCode, compile_model, write_code
from edgepack.compile.encrypted import read_key
from edgepack.flatbuffer import read_model
from edgepack.ground.files import sha256_file
from edgepack.ground.scratch import scratch_folder
from edgepack.mcu.boards.boards import find_board
from edgepack.pack.deliveries.firmware import export_firmware
from edgepack.pack.deliveries.form import Form, Options
from edgepack.pack.write import write_pack


def _compiled(model: Path, name: str, cpu: str, options: Options) -> CCode:
    key = None if options.encrypt is None else read_key(options.encrypt)
    overlay, coding = options.overlay_input, options.c_coding
    return compile_model(read_model(model), name, cpu, options.optimize, overlay_input=overlay, coding=coding, key=key)


def _code(model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
    code = _compiled(model, name, options.cpu or "generic", options)
    write_code(code, folder)
    if options.encrypt is not None:
        options.note(
            f"{code.encrypted} bytes of constants are encrypted with AES-128; {code.name}_decrypt decrypts them in every run"
        )
    return tuple(sorted(folder / file for file in code.files))


def _firmware(model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
    board = options.board or "generic"
    core = options.cpu or find_board(board).cpu
    code = _compiled(model, name, core, options)
    with scratch_folder("edgepack-export-") as work:
        golden = write_pack(Path(work) / "pack", name, model).golden
        inputs, outputs = (tuple(map(golden.values, tensors)) for tensors in (golden.inputs, golden.outputs))
        export_firmware(code.files, board, folder, code.name, inputs, outputs, options.cpu, sha256_file(model))
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))


FORM = Form(
    "c",
    "the model compiled to C99 for --cpu, with its weights and the kernels it needs; no interpreter",
    _code,
    c=True,
    encrypts=True,
)
_WHOLE = "a whole firmware for --board that runs the golden vectors and prints what they cost"
FIRMWARE = Form("firmware", _WHOLE, _firmware, c=True)
