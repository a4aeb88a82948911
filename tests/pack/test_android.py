"""The Android delivery: the model with metadata still is the model, and other readers find what was written into it."""

from __future__ import annotations

import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.rewrite.insert_metadata import insert_metadata
from edgepack.ground.errors import ProjectError
from edgepack.pack.deliveries.android.app import export_android
from edgepack.runners import run_model, run_reference
from tests.flatbuffer.build import conv_model

PREPROCESSING = {"input": "grey pixels", "scale": 1 / 255, "mean": 0.5, "std": 0.25}


@pytest.fixture
def keywords(shared_models: Path) -> Path:
    return shared_models / "kws_ref_model.tflite"


def _export(model: Path, folder: Path, **options: Any) -> Path:
    export_android(model, "kws", folder, **options)
    return folder / "kws"


def test_the_model_computes_the_same_in_both_runtimes(keywords: Path, tmp_path: Path) -> None:
    package = _export(keywords, tmp_path, class_names=[f"word {index}" for index in range(12)], preprocessing=PREPROCESSING)
    asset = package / "assets" / "kws.tflite"
    samples = np.random.default_rng(0).integers(-128, 128, (5, 1, 49, 10, 1), dtype=np.int8)
    assert np.array_equal(run_reference(asset, (samples,))[0], run_reference(keywords, (samples,))[0])
    assert np.array_equal(run_model(asset, (samples,))[0], run_model(keywords, (samples,))[0])
    assert keywords.read_bytes() in asset.read_bytes(), "no byte of the model moved against another"
    again = _export(keywords, tmp_path / "2", class_names=[f"word {i}" for i in range(12)], preprocessing=PREPROCESSING)
    assert (again / "assets" / "kws.tflite").read_bytes() == asset.read_bytes()


def test_the_labels_are_a_zip_behind_the_model(keywords: Path, tmp_path: Path) -> None:
    names = [f"word {index}" for index in range(11)] + ["größer $x"]
    asset = _export(keywords, tmp_path, class_names=names) / "assets" / "kws.tflite"
    with zipfile.ZipFile(asset) as archive:
        assert archive.testzip() is None and archive.namelist() == ["kws_labels.txt"]
        assert archive.read("kws_labels.txt").decode().splitlines() == names
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
    assert not zipfile.is_zipfile(_export(keywords, tmp_path / "2", class_names=["too", "few"]) / "assets" / "kws.tflite")


def test_the_metadata_reads_as_the_published_schema_says(keywords: Path, tmp_path: Path) -> None:
    """Fields by their numbers in metadata_schema.fbs 1.1.0, read with the flatbuffers package's own reader."""
    names = [str(index) for index in range(12)]
    asset = _export(keywords, tmp_path, class_names=names, preprocessing=PREPROCESSING, version="2.3.4")
    content = read_model((asset / "assets" / "kws.tflite").read_bytes()).metadata["TFLITE_METADATA"]
    assert content[4:8] == b"M001"
    model = _Table(content, struct.unpack_from("<I", content)[0])
    assert (model.text(0), model.text(2), model.text(7)) == ("kws", "2.3.4", "1.0.0")
    [graph] = model.tables(3)
    [given], [taken] = graph.tables(2), graph.tables(3)
    assert (given.text(0), taken.text(0)) == ("input_1", "Identity")
    [unit] = given.tables(4)
    assert unit.byte(0) == 1, "NormalizationOptions"
    options = unit.table(1)
    assert options.floats(0) == pytest.approx([127.5]) and options.floats(1) == pytest.approx([63.75])
    content_of = given.table(3)
    assert content_of.byte(0) == 2, "ImageProperties"
    assert content_of.table(1).byte(0) == 2, "GRAYSCALE"
    [file] = taken.tables(6)
    assert (file.text(0), file.byte(2)) == ("kws_labels.txt", 2)


