"""`edgepack export --coding`: TensorFlow Lite Micro's files with weights that it decodes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgepack.flatbuffer import inspect_model, read_model
from edgepack.ground.errors import ModelError, ModelRefused, ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.pack.deliveries.form import Options
from edgepack.pack.deliveries.packages.tflm_product import make_tflm_product
from edgepack.pack.deliveries.tflm import coding
from edgepack.pack.deliveries.tflm.sources import export_tflm
from edgepack.pipeline.export import run_export
from edgepack.pipeline.request import Request
from edgepack.runners.tflm import TflmRun, run_tflm
from tests.compile.builder import ModelBuilder
from tests.flatbuffer.test_code_weights import KERAS, clustered, network, pruned

pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")

STANDIN = Path(__file__).parents[1] / "standins" / "tflm"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is written of Keras' clustered model, with the note in note.txt."""
    where = tmp_path_factory.mktemp("coded")
    notes: list[str] = []
    files = export_tflm(KERAS / "clustered.tflite", "net", where, Options(coding="auto", note=notes.append))
    assert {file.name for file in files} == {path.name for path in where.iterdir()}
    (note,) = notes
    (where / "note.txt").write_text(note)
    return where


def test_the_file_and_the_array_are_the_coded_model(folder: Path) -> None:
    content = (folder / "net.tflite").read_bytes()
    assert len(content) < (KERAS / "clustered.tflite").stat().st_size
    assert "CUSTOM TFLM_DECODE" in inspect_model(read_model(content)).operator_counts
    array = re.search(r"net_model\[NET_MODEL_SIZE\] = \{(.*?)\}", (folder / "net.c").read_text(), re.DOTALL)
    assert array is not None
    assert bytes(int(word, 16) for word in re.findall(r"0x\w\w", array[1])) == content
    assert "resolver.AddDecode();" in (folder / "net.h").read_text()


def test_the_resolver_and_the_arena_are_the_coded_models(folder: Path) -> None:
    header = (folder / "net_tflm.h").read_text()
    assert "resolver.AddDecode()" in header
    adds = len(re.findall(r"resolver\.Add", header))
    assert f"MicroMutableOpResolver<{adds}>" in header
    size = int(re.search(r"NET_ARENA_SIZE (\d+)", header)[1])
    arena = run_tflm(folder / "net.tflite", (np.zeros((1, 12, 12, 3), np.int8),), 1).arena
    assert arena <= size <= arena + 2048
    assert f"{arena} bytes were allocated" in header


def test_the_readme_and_the_note_tell_file_and_arena_before_and_after(folder: Path) -> None:
    before = run_tflm(KERAS / "clustered.tflite", (np.zeros((1, 12, 12, 3), np.int8),), 1).arena
    after = run_tflm(folder / "net.tflite", (np.zeros((1, 12, 12, 3), np.int8),), 1).arena
    sizes = [file.stat().st_size for file in (folder / "net.tflite", KERAS / "clustered.tflite")]
    note = (folder / "note.txt").read_text()
    assert f"the file takes {sizes[0]:,} bytes instead of {sizes[1]:,}, the arena {after:,} instead of {before:,}" in note
    readme = (folder / "README.md").read_text()
    assert note in readme
    assert "| `hidden` | FULLY_CONNECTED | " in readme


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_the_example_compiles_and_registers_the_operator(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 40), scale=0.1), builder.tensor((1, 40), scale=0.8)
    w = builder.constant(clustered(4)((40, 40)), "int8", scale=0.1)
    builder.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    exported(builder.finish([x], [y]), tmp_path)
    out, strict = tmp_path / "out", ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    assert "MicroMutableOpResolver<2>" in (out / "net_tflm.h").read_text()
    for source in ("net.c", "net_golden.c"):
        subprocess.run(["gcc", "-std=c99", *strict, "-c", source, "-o", f"{source}.o"], cwd=out, check=True)
    objects = ["net.c.o", "net_golden.c.o"]
    subprocess.run(["g++", "-std=c++17", *strict, "-I", STANDIN, "-I.", "main.cc", *objects, "-o", "main"], cwd=out, check=True)
    done = subprocess.run(["./main"], cwd=out, capture_output=True, text=True)
    assert re.fullmatch(r"\d of 4 golden vectors differ, arena used \d+ of \d+ bytes\n", done.stdout)


