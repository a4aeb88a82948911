"""The C decoders compiled for this machine, every buffer at its exact size: codes in, values out."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgepack.coding import CODES, UNIT
from edgepack.compile.kernels import include_folders

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
INCLUDES
static void begin(int which, const struct ep_code *code, void *memory) { switch (which) { CASES } }
static const size_t tables[] = { TABLES };

/* Records: which code, bytes, count, portion as int32, then the code. Back: the values, or their sum if `portion` is negative. */
int main(void)
{
    int32_t head[4];
    while (fread(head, 4, 4, stdin) == 4) {
        struct ep_code code = {NULL, head[1], NULL};
        uint8_t *const bytes = (uint8_t *)malloc((size_t)head[1] + (head[1] == 0));
        int8_t *const values = (int8_t *)malloc((size_t)head[2]);
        void *const memory = malloc(EP_DECODER_HEAD + tables[head[0]]);
        const int32_t portion = abs(head[3]);
        int32_t done, sum = 0;
        if (fread(bytes, 1, (size_t)head[1], stdin) != (size_t)head[1]) { return 1; }
        code.code = bytes;
        begin(head[0], &code, memory);
        for (done = 0; done < head[2]; done += portion) {
            const int32_t now = head[2] - done < portion ? head[2] - done : portion;
            ((struct ep_decoder *)memory)->next((struct ep_decoder *)memory, values + done, now);
        }
        for (done = 0; done < head[2]; done++) { sum += values[done]; }
        if (head[3] < 0) { fwrite(&sum, 4, 1, stdout); } else { fwrite(values, 1, (size_t)head[2], stdout); }
        free(memory);
        free(values);
        free(bytes);
    }
    return 0;
}
"""


def build(folder: Path, flags: Sequence[str] = SANITIZED) -> Path:
    """The program."""
    text = MAIN.replace("INCLUDES", "\n".join(f'#include "{code.kernel}.h"' for code in CODES))
    text = text.replace(
        "CASES", " ".join(f"case {i}: {code.kernel}(code, NULL, NULL, memory); break;" for i, code in enumerate(CODES))
    )
    text = text.replace("TABLES", ", ".join(str(code.table) for code in CODES))
    (folder / "decoders.c").write_text(text)
    includes = [f"-I{each}" for each in include_folders()]
    command = ["gcc", *STRICT, *flags, *includes, str(folder / "decoders.c"), "-o", str(folder / "decoders")]
    subprocess.run(command, check=True)
    return folder / "decoders"


def record(which: int, coded: bytes, count: int, portion: int) -> bytes:
    """What the program reads for one code."""
    return struct.pack("<4i", which, len(coded), -(-count // UNIT) * UNIT, portion) + coded


def decoded(program: Path, which: int, coded: bytes, count: int, portion: int) -> np.ndarray:
    """The values that come back."""
    done = subprocess.run([program], input=record(which, coded, count, portion), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    return np.frombuffer(done.stdout, np.int8)[:count]


def damaged(seed: int, count: int, size: int = 256) -> bytes:
    """Records of damaged codes: bits turned, bytes replaced, ends cut, whole codes random."""
    rng = np.random.default_rng(seed)
    from tests.coding.tensors import tensors

    good = [(i, code.encode(values)) for i, code in enumerate(CODES) for values in tensors(size).values()]
    kept = [(which, coded) for which, coded in good if coded]
    records = []
    for _ in range(count):
        which, coded = kept[int(rng.integers(len(kept)))]
        bytes_ = bytearray(coded)
        for _ in range(int(rng.integers(1, 6))):
            bytes_[int(rng.integers(len(bytes_)))] = int(rng.integers(256))
        if rng.random() < 0.3:
            del bytes_[int(rng.integers(len(bytes_))) :]
        if rng.random() < 0.05:
            bytes_ = bytearray(rng.bytes(int(rng.integers(40))))
        records.append(record(which, bytes(bytes_), size, -8 * int(rng.integers(1, 40))))
    return b"".join(records)
