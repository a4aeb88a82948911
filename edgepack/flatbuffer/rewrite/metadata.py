"""TFLite metadata: what goes into a model and what its outputs mean, inside the .tflite itself.

The description is a flatbuffer of its own (tflite-support's metadata_schema.fbs 1.1.0, identifier M001) in a buffer of the
model under the name TFLITE_METADATA; label files follow the model as an uncompressed zip archive, which readers find
from the file's end. Runtimes that know nothing of it see the same model.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import flatbuffers

from edgepack.flatbuffer.rewrite.insert_metadata import insert_metadata

NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_PARSER = "1.0.0"  # the oldest parser that knows every field written here
_LABELS = 2  # AssociatedFileType.TENSOR_AXIS_LABELS
_NORMALIZATION, _FEATURE, _IMAGE = 1, 1, 2  # members of the unions ProcessUnitOptions and ContentProperties
_COLOR_SPACES = {3: 1, 1: 2}  # channels -> RGB, GRAYSCALE
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class TensorNotes:
    """What is said of an input or output: its name, what it holds, and of an input the normalisation (x - mean) / std.

    `image` are height, width and channels of an image. `labels` names the packed file whose lines are an output's classes.
    """

    name: str
    description: str
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    image: tuple[int, int, int] | None = None
    labels: str = ""


def add_metadata(
    model: bytes,
    name: str,
    description: str,
    version: str,
    inputs: Sequence[TensorNotes],
    outputs: Sequence[TensorNotes],
    files: Mapping[str, bytes],
) -> bytes:
    """The .tflite `model` with this metadata, and `files` packed behind it; the same inputs, the same bytes."""
    whole = insert_metadata(model, NAME, _describe(name, description, version, inputs, outputs))
    return whole + _archive(files, len(whole))


def _archive(files: Mapping[str, bytes], offset: int) -> bytes:
    """A stored zip whose offsets count from the start of the whole file, as readers of appended archives expect."""
    if not files:
        return b""
    target = io.BytesIO(bytes(offset))
    target.seek(offset)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), files[name])
    return target.getvalue()[offset:]


def _describe(name: str, description: str, version: str, inputs: Sequence[TensorNotes], outputs: Sequence[TensorNotes]) -> bytes:
    builder = flatbuffers.Builder(1024)
    lists = [_vector(builder, [_tensor(builder, tensor) for tensor in tensors]) for tensors in (inputs, outputs)]
    subgraph = _table(builder, 7, {2: lists[0], 3: lists[1]})
    subgraphs = _vector(builder, [subgraph])
    texts = {field: builder.CreateString(text) for field, text in {0: name, 1: description, 2: version, 7: _PARSER}.items()}
    builder.Finish(_table(builder, 8, {**texts, 3: subgraphs}), _IDENTIFIER)
    return bytes(builder.Output())


def _tensor(builder: flatbuffers.Builder, notes: TensorNotes) -> int:
    fields = {0: builder.CreateString(notes.name), 1: builder.CreateString(notes.description), 3: _content(builder, notes)}
    if notes.mean:
        mean, std = (_floats(builder, values) for values in (notes.mean, notes.std))
        options = _table(builder, 2, {0: mean, 1: std})
        fields[4] = _vector(builder, [_table(builder, 2, {1: options}, {0: _NORMALIZATION})])
    if notes.labels:
        file = {0: builder.CreateString(notes.labels), 1: builder.CreateString("the classes, one a line")}
        fields[6] = _vector(builder, [_table(builder, 4, file, {2: _LABELS})])
    return _table(builder, 7, fields)


def _content(builder: flatbuffers.Builder, notes: TensorNotes) -> int:
    if notes.image is None:
        return _table(builder, 3, {1: _table(builder, 0, {})}, {0: _FEATURE})
    height, width, channels = notes.image
    builder.StartObject(2)
    builder.PrependUint32Slot(0, width, 0)
    builder.PrependUint32Slot(1, height, 0)
    size = builder.EndObject()
    image = _table(builder, 2, {1: size}, {0: _COLOR_SPACES.get(channels, 0)})
    return _table(builder, 3, {1: image}, {0: _IMAGE})


def _table(builder: flatbuffers.Builder, fields: int, offsets: Mapping[int, int], bytes_: Mapping[int, int] | None = None) -> int:
    """A table of `fields` fields: those that refer to something, and those of one byte."""
    builder.StartObject(fields)
    for field, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    for field, value in (bytes_ or {}).items():
        builder.PrependUint8Slot(field, value, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())
