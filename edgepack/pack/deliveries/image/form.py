"""NAME.image and NAME.update, both signed, and in updater/ the C that a bootloader or an application applies updates with."""

from __future__ import annotations

from pathlib import Path

from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ProjectError
from edgepack.ground.foreign import read_regular
from edgepack.pack.deliveries.form import Form, ImageSigner, Options
from edgepack.pack.deliveries.image.format import LARGEST, Image, make_image, make_update, parse_image
from edgepack.pack.deliveries.writing import write_beside
from edgepack.runners.c_sources import SHARED

_C = Path(__file__).with_name("c")
_SHARED = ("blake2b", "ed25519", "sha256", "sha512")  # what the runners verify with


def updater_files(name: str, key_number: bytes, key: bytes) -> dict[str, bytes]:
    """The updater's sources by name, and ota_trust.h: what the device that is given them trusts."""
    sources = [*_C.glob("*.[ch]"), *(SHARED / f"{stem}.{ending}" for stem in _SHARED for ending in "ch")]
    return {path.name: path.read_bytes() for path in sorted(sources)} | {"ota_trust.h": _trust(name, key_number, key).encode()}


def read_content(path: Path, what: str) -> bytes:
    """A file that is given beside the model.

    Raises:
        ProjectError: EP-175 it cannot be read.
    """
    try:
        return read_regular(path, LARGEST)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ProjectError("EP-175", f"cannot read {what} {path}: {why}", "give the path of a file") from error


def image_content(model: Path, options: Options) -> bytes:
    """What goes into the image: the linked program that holds the model, where one is given, else the .tflite."""
    return model.read_bytes() if options.program is None else read_content(options.program, "the program")


def _needed(options: Options) -> tuple[ImageSigner, int]:
    """The key and the image's version."""
    if options.signer is None:
        hint = "make one with `edgepack keys new`, give it as --sign"
        raise ProjectError("EP-176", "an image is signed, and no key is given", hint)
    if options.image_version is None:
        raise ProjectError("EP-173", "an image needs a version", "give a whole number that grows: --image-version 2")
    return options.signer, options.image_version


def _check(options: Options) -> None:
    _needed(options)
    _base(options.base)
    if options.program is not None:
        read_content(options.program, "the program")


def _write(model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
    signer, version = _needed(options)
    read_model(model.read_bytes())
    content, base = image_content(model, options), _base(options.base)
    image = make_image(content, model.read_bytes(), name, version, signer.sign)
    update, patched = make_update(image, base, signer.sign)
    kind = f"a patch from version {base.version}" if base and patched else "whole, compressed"
    if base and not patched:
        kind += ", as a patch would be hardly smaller"
    options.note(f"image {len(image.whole):,} B; update {len(update):,} B, {kind}")
    sources = updater_files(name, signer.number, signer.key)
    files = {f"{name}.image": image.whole, f"{name}.update": update}
    return write_beside(folder, files | {f"updater/{file}": text for file, text in sources.items()})


def _base(path: Path | None) -> Image | None:
    if path is None:
        return None
    try:
        return parse_image(read_content(path, "the base"))
    except ValueError as error:
        raise ProjectError(
            "EP-174", f"{path} is not the image of a release: {error}", "give the .image that the release before was exported to"
        ) from error


def _trust(name: str, key_number: bytes, key: bytes) -> str:
    rows = [", ".join(f"0x{byte:02x}" for byte in part) for part in (key_number, key[:16], key[16:])]
    return (
        "/* Generated: what a device trusts. For the fields of struct ota_port. */\n"
        "#ifndef OTA_TRUST_H\n#define OTA_TRUST_H\n\n#include <stdint.h>\n\n"
        f'static const char ota_name[] = "{name}";\n'
        f"static const uint8_t ota_key_number[8] = {{{rows[0]}}};\n"
        f"static const uint8_t ota_key[32] = {{\n    {rows[1]},\n    {rows[2]},\n}};\n\n#endif\n"
    )


FORM = Form(
    "ota-image",
    "a signed image for a microcontroller's two slots, the update to it, whole or a patch, and the C that applies it",
    _write,
    signs=True,
    check=_check,
    minisign=True,
)
