"""A ready .tflite is read once on its way to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgepack.flatbuffer import read
from edgepack.ground.progress import SilentProgress
from edgepack.pipeline.build import build
from edgepack.pipeline.packing import pack
from edgepack.pipeline.request import Request, prepare
from tests.flatbuffer.build import conv_model


def test_building_and_packing_read_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "conv.tflite"
    model.write_bytes(conv_model())
    plan = prepare(Request(project=model, target="host", out=tmp_path / "out"))
    build(plan, SilentProgress())  # the file is copied into the cache, and checked before
    reads: list[str] = []
    real = read._read

    def counted(data: bytes) -> Any:
        reads.append("read")
        return real(data)

    monkeypatch.setattr(read, "_read", counted)
    built = build(plan, SilentProgress())
    packed = pack(plan, built, SilentProgress())
    assert reads == ["read"]
    assert built.inspection.sha256 == built.content.sha256 == packed.manifest["model"]["sha256"]
