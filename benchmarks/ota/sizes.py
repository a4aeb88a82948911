"""Bytes of updates, beside those of detools, which makes patches for embedded devices."""

from __future__ import annotations

import io
import lzma
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.compile import compile_model
from edgepack.cores import find_core
from edgepack.flatbuffer import read_model
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.mcu.toolchain.program import build_emulated, ports_of, write_files
from edgepack.pack.deliveries.image.patch import encode_patch
from tests.pack.ota_device.build import BEFORE, FIRST, tuned

DETOOLS = ("none", "crle", "heatshrink", "lzma")


def program_of(model: bytes, optimize: str = "balanced") -> bytes:
    """The flash of a linked program for Cortex-M4 that holds the model as generated C."""
    code = compile_model(read_model(model), "net", "cortex-m4", optimize)
    arrays = [
        [np.zeros((1, *code.graph.values[value].shape), code.graph.values[value].dtype) for value in values]
        for values in (code.graph.inputs, code.graph.outputs)
    ]
    with tempfile.TemporaryDirectory(prefix="edgepack-ota-") as name:
        work = Path(name)
        folder = write_files(code.files, work / "code")
        ports = ports_of(arrays[0]), ports_of(arrays[1])
        built = build_emulated(folder, "net", find_core("cortex-m4"), *ports, find_toolchain("zig"), work / "build", optimize)
        segments = [segment for segment in read_elf(built.elf).segments if segment.data]
    flash = [segment for segment in segments if segment.address < 0x20000000]
    first = min(segment.address for segment in flash)
    content = bytearray(max(segment.address - first + len(segment.data) for segment in flash))
    for segment in flash:
        content[segment.address - first : segment.address - first + len(segment.data)] = segment.data
    return bytes(content)


def pairs(others: list[list[str]]) -> Iterator[tuple[str, bytes, bytes]]:
    """What is updated: a name, the content before and after."""
    yield "weights changed by 1 or 2: 3 %", FIRST, tuned(FIRST, 0.03)
    yield "weights changed by 1 or 2: 30 %", FIRST, tuned(FIRST)
    yield "clustered instead of pruned", BEFORE, FIRST
    yield "a program: the model clustered instead of pruned", program_of(BEFORE), program_of(FIRST)
    yield "a program: built for size instead of speed", program_of(FIRST), program_of(FIRST, "size")
    for name, old, new in others:
        yield name, Path(old).read_bytes(), Path(new).read_bytes()


def sizes(others: list[list[str]]) -> list[dict[str, Any]]:
    """A row for each pair."""
    rows = []
    for name, old, new in pairs(others):
        row = {"name": name, "bytes": len(new), "whole": len(encode_patch(new)), "patch": len(encode_patch(new, old))}
        row["xz"] = len(lzma.compress(new, check=lzma.CHECK_NONE, preset=9 | lzma.PRESET_EXTREME))
        rows.append(row | {kind: _detools(old, new, kind) for kind in DETOOLS})
    return rows


def _detools(old: bytes, new: bytes, compression: str) -> int:
    try:
        import detools
    except ImportError:
        raise SystemExit("error: detools is missing\n  try: .venv/bin/pip install detools") from None

    patch = io.BytesIO()
    detools.create_patch(io.BytesIO(old), io.BytesIO(new), patch, compression=compression)
    return len(patch.getvalue())
