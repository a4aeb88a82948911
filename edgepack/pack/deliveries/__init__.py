"""A model, as C or for TensorFlow Lite Micro, in an ecosystem's form: Arduino, PlatformIO, Zephyr, ESP-IDF, CMSIS-Pack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import atomic_folder, write_atomic
from edgepack.pack.archive import zip_bytes
from edgepack.pack.deliveries.arduino import arduino_files
from edgepack.pack.deliveries.cmsis_pack import cmsis_files, cmsis_pack_name
from edgepack.pack.deliveries.esp_idf import esp_idf_files
from edgepack.pack.deliveries.platformio import platformio_files
from edgepack.pack.deliveries.product import Product, make_product
from edgepack.pack.deliveries.tflm_product import make_tflm_product
from edgepack.pack.deliveries.zephyr import zephyr_files

__all__ = ["DELIVERIES", "Product", "deliver", "make_product", "make_tflm_product"]

DELIVERIES: dict[str, Callable[[Product], dict[str, str]]] = {
    "arduino": arduino_files,
    "platformio": platformio_files,
    "zephyr": zephyr_files,
    "esp-idf": esp_idf_files,
    "cmsis-pack": cmsis_files,
}
"""Form -> (product -> file name in the package -> text)."""


def deliver(form: str, product: Product, folder: Path) -> tuple[Path, ...]:
    """Write a package to folder/NAME, and as the archive its ecosystem installs from where it has one; returns the files.

    A package there is replaced, because builds compile whatever its folder holds.

    Raises:
        EdgepackError: EP-252 when the folder cannot be written, or holds something else.
    """
    files = DELIVERIES[form](product)
    package = folder / product.name
    archives = {"arduino": f"{product.name}-{product.version}.zip", "cmsis-pack": cmsis_pack_name(product)}
    if package.exists() and not (package / next(iter(files))).is_file():
        raise EdgepackError(
            "EP-252", f"{package} exists and is no {form} package of edgepack", "choose another folder with -o, or another --name"
        )
    try:
        with atomic_folder(package) as temporary:
            for name, text in files.items():
                path = temporary / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        written = [package / name for name in sorted(files)]
        if form in archives:
            # Arduino wants one folder in the .zip, CMSIS-Pack wants the .pdsc at its top.
            root = f"{product.name}/" if form == "arduino" else ""
            content = zip_bytes({f"{root}{name}": text.encode() for name, text in files.items()})
            written.append(folder / archives[form])
            write_atomic(written[-1], content)
    except OSError as error:
        raise EdgepackError("EP-252", f"cannot write to {folder}: {error.strerror}", "choose another folder with -o") from error
    return tuple(written)
