"""Packages for TensorFlow Lite Micro: complete, by the ecosystems' rules, with examples that compile against its interface."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import edgepack
from edgepack.ground.errors import ProjectError
from edgepack.pack.deliveries.form import Options
from edgepack.pack.deliveries.packages.tflm_product import make_tflm_product
from tests.compile.builder import ModelBuilder
from tests.pack.conftest import PACKAGES

STANDINS = Path(__file__).parents[1] / "standins"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="gcc and g++ are not installed"),
    pytest.mark.skipif(importlib.util.find_spec("tflite_micro") is None, reason="tflite-micro is not installed"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of a computed number (-1 in the file) through a dense layer and a softmax."""
    generator, builder = np.random.default_rng(4), ModelBuilder()
    x = builder.tensor((1, 6), scale=0.05)
    w = builder.constant(generator.integers(-127, 128, (3, 6)), "int8", scale=0.02)
    b = builder.constant(generator.integers(-500, 500, 3), "int32", scale=0.05 * 0.02)
    h, y = builder.tensor((1, 3), scale=0.04, zero_point=7), builder.tensor((1, 3), scale=1 / 256, zero_point=-128)
    builder.operator("FULLY_CONNECTED", [x, w, b], [h], "FullyConnectedOptions")
    builder.operator("SOFTMAX", [h], [y], "SoftmaxOptions", beta=1.0)
    file = tmp_path_factory.mktemp("model") / "tiny.tflite"
    file.write_bytes(builder.finish([x], [y]))
    return file


@pytest.fixture(scope="module")
def packages(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    product = make_tflm_product(model, "tiny", Options(version="1.2.3"))
    for form, package in PACKAGES.items():
        assert all(file.is_file() for file in package.deliver(product, folder / form))
    return folder


def _run(source: Path, package: Path, folder: Path, *include: Path) -> str:
    """Build the example with the package's sources and the stand-in for the interpreter, whose outputs are zeros."""
    objects = []
    for file in (package / "src").glob("*.c"):
        objects.append(str(folder / f"{file.stem}.o"))
        subprocess.run(["gcc", "-std=c99", *STRICT, "-c", str(file), "-o", objects[-1]], check=True)
    paths = [word for path in (STANDINS / "tflm", package / "src", *include) for word in ("-I", str(path))]
    program = str(folder / "program")
    subprocess.run(["g++", "-std=c++17", *STRICT, *paths, str(source), *objects, "-o", program], check=True)
    return subprocess.run([program], capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize(
    ("form", "main"),
    [
        ("platformio", "examples/golden_vectors/main.cpp"),
        ("cmsis-pack", "examples/golden_vectors/main.cpp"),
        ("zephyr", "samples/golden_vectors/src/main.cpp"),
    ],
)
def test_the_example_compiles_and_registers_every_operator(packages: Path, tmp_path: Path, form: str, main: str) -> None:
    package = packages / form / "tiny"
    assert re.fullmatch(r"\d of 4 golden vectors differ\n", _run(package / main, package, tmp_path))


def test_the_arduino_sketch_includes_the_interpreters_library(packages: Path, tmp_path: Path) -> None:
    package = packages / "arduino" / "tiny"
    ino = (package / "examples/golden_vectors/golden_vectors.ino").read_text()
    assert ino.index("#include <TensorFlowLite.h>") < ino.index('#include "tiny_tflm.h"')
    (tmp_path / "TensorFlowLite.h").write_text("")
    sketch = tmp_path / "sketch.cpp"
    sketch.write_text(f"#include <Arduino.h>\n{ino}\nint main() {{ setup(); loop(); return 0; }}\n")
    assert "golden vectors differ" in _run(sketch, package, tmp_path, STANDINS / "arduino", tmp_path)
    assert "includes=tiny_tflm.h\n" in (package / "library.properties").read_text()


def test_the_esp_idf_component_depends_on_the_interpreters(packages: Path, tmp_path: Path) -> None:
    package = packages / "esp-idf" / "tiny"
    assert re.search(r"^  espressif/esp-tflite-micro: ", (package / "idf_component.yml").read_text(), flags=re.MULTILINE)
    main = package / "examples/golden_vectors/main/main.cpp"
    assert 'extern "C" void app_main' in main.read_text()
    paths = ["-I", str(STANDINS / "tflm"), "-I", str(package / "src")]
    subprocess.run(["g++", "-std=c++17", *STRICT, *paths, "-c", str(main), "-o", str(tmp_path / "main.o")], check=True)


def test_zephyr_takes_it_only_with_the_interpreter(packages: Path) -> None:
    package = packages / "zephyr" / "tiny"
    assert "\tdepends on TENSORFLOW_LITE_MICRO\n" in (package / "zephyr/Kconfig").read_text()
    settings = (package / "samples/golden_vectors/prj.conf").read_text().splitlines()
    assert {"CONFIG_CPP=y", "CONFIG_TENSORFLOW_LITE_MICRO=y", "CONFIG_EDGEPACK_TINY=y"} <= set(settings)


def test_the_cmsis_pack_requires_the_interpreters_component(packages: Path) -> None:
    root = ET.parse(packages / "cmsis-pack" / "tiny" / "edgepack.tiny.pdsc").getroot()
    condition = root.find("conditions/condition")
    assert condition is not None and root.find("components/component").get("condition") == condition.get("id")
    assert condition.find("require").get("Cgroup") == "TensorFlow"
    order = [child.tag for child in root]
    assert order.index("releases") < order.index("requirements") < order.index("conditions") < order.index("components")


def test_platformio_names_the_header_and_the_example(packages: Path) -> None:
    folder = packages / "platformio" / "tiny"
    manifest = json.loads((folder / "library.json").read_text())
    assert (folder / "src" / manifest["headers"]).is_file() and manifest["headers"] == "tiny_tflm.h"
    assert manifest["examples"][0]["files"] == ["main.cpp"]


def test_the_export_takes_the_runtime_and_refuses_what_has_none(model: Path, tmp_path: Path) -> None:
    files = edgepack.export(model, "arduino", out=tmp_path / "out", runtime="tflm", quiet=True)
    assert any(file.name == "tiny_tflm.h" for file in files)
    for form, runtime in (("firmware", "tflm"), ("arduino", "onnx")):
        with pytest.raises(ProjectError) as caught:
            edgepack.export(model, form, out=tmp_path / "no", runtime=runtime, quiet=True)
        assert caught.value.code == "EP-170" and not (tmp_path / "no").exists()
