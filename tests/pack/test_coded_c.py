"""`edgepack export --coding` for forms that hold generated C: what was written is compiled, and gives the reference's bytes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edgepack.coding import CODES
from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.pack.deliveries.form import Options
from edgepack.pack.deliveries.registry import FORMS
from edgepack.pipeline.export import run_export
from edgepack.pipeline.request import Request
from tests.coding.networks import convolution

PRUNED = Path(__file__).parents[1] / "flatbuffer" / "coded" / "pruned.tflite"
CLUSTERED = PRUNED.with_name("clustered.tflite")

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def exported(form: str, folder: Path, model: Path = PRUNED, **options: str) -> Path:
    run_export(Request(project=model), form, folder, "net", Options(**options), SilentProgress())
    return folder


@needs_gcc
@pytest.mark.parametrize("coding", ["smallest", *(code.name for code in CODES)])
def test_a_package_with_codes_gives_the_references_bytes(coding: str, tmp_path: Path) -> None:
    model = CLUSTERED if coding == "palette" else PRUNED
    package = exported("platformio", tmp_path, model, coding=coding, cpu="cortex-m4") / "net"
    main, sources = package / "examples/golden_vectors/main.c", package / "src"
    program = tmp_path / "program"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-O1", "-I", str(sources)]
    subprocess.run(["gcc", *flags, str(main), *map(str, sources.glob("*.c")), "-o", str(program)], check=True)
    assert subprocess.run([str(program)], capture_output=True, text=True).stdout == "0 of 4 golden vectors differ\n"
    codes = {code.name for code in CODES if (sources / f"{code.kernel}.h").exists()}
    of_few_values = {"ternary": set[str](), "pairs": set[str]()}  # which no layer of this model has
    assert codes == {"smallest": {"bitmap"}, **of_few_values}.get(coding, {coding})


def test_without_a_word_a_pruned_model_becomes_smaller(tmp_path: Path) -> None:
    model = tmp_path / "conv.tflite"
    model.write_bytes(convolution("pruned"))
    settings = {"cpu": "cortex-m4", "optimize": "size"}
    folders = {name: exported("c", tmp_path / name, model, coding=name, **settings) for name in ("auto", "off")}
    folders["default"] = exported("c", tmp_path / "default", model, **settings)
    texts = {name: {file.name: file.read_text() for file in folder.iterdir()} for name, folder in folders.items()}
    assert texts["default"] == texts["auto"]
    assert len(texts["auto"]["net_weights.c"]) < 0.5 * len(texts["off"]["net_weights.c"])
    kernel = "ep_decoder.h"
    assert kernel in texts["auto"] and kernel not in texts["off"]


@pytest.mark.parametrize("form", [form.name for form in FORMS.values() if form.c])
def test_every_form_of_generated_c_takes_codes(form: str, tmp_path: Path) -> None:
    board = {"board": "generic"} if form == "firmware" else {}
    for coding in ("off", "smallest"):
        folder = exported(form, tmp_path / coding, coding=coding, **board)
        assert bool(list(folder.rglob("ep_unpack.h"))) == (coding == "smallest")


@pytest.mark.parametrize(
    ("form", "coding", "code"),
    [("c", "zip", "EP-710"), ("android", "zip", "EP-710"), ("android", "auto", "EP-170"), ("tflm", "ans", "EP-170")],
)
def test_codes_that_there_are_not_are_refused(form: str, coding: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        exported(form, tmp_path / "out", coding=coding)
    assert caught.value.code == code
    assert not (tmp_path / "out").exists()


def test_off_is_taken_by_every_form(tmp_path: Path) -> None:
    assert list(exported("c-array", tmp_path / "array", coding="off").glob("*.c"))
