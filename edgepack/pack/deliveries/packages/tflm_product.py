"""The product for TensorFlow Lite Micro: the model as an array, its resolver and arena size, and the example in C++."""

from __future__ import annotations

from pathlib import Path

from edgepack.ground.files import sha256_file
from edgepack.ground.scratch import scratch_folder
from edgepack.pack.deliveries.form import Options
from edgepack.pack.deliveries.packages.product import Product, check_version
from edgepack.pack.deliveries.tflm.example import example_headers, tflm_check
from edgepack.pack.deliveries.tflm.sources import tflm_readme, tflm_sources


def make_tflm_product(model_file: Path, name: str, options: Options) -> Product:
    """Put a model, what TensorFlow Lite Micro needs to run it, and golden vectors together.

    Of the options, `version`, `coding` and `note` are of account.

    Raises:
        ProjectError: EP-169 for a version that is not of the form 1.2.3.
        ModelError: EP-254, EP-255, EP-283 when TensorFlow Lite Micro cannot run the model.
        ToolError: EP-690 when tflite-micro is not installed.
    """
    check_version(options.version)
    with scratch_folder("edgepack-tflm-") as work:
        made = tflm_sources(model_file, name, Path(work), options.tflm_coding)
        check, readme = tflm_check(made.stem, made.golden), tflm_readme(made, table=False)
    if made.coding is not None:
        options.note(made.coding.line)
    digest = sha256_file(model_file)
    return Product(
        name=made.stem,
        version=options.version,
        title=f"{made.stem} for TensorFlow Lite Micro, packed by edgepack from a .tflite with sha256 {digest[:16]}",
        sources=made.files,
        includes=example_headers(made.stem),
        check=check,
        readme=f"{readme}\n{_USE.format(stem=made.stem)}",
        header=f"{made.stem}_tflm.h",
        model_sha256=digest,
        tflm=True,
    )


_USE = """The package has no interpreter in it. Where TensorFlow Lite Micro comes from:

| build | what provides it |
|---|---|
| Arduino | a library with `TensorFlowLite.h`, such as tflite-micro-arduino-examples (else change the sketch's #include) |
| PlatformIO | a TensorFlow Lite Micro library of your choice in `lib_deps` |
| Zephyr | its module `tflite-micro` and `CONFIG_TENSORFLOW_LITE_MICRO=y` |
| ESP-IDF | the component `espressif/esp-tflite-micro`, which idf_component.yml names |
| CMSIS | the pack `tensorflow::tensorflow-lite-micro`, which the .pdsc requires |

Include `{stem}_tflm.h`, register the operators with `{stem}_register_operators`, and give the interpreter `{stem}_model` and an
arena of that header's size, 16-byte aligned. The example does just that.
"""
