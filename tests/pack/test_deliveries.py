"""Packages for other ecosystems: metadata by the published rules, examples built and run with real compilers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.errors import ProjectError
from edgepack.pack.deliveries.packages.product import make_product
from tests.compile.builder import ModelBuilder
from tests.compile.cases_recurrent import svdf
from tests.pack.conftest import PACKAGES

STANDIN = Path(__file__).parents[1] / "standins" / "arduino"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="gcc and g++ are not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = np.random.default_rng(2)
    builder = ModelBuilder()
    x = builder.tensor((1, 6), scale=0.05)
    w = builder.tensor((3, 6), scale=0.02, data=generator.integers(-127, 128, (3, 6)).astype(np.int8))
    b = builder.tensor((3,), "int32", scale=0.05 * 0.02, data=generator.integers(-500, 500, 3).astype(np.int32))
    y = builder.tensor((1, 3), scale=0.04, zero_point=7)
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    file = tmp_path_factory.mktemp("model") / "tiny.tflite"
    file.write_bytes(builder.finish([x], [y]))
    return file


@pytest.fixture(scope="module")
def packages(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    product = make_product(model, "tiny", "generic", version="1.2.3")
    for form, package in PACKAGES.items():
        written = package.deliver(product, folder / form)
        assert all(file.is_file() for file in written)
    return folder


def _build_and_run(main: Path, sources: Path, golden: bool = True) -> str:
    objects = [str(path) for path in sorted(sources.glob("*.c")) if golden or "_golden" not in path.name]
    program = main.parent / "program"
    subprocess.run(["gcc", "-std=c99", *STRICT, "-I", str(sources), str(main), *objects, "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True)
    program.unlink()
    return done.stdout


@pytest.mark.parametrize(
    ("form", "main"),
    [
        ("platformio", "examples/golden_vectors/main.c"),
        ("cmsis-pack", "examples/golden_vectors/main.c"),
        ("zephyr", "samples/golden_vectors/src/main.c"),
    ],
)
def test_the_example_runs_the_golden_vectors_and_none_differs(packages: Path, form: str, main: str) -> None:
    package = packages / form / "tiny"
    assert _build_and_run(package / main, package / "src") == "0 of 4 golden vectors differ\n"


def test_the_example_runs_where_an_input_may_be_overwritten(model: Path, tmp_path: Path) -> None:
    """The golden vectors are constants: each is copied into the arena, where it is overwritten."""
    product = make_product(model, "tiny", "generic", version="1.2.3", overlay_input=True)
    PACKAGES["platformio"].deliver(product, tmp_path)
    package = tmp_path / "tiny"
    assert "TINY_INPUT_OFFSET" in (package / "src" / "tiny.h").read_text()
    assert _build_and_run(package / "examples/golden_vectors/main.c", package / "src") == "0 of 4 golden vectors differ\n"


def test_the_example_tells_wrong_weights(packages: Path, tmp_path: Path) -> None:
    package = tmp_path / "tiny"
    shutil.copytree(packages / "platformio" / "tiny", package)
    golden = package / "src" / "tiny_golden.c"
    text = golden.read_text()
    head, _, tail = text.rpartition("{")
    number = re.match(r"-?\d+", tail)
    assert number is not None
    golden.write_text(f"{head}{{{(int(number[0]) + 1) % 100}{tail[number.end() :]}")
    assert _build_and_run(package / "examples/golden_vectors/main.c", package / "src") != "0 of 4 golden vectors differ\n"


def test_the_arduino_sketch_compiles_as_cpp_and_prints_no_difference(packages: Path, tmp_path: Path) -> None:
    package = packages / "arduino" / "tiny"
    sketch = tmp_path / "sketch.cpp"
    ino = (package / "examples/golden_vectors/golden_vectors.ino").read_text()
    sketch.write_text(f"#include <Arduino.h>\n{ino}\nint main() {{ setup(); loop(); return 0; }}\n")
    for source in (package / "src").glob("*.c"):
        subprocess.run(["gcc", "-std=c99", *STRICT, "-c", str(source), "-o", str(tmp_path / f"{source.stem}.o")], check=True)
    objects = [str(path) for path in tmp_path.glob("*.o")]
    command = [
        "g++",
        "-std=c++11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-I",
        str(STANDIN),
        "-I",
        str(package / "src"),
        str(sketch),
        *objects,
    ]
    subprocess.run([*command, "-o", str(tmp_path / "sketch")], check=True)
    done = subprocess.run([str(tmp_path / "sketch")], capture_output=True, text=True)
    assert done.stdout.startswith("0 golden vectors differ")


def test_the_esp_idf_example_compiles_and_names_every_source(packages: Path, tmp_path: Path) -> None:
    package = packages / "esp-idf" / "tiny"
    main = package / "examples/golden_vectors/main/main.c"
    subprocess.run(
        ["gcc", "-std=gnu17", *STRICT, "-I", str(package / "src"), "-c", str(main), "-o", str(tmp_path / "main.o")], check=True
    )
    listed = set(re.findall(r'"src/(\w+\.c)"', (package / "CMakeLists.txt").read_text()))
    assert listed == {path.name for path in (package / "src").glob("*.c")}
    assert 'version: "1.2.3"' in (package / "idf_component.yml").read_text()


def test_library_properties_keeps_arduinos_rules(packages: Path) -> None:
    text = (packages / "arduino" / "tiny" / "library.properties").read_text()
    properties = dict(line.split("=", 1) for line in text.splitlines())
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert required <= set(properties)
    assert all(properties[key] for key in required)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.\-]{0,62}", properties["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    assert properties["category"] in {
        "Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing", "Data Storage",
        "Data Processing", "Other",
    }  # fmt: skip
    names = zipfile.ZipFile(packages / "arduino" / "tiny-1.2.3.zip").namelist()
    assert {name.split("/")[0] for name in names} == {"tiny"}
    assert "tiny/src/tiny.h" in names


def test_library_json_keeps_platformios_rules(packages: Path) -> None:
    manifest = json.loads((packages / "platformio" / "tiny" / "library.json").read_text())
    assert re.fullmatch(r"[^:/@<>\\]{1,50}", manifest["name"])
    assert manifest["version"] == "1.2.3"
    assert len(manifest["description"]) <= 255
    folder = packages / "platformio" / "tiny"
    assert (folder / manifest["build"]["includeDir"] / manifest["headers"]).is_file()
    for example in manifest["examples"]:
        assert all((folder / example["base"] / file).is_file() for file in example["files"])


def test_the_zephyr_module_names_files_that_exist(packages: Path) -> None:
    folder = packages / "zephyr" / "tiny"
    module = (folder / "zephyr" / "module.yml").read_text()
    build = dict(re.findall(r"^  (cmake|kconfig): (\S+)$", module, flags=re.MULTILINE))
    assert (folder / build["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / build["kconfig"]).is_file()
    cmake = (folder / "zephyr" / "CMakeLists.txt").read_text()
    for path in re.findall(r"\$\{CMAKE_CURRENT_LIST_DIR\}/\.\./(src/\S+\.c)", cmake):
        assert (folder / path).is_file()
    symbol = re.search(r"^config (\w+)$", (folder / "zephyr" / "Kconfig").read_text(), flags=re.MULTILINE)
    assert symbol is not None
    assert f"CONFIG_{symbol[1]}=y" in (folder / "samples/golden_vectors/prj.conf").read_text()


def test_the_cmsis_pack_is_named_and_built_as_the_specification_says(packages: Path) -> None:
    archive = zipfile.ZipFile(packages / "cmsis-pack" / "edgepack.tiny.1.2.3.pack")
    root = ET.fromstring(archive.read("edgepack.tiny.pdsc"))
    assert (root.findtext("vendor"), root.findtext("name")) == ("edgepack", "tiny")
    assert [child.tag for child in root][:3] == ["vendor", "name", "description"]
    assert root.find("releases/release").get("version") == "1.2.3"
    for file in root.iter("file"):
        name = file.get("name")
        assert any(entry.startswith(name) for entry in archive.namelist()), name
        assert file.get("category") in {"include", "header", "sourceC", "doc"}


def test_the_same_model_gives_the_same_bytes(model: Path, packages: Path, tmp_path: Path) -> None:
    PACKAGES["cmsis-pack"].deliver(make_product(model, "tiny", "generic", version="1.2.3"), tmp_path)
    name = "edgepack.tiny.1.2.3.pack"
    assert (tmp_path / name).read_bytes() == (packages / "cmsis-pack" / name).read_bytes()


def test_a_version_that_package_managers_refuse_is_refused(model: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        make_product(model, "tiny", "generic", version="v1")
    assert caught.value.code == "EP-169"


def test_the_example_of_a_model_with_state_runs_its_vectors_in_a_row(tmp_path: Path) -> None:
    file = tmp_path / "stream.tflite"
    file.write_bytes(svdf(np.random.default_rng(8)))
    PACKAGES["platformio"].deliver(make_product(file, "stream", "generic"), tmp_path / "out")
    package = tmp_path / "out" / "stream"
    main = package / "examples/golden_vectors/main.c"
    assert "stream_reset(stream_arena);" in main.read_text()
    assert _build_and_run(main, package / "src") == "0 of 4 golden vectors differ\n"
