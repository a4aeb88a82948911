"""A Zephyr module: zephyr/module.yml, CMake, Kconfig, and a sample."""

from __future__ import annotations

from edgepack.ground.escape import yaml_word
from edgepack.pack.deliveries.packages.package import Package
from edgepack.pack.deliveries.packages.platformio import plain_main
from edgepack.pack.deliveries.packages.product import Product

_TAB = "\t"  # Kconfig's indentation
_TFLM_CONFIG = "CONFIG_CPP=y\nCONFIG_STD_CPP17=y\nCONFIG_TENSORFLOW_LITE_MICRO=y\nCONFIG_MAIN_STACK_SIZE=4096\n"


def zephyr_files(product: Product) -> dict[str, str]:
    """The module's files; name its folder in ZEPHYR_EXTRA_MODULES or in west.yml, and set CONFIG_EDGEPACK_NAME=y."""
    name, symbol = product.name, f"EDGEPACK_{product.name.upper()}"
    sources = "\n".join(f"    ${{CMAKE_CURRENT_LIST_DIR}}/../src/{file}" for file in product.c_files if "_golden" not in file)
    module = f"name: {yaml_word(name)}\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\nsamples:\n  - samples\n"
    depends = f"{_TAB}depends on TENSORFLOW_LITE_MICRO\n" if product.tflm else ""
    return {
        "zephyr/module.yml": module,
        "zephyr/Kconfig": f"""config {symbol}
{_TAB}bool "{product.summary}"
{depends}{_TAB}help
{_TAB}  {product.title}.
""",
        "zephyr/CMakeLists.txt": f"""if(CONFIG_{symbol})
  zephyr_include_directories(${{CMAKE_CURRENT_LIST_DIR}}/../src)
  zephyr_library_named({name})
  zephyr_library_sources(
{sources}
  )
endif()
""",
        "README.md": product.readme,
        **{f"src/{file}": text for file, text in product.sources.items()},
        "samples/golden_vectors/CMakeLists.txt": f"""cmake_minimum_required(VERSION 3.20.0)
list(APPEND ZEPHYR_EXTRA_MODULES ${{CMAKE_CURRENT_SOURCE_DIR}}/../..)
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project({name}_golden_vectors C{" CXX" if product.tflm else ""})
target_sources(app PRIVATE src/{product.example} ../../src/{name}_golden.c)
""",
        "samples/golden_vectors/prj.conf": f"CONFIG_{symbol}=y\n{_TFLM_CONFIG if product.tflm else ''}",
        "samples/golden_vectors/sample.yaml": f"""sample:
  name: {name} golden vectors
  description: Runs the golden vectors and prints how many differ
tests:
  sample.edgepack.{name}:
    harness: console
    harness_config:
      type: one_line
      regex:
        - "^0 of [0-9]+ golden vectors differ"
""",
        f"samples/golden_vectors/src/{product.example}": plain_main(product),
    }


PACKAGE = Package("zephyr", "a Zephyr module of the C code, or for TensorFlow Lite Micro", zephyr_files)
