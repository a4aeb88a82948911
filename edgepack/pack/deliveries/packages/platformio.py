"""A PlatformIO library: library.json, src/, examples/."""

from __future__ import annotations

import json

from edgepack.pack.deliveries.packages.package import Package
from edgepack.pack.deliveries.packages.product import Product


def platformio_files(product: Product) -> dict[str, str]:
    """The library's files; put the folder into a project's lib/, or publish it."""
    manifest = {
        "name": product.name,
        "version": product.version,
        "description": product.title,
        "keywords": ["machine learning", "tflite", "inference", "int8"],
        "frameworks": "*",
        "platforms": "*",
        "headers": product.header,
        "build": {"srcDir": "src", "includeDir": "src"},
        "examples": [{"name": "golden_vectors", "base": "examples/golden_vectors", "files": [product.example]}],
    }
    return {
        "library.json": json.dumps(manifest, indent=2) + "\n",
        "README.md": product.readme,
        **{f"src/{name}": text for name, text in product.sources.items()},
        f"examples/golden_vectors/{product.example}": plain_main(product),
    }


def plain_main(product: Product) -> str:
    """A main function that prints how many golden vectors differ."""
    return f"""/* Runs the golden vectors of {product.name} and prints how many differ: 0 is right. */
#include <stdio.h>
{product.includes_text()}
{product.check}
int main({"" if product.tflm else "void"})
{{
    int differing = {product.name}_check();
    printf("%d of %d golden vectors differ\\n", differing, {product.name.upper()}_GOLDEN_COUNT);
    return differing != 0;
}}
"""


PACKAGE = Package("platformio", "a PlatformIO library of the C code, or for TensorFlow Lite Micro", platformio_files)
