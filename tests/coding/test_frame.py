"""Biases and multipliers in a frame: they come back, in the bytes that arithmetic says, from Python and from the C."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgepack.coding.frame import HEAD, Table, decode_table, encode_tables, own_bytes, written
from edgepack.compile.coded.streams import encode_stream
from edgepack.compile.operators.shared.gemm_stream import LAST
from tests.coding.decoders import NUMBERS, build, record

CODES_BEFORE = 6  # the codes of weights, which the program knows by lower numbers


def channels(kind: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Biases and multipliers as training leaves them, or as it can: few multipliers, biases that end in zeros."""
    rng = np.random.default_rng(count)
    bias, multiplier = rng.integers(-(1 << 25), 1 << 25, count), rng.integers(1 << 30, 1 << 31, count)
    if kind == "few":
        multiplier = rng.choice([1 << 30, 0x5A827999, 0x6D413CCD], count)
        bias = (bias >> 13 << 13) + multiplier % 8191  # those of one multiplier have an offset in common
    if kind == "one":
        multiplier[:] = 0x5A827999
    if kind == "extremes":
        bias = rng.choice([-(1 << 31), (1 << 31) - 1], count)
        multiplier = rng.choice([-(1 << 31), (1 << 31) - 1], count)
    return bias.astype(np.int32), multiplier.astype(np.int32)


def table(kind: str, count: int, together: int, words: int) -> Table:
    """Blocks of channels with bytes from -9 to -7 between them."""
    bias, multiplier = (each.reshape(-1, together) for each in channels(kind, count))
    between = np.random.default_rng(1).integers(-9, -6, (len(bias), 4 * words)).astype(np.int8).view(np.int32)
    return Table(np.concatenate([bias, between, multiplier], axis=1).reshape(-1), together, words)


@pytest.mark.parametrize("kind", ["trained", "few", "one", "extremes"])
@pytest.mark.parametrize(("count", "together", "words"), [(1, 1, 0), (42, 1, 0), (48, 16, 0), (48, 16, 4), (42, 42, 11)])
def test_tables_come_back(kind: str, count: int, together: int, words: int) -> None:
    given = table(kind, count, together, words)
    code = encode_tables([given])
    assert np.array_equal(decode_table(code, together, words, given.blocks), given.numbers)
    assert encode_tables([given]) == code


def test_few_multipliers_take_the_bits_that_say_which() -> None:
    """64 channels of three multipliers and of biases of 13 bits, all multiples of 2^13: no more than 15 bits each, and three
    entries of 13 and 32 bits beside the 19 above."""
    code = encode_tables([table("few", 64, 64, 0)])
    assert len(code) <= -(-(HEAD + 19 + 3 * (13 + 32) + 64 * 15) // 8)
    assert 64 * 15 // 8 <= own_bytes(code) < len(code)


def test_multipliers_of_any_kind_lose_what_they_have_in_common() -> None:
    """26 bits of a bias and 30 of a multiplier from 2^30 to 2^31."""
    code = encode_tables([table("trained", 64, 1, 0)])
    assert len(code) == -(-(HEAD + 64 + 64 * 56) // 8)


@pytest.mark.parametrize("others", [1, 3])
def test_a_last_bit_that_few_channels_have_takes_a_bit_in_each(others: int) -> None:
    """64 multipliers of 10 bits and 20 zeros below bit 30, some of them less by 1, 2 or 3: two or four entries of 20 bits."""
    multiplier = (1 << 30) + (np.random.default_rng(3).permutation(1 << 10)[:64] << 20)
    multiplier[:others] -= 1 + np.arange(others)
    code = encode_tables([Table(np.stack([np.zeros(64, np.int64), multiplier], axis=1).astype(np.int32).reshape(-1), 1, 0)])
    assert len(code) <= -(-(HEAD + 64 + others * 20 + 64 * (10 + others.bit_length())) // 8) + 9


def test_a_code_worked_out_by_hand() -> None:
    """Biases 96, 32 and multipliers 7, 7: biases end in 32, six bits, and have 1 or 0 above it; 7 is the least of multipliers."""
    code = encode_tables([Table(np.array([96, 7, 32, 7], np.int32), 1, 0)])
    fields = [(0, 6), (0, 6), (6, 6), (1, 6), (0, 6), (0, 6), (0, 6), (0, 8)]
    assert code == written([*fields, (0, 26), (7, 32), (32, 6), (1, 1), (0, 1)])


def stream(kind: str, groups: int, wide: bool) -> np.ndarray:
    """What lies between the weights of groups: two biases; bias, multiplier, multiplier; bias, multiplier, multiplier."""
    bias, multiplier = (each.reshape(groups, 4).astype(np.int64) for each in channels(kind, 4 * groups))
    rows = []
    for place, (b, m) in enumerate(zip(bias, multiplier & (LAST - 1) | 16, strict=True)):
        m = m >> 2 * (place % 2) & -2  # by turns as they are, and the first one halved
        mark = LAST if place == groups - 1 else 0
        first = m[0] if m[0] & 1 << 30 else m[0] >> 1
        rows.append([b[1], b[3], b[0], first | mark, m[1], b[2], m[2], m[3]])
    row = [number for each in rows for number in each]
    if wide:
        row += [5, -6, 7, LAST, *range(13)]
    return (np.array(row, np.int64) & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("kind", ["trained", "few", "extremes"])
def test_the_c_gives_back_the_same_numbers(kind: str, tmp_path: Path) -> None:
    program = build(tmp_path)
    pairs, lanes = table(kind, NUMBERS[0] // 8, 1, 0), table(kind, 32, 16, 4)
    groups = (NUMBERS[2] - 72) // 64 - 1
    between = stream(kind, groups, wide=True)
    codes = (encode_tables([pairs]), encode_tables([lanes]), encode_stream(between))
    given = b"".join(record(CODES_BEFORE + place, code, NUMBERS[place], 8) for place, code in enumerate(codes))
    done = subprocess.run([program], input=given, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    found = np.frombuffer(done.stdout, np.int32)
    ends = np.cumsum([size // 4 for size in NUMBERS])
    assert np.array_equal(found[: ends[0]], pairs.numbers)
    assert np.array_equal(found[ends[0] : ends[1]], lanes.numbers)
    expected: list[int] = []
    for k in range(groups):
        one = between[8 * k : 8 * k + 8].tolist()
        expected += [*one[:2], *[0] * 8, *one[2:]]  # 32 weights, all zeros, are eight words
    expected += [*between[8 * groups : 8 * groups + 2].tolist(), *[0] * 8, *between[8 * groups + 2 :].tolist()]
    assert found[ends[1] :][: len(expected)].tolist() == expected
