"""The C array, compiled with real compilers as C99 and as C++11 and run."""

from __future__ import annotations

import doctest
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.ground.errors import EdgepackError
from edgepack.pack import export_c_array
from edgepack.pack.deliveries import c_array
from edgepack.pack.deliveries.c_array import hex_bytes
from tests.flatbuffer.build import G, O, T, build
from tests.pack.conftest import small_model

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-O1"]
LANGUAGES = [("gcc", "c99", "c"), ("gcc", "c11", "c"), ("g++", "c++11", "cpp"), ("g++", "c++17", "cpp")]

PROGRAM = """
#include <stdio.h>
#include <stdint.h>
#include "NAME.h"
static const int shape[PREFIX_INPUT_RANK] = PREFIX_INPUT_SHAPE;
int main(void) {
    if (((uintptr_t)NAME_model % 16u) != 0u || NAME_model_size != sizeof NAME_model) {
        return 1;
    }
    fprintf(stderr, "%d %.9g %d %d %s %d", shape[1], (double)PREFIX_INPUT_SCALE, PREFIX_INPUT_ZERO_POINT, PREFIX_OUTPUT_BYTES,
            PREFIX_MODEL_SHA256, PREFIX_INPUT_SIZE);
    return fwrite(NAME_model, 1, sizeof NAME_model, stdout) == sizeof NAME_model ? 0 : 2;
}
"""


def compile_and_run(folder: Path, stem: str, compiler: str, standard: str, suffix: str, *flags: str) -> tuple[bytes, str]:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = folder / f"main.{suffix}"
    program.write_text(PROGRAM.replace("NAME", stem).replace("PREFIX", stem.upper()))
    language = ["-x", "c++" if suffix == "cpp" else "c"]
    binary = folder / f"run_{standard}"
    sources = [str(program), str(folder / f"{stem}.c")]
    subprocess.run([compiler, f"-std={standard}", *STRICT, *flags, *language, *sources, "-o", str(binary)], check=True)
    run = subprocess.run([str(binary)], capture_output=True, check=True)
    return run.stdout, run.stderr.decode()


@pytest.mark.parametrize(("compiler", "standard", "suffix"), LANGUAGES)
def test_it_compiles_without_warnings_and_holds_the_model(tmp_path: Path, compiler: str, standard: str, suffix: str) -> None:
    model = small_model()
    header, source = export_c_array(model, "3d-net 'v2'", tmp_path)
    assert (header.name, source.name) == ("model_3d_net_v2.h", "model_3d_net_v2.c")
    data, said = compile_and_run(tmp_path, header.stem, compiler, standard, suffix)
    assert data == model
    assert said.split() == ["6", "0.0199999996", "-3", "3", hashlib.sha256(model).hexdigest(), "72"]


def test_the_reference_model_holds_every_byte(tmp_path: Path, shared_models: Path) -> None:
    model = shared_models / "kws_ref_model.tflite"
    header, _ = export_c_array(model, "kws", tmp_path)
    data, said = compile_and_run(tmp_path, "kws", "gcc", "c99", "c")
    assert data == model.read_bytes()
    # The scale is the file's float32 to the last bit.
    scale = read_model(model).subgraphs[0].tensors[0].quantization.scales[0]  # type: ignore[union-attr]
    assert np.float32(said.split()[1]) == np.float32(scale)
    assert "MicroMutableOpResolver<6>" in header.read_text()
    assert "resolver.AddDepthwiseConv2D();" in header.read_text()


def test_the_section_can_be_chosen(tmp_path: Path) -> None:
    export_c_array(small_model(), "net", tmp_path)
    section = '-DNET_SECTION=__attribute__((section(".my_flash")))'
    compile_and_run(tmp_path, "net", "gcc", "c99", "c", section)
    listing = subprocess.run(["objdump", "-h", str(tmp_path / "run_c99")], capture_output=True, text=True, check=True).stdout
    line = next(line for line in listing.splitlines() if ".my_flash" in line)
    assert int(line.split()[2], 16) == len(small_model())
    assert line.split()[-1] == "2**4"


def test_several_inputs_are_numbered_and_names_cannot_break_comments(tmp_path: Path) -> None:
    tensors = [
        T("left */ int x; /*", (1, 2), scales=[0.5]),
        T("right ??/ \\ é", (), "FLOAT32"),
        T("out\nput", (1, 2), "INT16", scales=[0.25]),
    ]
    model = build(G(tensors, [O("CUSTOM:a */ b", (0, 1), (2,))], (0, 1), (2,)))
    header, source = export_c_array(model, "net", tmp_path)
    text = header.read_text()
    assert "NET_INPUT_0_SCALE" in text and "NET_INPUT_1_SHAPE {1}" in text and "NET_INPUT_1_SCALE" not in text
    for compiler, standard in (("gcc", "c99"), ("g++", "c++11")):
        language = "c++" if compiler == "g++" else "c"
        command = [compiler, f"-std={standard}", *STRICT, "-Wcomment", "-Wtrigraphs", "-x", language, "-c", str(source)]
        subprocess.run([*command, "-o", str(tmp_path / "o")], check=True)


def test_bytes_are_written_as_c_writes_them() -> None:
    data = bytes(range(256)) + b"\x00\xff\x10"
    values = [int(item, 16) for item in hex_bytes(data).replace("\n", "").replace(" ", "").rstrip(",").split(",")]
    assert bytes(values) == data
    assert hex_bytes(b"") == ""
    assert len(hex_bytes(data).splitlines()) == 17


def test_ten_megabytes_are_formatted_quickly() -> None:
    data = np.random.default_rng(0).bytes(10_000_000)
    start = time.process_time()
    text = hex_bytes(data)
    assert time.process_time() - start < 3
    assert len(text) > 60_000_000


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgepackError) as caught:
        export_c_array(small_model(), "net", tmp_path / "file")
    assert caught.value.code == "EP-252"


def test_clang_takes_it_for_a_cortex_m4(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="ziglang, which brings clang, is not installed")
    _, source = export_c_array(small_model(), "net", tmp_path)
    for command, standard, language in (("cc", "c99", "c"), ("c++", "c++11", "c++")):
        clang = [sys.executable, "-m", "ziglang", command, "-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4"]
        output = tmp_path / f"{standard}.o"
        subprocess.run([*clang, f"-std={standard}", *STRICT, "-x", language, "-c", str(source), "-o", str(output)], check=True)
        assert small_model() in output.read_bytes()


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(c_array) == doctest.TestResults(failed=0, attempted=1)
