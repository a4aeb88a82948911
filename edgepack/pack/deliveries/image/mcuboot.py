"""An image for MCUboot, Zephyr's bootloader: NAME.bin, the command of its imgtool that signs it, and what that makes of a key."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ProjectError, ToolError
from edgepack.ground.escape import one_line, shell_line
from edgepack.ground.scratch import scratch_folder
from edgepack.pack.deliveries.form import Form, Options
from edgepack.pack.deliveries.image.form import image_content, read_content
from edgepack.pack.deliveries.packages.product import check_version
from edgepack.pack.deliveries.writing import write_beside
from edgepack.workers.process import MOST_WORDS, run_process

_HEADER, _ALIGN, _SECTOR = 0x200, 8, 4096
_TRAILERS = 2 * _SECTOR  # signature, hash and MCUboot's own state at the slot's end


def imgtool_arguments(name: str, size: int, version: str, padded: bool) -> list[str]:
    """What `imgtool sign` is given besides the key. `padded`: the content begins at once, so that room is made for the header."""
    slot = (_HEADER + size + _TRAILERS + _SECTOR - 1) // _SECTOR * _SECTOR
    sizes = [
        "--header-size",
        hex(_HEADER),
        *(["--pad-header"] if padded else []),
        "--align",
        str(_ALIGN),
        "--slot-size",
        hex(slot),
    ]
    return ["--version", version, *sizes, f"{name}.bin", f"{name}.signed.bin"]


def _check(options: Options) -> None:
    check_version(options.version)
    if options.image_version is not None and not 0 <= options.image_version < 1 << 32:
        message = f"{options.image_version} is no build number of an image"
        raise ProjectError("EP-173", message, "give a whole number up to 4294967295, or none")
    if options.program is not None:
        read_content(options.program, "the program")
    if options.key_file is not None:
        _find_imgtool()


def _write(model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
    read_model(model.read_bytes())
    content = image_content(model, options)
    if options.program is not None and any(content[:_HEADER]):
        hint = f"build it with CONFIG_BOOTLOADER_MCUBOOT=y (CONFIG_ROM_START_OFFSET={_HEADER:#x}) and give zephyr.bin"
        raise ProjectError("EP-177", f"{options.program} leaves no room for MCUboot's header", hint)
    version = options.version + (f"+{options.image_version}" if options.image_version is not None else "")
    arguments = imgtool_arguments(name, len(content), version, options.program is None)
    files: dict[str, str | bytes] = {f"{name}.bin": content, "sign.sh": _script(arguments)}
    if options.key_file is not None:
        files[f"{name}.signed.bin"] = _signed(content, arguments, options.key_file)
    else:
        options.note(f"sign it with: {shell_line(['imgtool', 'sign', '--key', 'KEY.pem', *arguments])}")
    return write_beside(folder, files)


def _script(arguments: list[str]) -> str:
    lines = [
        "#!/bin/sh",
        "# sh sign.sh KEY.pem: sign the image for MCUboot; pip install imgtool",
        "set -e",
        'key=$(realpath "$1")',
        'cd "$(dirname "$0")"',
        f'exec imgtool sign --key "$key" {shell_line(arguments)}',
    ]
    return "\n".join(lines) + "\n"


def _signed(content: bytes, arguments: list[str], key: Path) -> bytes:
    """What imgtool makes of the content.

    Raises:
        ToolError: EP-692 imgtool is not installed.
        ProjectError: EP-178 it refuses the key, or the image.
    """
    _find_imgtool()
    with scratch_folder("edgepack-") as scratch:
        place = Path(scratch)
        (place / arguments[-2]).write_bytes(content)
        command = [sys.executable, "-m", "imgtool.main", "sign", "--key", str(key.absolute()), *arguments]
        done = run_process(command, timeout=120, folder=place, most=MOST_WORDS)
        signed = place / arguments[-1]
        if done.status != 0 or not signed.is_file():
            said = [line for line in (done.errors + done.text).splitlines() if line.strip()]
            why = said[-1] if said else "it said nothing"
            hint = "make a key with `imgtool keygen`, without a password"
            raise ProjectError("EP-178", f"imgtool does not sign with {key}: {one_line(why)}", hint)
        return signed.read_bytes()


def _find_imgtool() -> None:
    if importlib.util.find_spec("imgtool") is None:
        raise ToolError("EP-692", "imgtool is not installed, which signs for MCUboot", 'pip install "edgepack[mcuboot]"')


FORM = Form(
    "mcuboot",
    "an image for MCUboot, Zephyr's bootloader: signed by its imgtool where a key is given, else with the command",
    _write,
    signs=True,
    check=_check,
)
