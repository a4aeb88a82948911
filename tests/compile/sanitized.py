"""A program of many compiled models for the sanitizers, every buffer allocated at its exact size."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgepack.compile import CCode
from edgepack.mcu.toolchain.compilers import FIRMWARE
from tests.compile.decryption import c_bytes, decrypt_text

FLAGS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-std=c99"]


def program(codes: list[CCode], key: bytes = b"") -> str:
    """The C of a main function: read each model's inputs from stdin, run it, write its outputs to stdout."""
    lines = ["#include <stdio.h>", "#include <stdlib.h>"]
    if key:
        lines.append('#include "aes_ctr.h"')
    lines += [f'#include "{code.name}.c"\n#include "{code.name}_weights.c"' for code in codes]
    if key:
        lines.append(decrypt_text(key))
    lines.append("int main(void)\n{\n    int bad = 0;")
    for code in codes:
        values = [code.graph.values[value] for value in (*code.graph.inputs, *code.graph.outputs)]
        count = len(code.graph.inputs)
        lines.append("    {\n        void *arena = NULL;")
        lines += [f"        char *b{i} = malloc({value.bytes});" for i, value in enumerate(values)]
        lines.append(f"        bad |= posix_memalign(&arena, 16, {code.arena_size});")
        lines += [f"        bad |= fread(b{i}, 1, {values[i].bytes}, stdin) != {values[i].bytes};" for i in range(count)]
        arguments = ", ".join(f"(void *)b{i}" for i in range(len(values)))
        decryption = ", decrypt, (uint8_t[])" + c_bytes(code.nonce) if key else ""
        if code.state_size:
            lines.append(f"        {code.name}_reset(arena);")
        lines.append(f"        bad |= {code.name}_run({arguments}, arena{decryption});")
        lines += [f"        fwrite(b{i}, 1, {values[i].bytes}, stdout);" for i in range(count, len(values))]
        lines += [f"        free(b{i});" for i in range(len(values))]
        lines.append("        free(arena);\n    }")
    lines.append("    return bad;\n}")
    return "\n".join(lines)


def run_sanitized(codes: list[CCode], inputs: Sequence[Sequence[np.ndarray]], folder: Path, key: bytes = b"") -> bytes:
    """The outputs of every model, one after the other. Raises AssertionError with what a sanitizer says."""
    for code in codes:
        for name, text in code.files.items():
            (folder / name).write_text(text)
    (folder / "main.c").write_text("#define _POSIX_C_SOURCE 200112L\n" + program(codes, key))
    subprocess.run(["gcc", *FLAGS, "-I", str(FIRMWARE), str(folder / "main.c"), "-o", str(folder / "main")], check=True)
    data = b"".join(array.tobytes() for given in inputs for array in given)
    done = subprocess.run([folder / "main"], input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[:3000]
    return done.stdout
