"""Where exports go: folders that exist keep what is in them, and what cannot be written is one clear error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgepack
from edgepack.ground.errors import EdgepackError
from edgepack.pack.deliveries.registry import FORMS
from tests.compile.builder import ModelBuilder
from tests.pack.conftest import PACKAGES


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 2), scale=0.2)
    w = b.constant(np.arange(8).reshape(2, 4), "int8", scale=0.1)
    b.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions", version=4)
    file = tmp_path_factory.mktemp("models") / "ünï 1's.tflite"
    file.write_bytes(b.finish([x], [y]))
    return file


@pytest.mark.parametrize("form", ["c", "c-array", "firmware"])
def test_a_folder_keeps_what_else_is_in_it(model: Path, tmp_path: Path, form: str) -> None:
    (tmp_path / "main.c").write_text("int main(void);")
    (tmp_path / "old").mkdir()
    for _ in range(2):
        files = edgepack.export(model, form, out=tmp_path, name="net", quiet=True)
        assert all(file.is_file() for file in files)
    assert (tmp_path / "main.c").read_text() == "int main(void);" and (tmp_path / "old").is_dir()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("form", ["c", "c-array", "firmware", "arduino"])
@pytest.mark.parametrize("below", ["", "sub"])
def test_a_file_where_the_folder_shall_be_stays_and_is_named(model: Path, tmp_path: Path, form: str, below: str) -> None:
    file = tmp_path / "taken"
    file.write_text("precious")
    with pytest.raises(EdgepackError, match="taken") as caught:
        edgepack.export(model, form, out=file / below, name="net", quiet=True)
    assert caught.value.code == "EP-252" and file.read_text() == "precious"


def test_every_package_that_has_a_file_is_a_form_and_takes_either_runtime() -> None:
    assert len(PACKAGES) >= 5
    assert {name for name, form in FORMS.items() if form.tflm} == {*PACKAGES, "tflm"}


def test_a_package_is_replaced_and_nothing_else(model: Path, tmp_path: Path) -> None:
    edgepack.export(model, "arduino", out=tmp_path, name="net", quiet=True)
    stale = tmp_path / "net" / "src" / "stale.c"
    stale.write_text("")
    edgepack.export(model, "arduino", out=tmp_path, name="net", quiet=True)
    assert not stale.exists()
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("precious")
    for form in PACKAGES:
        with pytest.raises(EdgepackError, match="mine") as caught:
            edgepack.export(model, form, out=tmp_path, name="mine", quiet=True)
        assert caught.value.code == "EP-252" and (other / "thesis.txt").read_text() == "precious"
