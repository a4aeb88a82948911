"""An ESP-IDF component: CMakeLists.txt, idf_component.yml, and an example project."""

from __future__ import annotations

from edgepack.ground.escape import cmake_string, yaml_string, yaml_word
from edgepack.pack.deliveries.packages.package import Package
from edgepack.pack.deliveries.packages.product import Product

_TFLM = '  espressif/esp-tflite-micro: "*"\n'
_WHAT = "/* Runs the golden vectors and prints how many differ: 0 is right. */"
_EXTERN = 'extern "C" '  # ESP-IDF calls it from C


def esp_idf_files(product: Product) -> dict[str, str]:
    """The component's files; put the folder into a project's components/, or publish it to the component registry."""
    name = product.name
    sources = " ".join(cmake_string(f"src/{file}") for file in product.c_files)
    return {
        "CMakeLists.txt": f'idf_component_register(SRCS {sources}\n                       INCLUDE_DIRS "src")\n',
        "idf_component.yml": f"""version: {yaml_string(product.version)}
description: {yaml_string(product.title)}
url: {yaml_string(product.url)}
dependencies:
  idf: ">=5.0"
{_TFLM if product.tflm else ""}""",
        "README.md": product.readme,
        **{f"src/{file}": text for file, text in product.sources.items()},
        "examples/golden_vectors/CMakeLists.txt": f"""cmake_minimum_required(VERSION 3.16)
include($ENV{{IDF_PATH}}/tools/cmake/project.cmake)
project({name}_golden_vectors)
""",
        "examples/golden_vectors/main/CMakeLists.txt": f"idf_component_register(SRCS {cmake_string(product.example)})\n",
        "examples/golden_vectors/main/idf_component.yml": f"""dependencies:
  {yaml_word(name)}:
    version: "*"
    override_path: "../../../"
""",
        f"examples/golden_vectors/main/{product.example}": f"""{_WHAT}
#include <stdio.h>
{product.includes_text()}
{product.check}
{_EXTERN if product.tflm else ""}void app_main(void)
{{
    int differing = {name}_check();
    printf("%d of %d golden vectors differ\\n", differing, {name.upper()}_GOLDEN_COUNT);
}}
""",
    }


PACKAGE = Package("esp-idf", "an ESP-IDF component of the C code, or for TensorFlow Lite Micro", esp_idf_files)
