"""Numbers as C text are the same numbers to a C compiler, at both ends of every type, without a warning."""

from __future__ import annotations

import ctypes
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile.emit.c_text import initialiser, numbers
from edgepack.flatbuffer.types import C_TYPES
from tests.compile.host import STRICT

TYPES = {**C_TYPES, "uint32": "uint32_t", "uint16": "uint16_t"}
UNWRITTEN = ("bool", "uint64", "float64")  # no constant of generated code has such a type


def compiled(text: str, folder: Path) -> ctypes.CDLL:
    (folder / "text.c").write_text(f"#include <stddef.h>\n#include <stdint.h>\n{text}\n")
    library = folder / "text.so"
    subprocess.run(["gcc", *STRICT, "-shared", "-fPIC", "-o", str(library), str(folder / "text.c")], check=True)
    return ctypes.CDLL(str(library))


def extremes(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(4)
    if dtype == "float32":
        info = np.finfo(np.float32)
        ends = [0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 1e10, -16777217.0, info.max, info.min, info.tiny, info.smallest_subnormal]
        return np.concatenate([np.array(ends, np.float32), rng.normal(0, 1e-3, 200).astype(np.float32)])
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    ends = [low, low + 1, -1 if low else 1, 0, 1, high - 1, high]
    return np.concatenate([np.array(ends, dtype), rng.integers(low, high, 200, dtype, endpoint=True)])


@pytest.mark.parametrize("dtype", [name for name in TYPES if name not in UNWRITTEN])
def test_an_array_reads_back_byte_for_byte(dtype: str, tmp_path: Path) -> None:
    data = extremes(dtype)
    text = numbers(data)
    assert max(map(len, text.splitlines())) <= 130
    library = compiled(
        f"extern const {TYPES[dtype]} a[{data.size}];\nconst {TYPES[dtype]} a[{data.size}] = {{{text}}};", tmp_path
    )
    stored = (ctypes.c_char * data.nbytes).in_dll(library, "a")
    assert bytes(stored) == data.tobytes()


@pytest.mark.parametrize("width", [1, 5, 20, 120])
def test_lines_end_between_numbers(width: int) -> None:
    data = np.arange(-60, 60, dtype=np.int16)
    lines = [line.strip().rstrip(",").split(", ") for line in numbers(data, width).splitlines()]
    assert [int(word) for line in lines for word in line] == data.tolist()
    for line, following in pairwise(lines):
        taken = len(", ".join(line)) + 1
        assert len(line) == 1 or taken <= width + 1
        assert taken + len(f" {following[0]},") > width, "one more number would have fitted"


def test_a_structs_members_hold_what_was_given(tmp_path: Path) -> None:
    fields = {"a": 7, "b": -(1 << 31), "c": (1, 2, 3), "d": {"e": 0.1, "f": None}}
    struct = "struct s { int32_t a, b, c[3]; struct { float e; const char *f; } d; };"
    library = compiled(f"{struct}\nextern const struct s s;\nconst struct s s = {initialiser(fields, {})};", tmp_path)

    class Inner(ctypes.Structure):
        _fields_ = [("e", ctypes.c_float), ("f", ctypes.c_char_p)]

    class Outer(ctypes.Structure):
        _fields_ = [("a", ctypes.c_int32), ("b", ctypes.c_int32), ("c", ctypes.c_int32 * 3), ("d", Inner)]

    found = Outer.in_dll(library, "s")
    assert (found.a, found.b, list(found.c), found.d.f) == (7, -(1 << 31), [1, 2, 3], None)
    assert found.d.e == np.float32(0.1)
