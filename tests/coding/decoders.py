"""The C decoders compiled for this machine, every buffer at its exact size: codes in, values out."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgepack.coding import CODES, UNIT
from edgepack.coding.frame import Group, Table, encode_groups, encode_tables
from edgepack.compile.kernels import include_folders

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
INCLUDES
static void begin(int which, const struct ep_code *code, void *memory) { switch (which) { CASES } }
static const size_t tables[] = { TABLES };

/* Biases and multipliers: in blocks of 1 or 16 channels, or between eight words of zeros in groups, of which two may be wide. */
static void numbers(int which, const uint8_t *code, int32_t bytes, int8_t *out, int32_t size, void *memory)
{
    const struct ep_code none = {code, 0, NULL};
    const struct ep_channels pairs = {code, bytes, 1, 0, size / 8}, lanes = {code, bytes, 16, 4, size / 144};
    const struct ep_unpack_framed stream = {bytes, 32, (size - 72) / 64, 2};
    ep_copied(&none, NULL, NULL, memory);
    if (which == 2 && bytes > 0) { ep_unpack_framed(&stream, NULL, out, memory); }
    else if (which < 2) { ep_channels(which == 1 ? &lanes : &pairs, NULL, out, memory); }
}

/* Records: which code, bytes, count, portion as int32, then the code. Back: the values, or their sum if `portion` is negative. */
int main(void)
{
    int32_t head[4];
    while (fread(head, 4, 4, stdin) == 4) {
        struct ep_code code = {NULL, head[1], NULL};
        uint8_t *const bytes = (uint8_t *)malloc((size_t)head[1] + (head[1] == 0));
        int8_t *const values = (int8_t *)malloc((size_t)head[2]);
        void *const memory = malloc(EP_DECODER_HEAD + (head[0] < CODES ? tables[head[0]] : 0));
        const int32_t portion = abs(head[3]);
        int32_t done, sum = 0;
        if (fread(bytes, 1, (size_t)head[1], stdin) != (size_t)head[1]) { return 1; }
        code.code = bytes;
        memset(values, 0, (size_t)head[2]);
        if (head[0] < CODES) { begin(head[0], &code, memory); }
        else { numbers(head[0] - CODES, bytes, head[1], values, head[2], memory); }
        for (done = 0; head[0] < CODES && done < head[2]; done += portion) {
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
    names = [*(code.kernel for code in CODES), "ep_copied", "ep_channels", "ep_unpack_framed"]
    text = MAIN.replace("INCLUDES", "\n".join(f'#include "{name}.h"' for name in names))
    text = text.replace(
        "CASES", " ".join(f"case {i}: {code.kernel}(code, NULL, NULL, memory); break;" for i, code in enumerate(CODES))
    )
    text = text.replace("CODES", str(len(CODES)))
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


NUMBERS = (4 * 64, 2 * 144, 4 * 64 + 72)
"""Bytes of the biases and multipliers that the program takes of each kind."""


def frames(rng: np.random.Generator) -> list[tuple[int, bytes]]:
    """Codes of biases and multipliers of each of its kinds: of few and of many multipliers."""
    found = []
    for few in (1, 3, 1 << 20):
        made = rng.integers(0, few, 64) << 6 | 1 << 30
        groups = [Group(made[8 * k : 8 * k + 8].reshape(4, 2), k % 4) for k in range(3)]
        groups.append(Group(np.zeros((0, 2), np.int64), 4, tuple(made[:17].tolist())))
        found += [(0, encode_tables([Table(made.astype(np.int32), 1, 0)])), (2, encode_groups(groups))]
        wide = Table(np.resize(made, 72).astype(np.int32), 16, 4)
        found.append((1, encode_tables([wide])))
    return found


def damaged(seed: int, count: int, size: int = 256) -> bytes:
    """Records of damaged codes: bits turned, bytes replaced, ends cut, whole codes random."""
    rng = np.random.default_rng(seed)
    from tests.coding.tensors import tensors

    good = [(i, code.encode(values)) for i, code in enumerate(CODES) for values in tensors(size).values()]
    kept = [(which, coded) for which, coded in good if coded]
    kept += [(len(CODES) + which, coded) for which, coded in frames(rng)]
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
        count = size if which < len(CODES) else NUMBERS[which - len(CODES)]
        records.append(record(which, bytes(bytes_), count, -8 * int(rng.integers(1, 40))))
    return b"".join(records)