class _Table:
    """A table through the flatbuffers package, as generated readers use it."""

    def __init__(self, data: bytes, position: int) -> None:
        import flatbuffers

        self._tab = flatbuffers.table.Table(bytearray(data), position)
        self._data = data

    def _at(self, field: int) -> int:
        return int(self._tab.Offset(4 + 2 * field))

    def text(self, field: int) -> str:
        return str(self._tab.String(self._at(field) + self._tab.Pos).decode())

    def byte(self, field: int) -> int:
        return self._data[self._at(field) + self._tab.Pos]

    def table(self, field: int) -> _Table:
        return _Table(self._data, self._tab.Indirect(self._at(field) + self._tab.Pos))

    def tables(self, field: int) -> list[_Table]:
        start, count = self._tab.Vector(self._at(field)), self._tab.VectorLen(self._at(field))
        return [_Table(self._data, self._tab.Indirect(start + 4 * index)) for index in range(count)]

    def floats(self, field: int) -> list[float]:
        start, count = self._tab.Vector(self._at(field)), self._tab.VectorLen(self._at(field))
        return list(struct.unpack_from(f"<{count}f", self._data, start))


def test_an_entry_takes_the_place_of_one_of_its_name(keywords: Path) -> None:
    data = keywords.read_bytes()
    once = insert_metadata(data, "NOTES", b"first")
    twice = insert_metadata(once, "NOTES", b"second" * 100)
    assert read_model(once).metadata["NOTES"] == b"first"
    found = read_model(twice).metadata
    assert found["NOTES"] == b"second" * 100 and found.keys() == {*read_model(data).metadata, "NOTES"}
    assert [tensor.name for tensor in read_model(twice).subgraphs[0].tensors] == [
        tensor.name for tensor in read_model(data).subgraphs[0].tensors
    ]


def test_a_model_without_metadata_gets_its_first(tmp_path: Path) -> None:
    model = tmp_path / "conv.tflite"
    model.write_bytes(conv_model())
    asset = _export(model, tmp_path) / "assets" / "kws.tflite"
    assert "TFLITE_METADATA" in read_model(asset.read_bytes()).metadata
    samples = np.random.default_rng(1).integers(-128, 128, (3, 1, 8, 8, 2), dtype=np.int8)
    assert np.array_equal(run_reference(asset, (samples,))[0], run_reference(model, (samples,))[0])


def test_the_kotlin_class_has_the_models_numbers(keywords: Path, tmp_path: Path) -> None:
    package = _export(keywords, tmp_path, class_names=['"quoted" $name', *map(str, range(11))], preprocessing=PREPROCESSING)
    kotlin = (package / "KwsModel.kt").read_text()
    tensor = read_model(keywords.read_bytes()).subgraphs[0].tensors
    model = read_model(keywords.read_bytes())
    given = tensor[model.subgraphs[0].inputs[0]].quantization
    assert given is not None
    [(scale, zero)] = re.findall(r"quantize\(value, ([0-9.e-]+)f, (-?\d+), -128, 127\)", kotlin)
    assert np.float32(scale) == np.float32(given.scales[0]) and int(zero) == given.zero_points[0]
    assert "input0.size == 490" in kotlin and "FloatArray(12)" in kotlin
    assert '"\\"quoted\\" \\$name",' in kotlin
    assert "floatArrayOf(127.5f)" in kotlin and "floatArrayOf(63.75f)" in kotlin
    assert kotlin.count("{") == kotlin.count("}") and kotlin.count("(") == kotlin.count(")")
    gradle = (package / "kws.gradle.kts").read_text()
    assert 'noCompress += "tflite"' in gradle and "com.google.ai.edge.litert:litert:" in gradle


def test_a_type_that_kotlin_cannot_fill_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgepack.pack.deliveries.android import kotlin

    model = tmp_path / "conv.tflite"
    model.write_bytes(conv_model())
    monkeypatch.setattr(kotlin, "_FILLED", ("float32",))
    with pytest.raises(ProjectError) as caught:
        _export(model, tmp_path)
    assert caught.value.code == "EP-171" and not (tmp_path / "kws").exists()
