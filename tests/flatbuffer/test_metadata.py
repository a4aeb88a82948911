"""Metadata of inputs and outputs reads back by the field numbers of metadata_schema.fbs 1.1.0, images and others."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import datetime

import pytest

from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.rewrite.metadata import NAME, TensorNotes, add_metadata
from tests.flatbuffer.build import conv_model
from tests.pack.test_android import _Table


def described(given: TensorNotes, taken: TensorNotes) -> tuple[_Table, _Table]:
    """The TensorMetadata of the input and of the output, in a model that is still read."""
    model = add_metadata(conv_model(), "net", "what it is", "1.2", [given], [taken], {"labels.txt": b"a\nb\n"})
    content = read_model(model).metadata[NAME]
    whole = _Table(content, struct.unpack_from("<I", content)[0])
    assert [whole.text(field) for field in (0, 1, 2)] == ["net", "what it is", "1.2"]
    [graph] = whole.tables(3)
    [first], [second] = graph.tables(2), graph.tables(3)
    return first, second


@pytest.mark.parametrize(("channels", "colors"), [(3, 1), (1, 2), (4, 0)])
def test_an_image_has_its_size_and_colours(channels: int, colors: int) -> None:
    given, _ = described(TensorNotes("x", "an image", image=(48, 64, channels)), TensorNotes("y", ""))
    content = given.table(3)
    assert content.byte(0) == 2, "ImageProperties"
    image = content.table(1)
    assert (image.byte(0) if image._at(0) else 0) == colors
    size = image.table(1)
    width, height = (struct.unpack_from("<I", size._data, size._at(field) + size._tab.Pos)[0] for field in (0, 1))
    assert (width, height) == (64, 48)


def test_what_is_no_image_is_a_feature() -> None:
    given, taken = described(
        TensorNotes("x", "sound", mean=(1.5, 2.0), std=(0.5, 4.0)), TensorNotes("y", "", labels="labels.txt")
    )
    for tensor in (given, taken):
        assert tensor.table(3).byte(0) == 1, "FeatureProperties"
    [unit] = given.tables(4)
    assert unit.byte(0) == 1, "NormalizationOptions"
    assert (unit.table(1).floats(0), unit.table(1).floats(1)) == ([1.5, 2.0], [0.5, 4.0])
    [file] = taken.tables(6)
    assert (file.text(0), file.byte(2)) == ("labels.txt", 2), "TENSOR_AXIS_LABELS"
    assert not given._at(6) and not taken._at(4)


def test_the_packed_files_have_a_date_that_exists_and_never_changes() -> None:
    model = add_metadata(conv_model(), "net", "", "1", [TensorNotes("x", "")], [TensorNotes("y", "")], {"labels.txt": b"a\n"})
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        assert datetime(*archive.infolist()[0].date_time) == datetime(1980, 1, 1)