def test_the_same_model_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    for file in export_tflm(KERAS / "clustered.tflite", "net", tmp_path / "again", Options(coding="auto")):
        assert file.read_bytes() == (folder / file.name).read_bytes()


def exported(data: bytes, folder: Path) -> tuple[bytes, str, str]:
    """The .tflite that is written, the README and the note."""
    folder.mkdir(exist_ok=True)
    model, notes = folder / "model.tflite", []
    model.write_bytes(data)
    export_tflm(model, "net", folder / "out", Options(coding="auto", note=notes.append))
    return (folder / "out" / "net.tflite").read_bytes(), (folder / "out" / "README.md").read_text(), notes[0]


def test_a_model_without_structure_is_written_as_it_was_and_a_line_says_so(tmp_path: Path) -> None:
    data = network(pruned(0.0))
    content, readme, note = exported(data, tmp_path)
    assert content == data
    assert "weights not coded: none have few enough values" in note
    assert "Weights not coded: none have few enough values" in readme
    assert "AddDecode" not in (tmp_path / "out" / "net_tflm.h").read_text()


def test_codes_that_the_interpreter_reads_otherwise_are_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = network(clustered(8))
    real = coding.run_micro

    def wrong(model: object, file: Path, inputs: object) -> TflmRun:
        run = real(model, file, inputs)  # type: ignore[arg-type]
        if file.parent.name != "coded":
            return run
        return TflmRun(run.arena, run.head, run.tail, tuple(output ^ 1 for output in run.outputs))

    monkeypatch.setattr(coding, "run_micro", wrong)
    content, _, note = exported(data, tmp_path)
    assert content == data
    assert "gives other outputs" in note


def test_codes_that_the_interpreter_refuses_are_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = network(clustered(8))
    real = coding.run_micro

    def refusing(model: object, file: Path, inputs: object) -> TflmRun:
        if file.parent.name == "coded":
            raise ModelRefused("EP-283", f"TFLite Micro refuses {file.name}: unsupported decode type 1", "")
        return real(model, file, inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(coding, "run_micro", refusing)
    content, _, note = exported(data, tmp_path)
    assert content == data
    assert note == "weights not coded: with codes, TFLite Micro refuses net.tflite: unsupported decode type 1"


def test_a_package_for_tensorflow_lite_micro_takes_codes_too(folder: Path) -> None:
    notes: list[str] = []
    product = make_tflm_product(KERAS / "clustered.tflite", "net", Options(coding="auto", note=notes.append))
    assert product.sources["net.c"] == (folder / "net.c").read_text()
    assert "AddDecode" in product.sources["net_tflm.h"]
    assert notes[0] in product.readme


def test_an_operator_that_tflite_micro_lacks_is_named_as_without_codes(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x, h, y = builder.tensor((1, 40), "float32"), builder.tensor((1, 40), "float32"), builder.tensor((1, 40), "float32")
    builder.operator(
        "FULLY_CONNECTED", [x, builder.constant(clustered(4)((40, 40)), "float32"), -1], [h], "FullyConnectedOptions"
    )
    builder.operator("GELU", [h], [y], "GeluOptions")
    with pytest.raises(ModelError, match="GELU") as caught:
        exported(builder.finish([x], [y]), tmp_path)
    assert caught.value.code == "EP-254"


@pytest.mark.parametrize("form", ["c-array", "android", "systemd"])
def test_forms_without_decoders_have_no_codes(form: str, tmp_path: Path) -> None:
    request = Request(project=KERAS / "clustered.tflite")
    with pytest.raises(ProjectError, match="has no weights in codes") as caught:
        run_export(request, form, tmp_path / "out", None, Options(coding="auto"), SilentProgress())
    assert caught.value.code == "EP-170"
    assert not (tmp_path / "out").exists()


def test_a_coded_file_is_taken_for_generated_c(folder: Path, tmp_path: Path) -> None:
    request = Request(project=folder / "net.tflite")
    assert run_export(request, "c", tmp_path / "c", None, Options(), SilentProgress())
