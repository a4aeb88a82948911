"""A package: what an ecosystem wants of it, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import write_atomic
from edgepack.pack.archive import zip_bytes
from edgepack.pack.deliveries.form import Form, Options
from edgepack.pack.deliveries.packages.product import Product, make_product
from edgepack.pack.deliveries.packages.tflm_product import make_tflm_product
from edgepack.pack.deliveries.writing import write_whole, writing_to
from edgepack.pack.sbom import NAME as SBOM
from edgepack.pack.sbom import delivery_sbom
from edgepack.pack.sbom.delivery import TFLM


@dataclass(frozen=True)
class Package:
    """An ecosystem's package: `files` gives the text of each of its files by name.

    `archive` gives the name of the .zip that its package manager installs from, where it has one; the files are in it below
    `root`.
    """

    name: str
    describe: str
    files: Callable[[Product], dict[str, str]]
    archive: Callable[[Product], str] | None = None
    root: Callable[[Product], str] = lambda product: ""

    def form(self) -> Form:
        """It as a form of `edgepack export`."""
        return Form(self.name, self.describe, self._write, tflm=True, c=True)

    def _write(self, model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
        if options.runtime == "tflm":
            product = make_tflm_product(model, name, options)
        else:
            product = make_product(
                model,
                name,
                options.cpu or "generic",
                options.optimize,
                options.version,
                options.overlay_input,
                options.c_coding,
            )
        return self.deliver(product, folder)

    def deliver(self, product: Product, folder: Path) -> tuple[Path, ...]:
        """Write it to folder/NAME, and its archive to `folder`; returns the files.

        A package there is replaced, because builds compile whatever its folder holds.

        Raises:
            EdgepackError: EP-252 when the folder cannot be written, or holds something else.
        """
        files = self.files(product)
        files[SBOM] = delivery_sbom(
            product.name,
            product.version,
            product.title,
            product.model_sha256,
            files,
            (TFLM,) if product.tflm else (),
            ("tflite-micro",) if product.tflm else ("tflite-runtime",),
        )
        package = folder / product.name
        with writing_to(folder):
            if package.exists() and not (package / next(iter(files))).is_file():
                raise EdgepackError(
                    "EP-252",
                    f"{package} exists and is no {self.name} package of edgepack",
                    "choose another folder with -o, or another --name",
                )
            written = write_whole(package, files)
            if self.archive is None:
                return written
            archive, root = folder / self.archive(product), self.root(product)
            write_atomic(archive, zip_bytes({f"{root}{name}": text.encode() for name, text in files.items()}))
        return (*written, archive)
