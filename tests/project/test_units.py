from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepack.project import units


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("256 KiB", 262144),
        ("64KiB", 65536),
        ("1 MB", 1_000_000),
        ("1 kB", 1000),
        ("1.5 MiB", 1572864),
        ("12 B", 12),
        (4096, 4096),
    ],
)
def test_bytes_are_read_with_binary_and_decimal_units(text, value):
    assert units.parse_bytes(text) == value


@pytest.mark.parametrize(
    "text", ["5 KB", "5 kb", "5", "five KiB", "1.5 B", "-1 KiB", "5 ms", "", "5 KiB KiB", True, 1.5, "1e999 MiB"]
)
def test_what_is_no_number_of_bytes_is_refused(text):
    with pytest.raises(ValueError):
        units.parse_bytes(text)


def test_the_refusal_of_kb_names_both_readings():
    with pytest.raises(ValueError, match="KiB for 1024 bytes or kB for 1000"):
        units.parse_bytes("64 KB")


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (units.parse_seconds, "5 ms", 0.005),
        (units.parse_seconds, "300 us", 0.0003),
        (units.parse_seconds, "300 µs", 0.0003),  # the micro sign
        (units.parse_seconds, "300 μs", 0.0003),  # the Greek letter, which keyboards give
        (units.parse_seconds, "2 min", 120.0),
        (units.parse_hertz, "80 MHz", 80e6),
        (units.parse_hertz, "1.5GHz", 1.5e9),
        (units.parse_joules, "2 mJ", 0.002),
        (units.parse_milliamperes, "0.5 A", 500.0),
        (units.parse_volts, "3300 mV", 3.3),
    ],
)
def test_quantities_are_exactly_the_float_one_would_write(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize("value", [5, 0.005, "5", "5 s s", "nan s", "inf s", "5 MS", "1e400 s"])
def test_a_time_needs_a_number_and_a_known_unit(value):
    with pytest.raises(ValueError):
        units.parse_seconds(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1024, "1 KiB"),
        (98496, "96.2 KiB"),
        (1047552, "1023 KiB"),
        (1 << 20, "1 MiB"),
        (3 << 30, "3 GiB"),
    ],
)
def test_bytes_are_shown_in_the_unit_that_fits(value, text):
    assert units.format_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 s"), (0.005, "5 ms"), (0.0003721, "372 µs"), (1.5, "1.5 s"), (2e-9, "2 ns"), (0.9999, "1 s")]
)
def test_times_are_shown_in_the_unit_that_fits(value, text):
    assert units.format_seconds(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0052, "", "0.0052"),
        (0.00001, "", "1e-05"),
        (-0.004, "", "-0.004"),
        (0, "", "0"),
        (469502, "", "469,502"),
        (80e6, "Hz", "80 MHz"),
        (0.002, "J", "2 mJ"),
        (7_845_000, "instructions", "7,845,000 instructions"),
        (float("nan"), "s", "not a number"),
    ],
)
def test_any_measurement_can_be_shown(value, unit, text):
    assert units.format_quantity(value, unit) == text


@given(st.floats(min_value=1e-8, max_value=1e3))
def test_a_shown_time_reads_back_within_its_three_digits(value):
    assert units.parse_seconds(units.format_seconds(value)) == pytest.approx(value, rel=5.1e-3)


@given(st.integers(min_value=1, max_value=1 << 40))
def test_a_shown_size_is_within_its_three_digits(value):
    number, unit = units.format_bytes(value).split()
    assert float(number) * {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit] == pytest.approx(value, rel=5.1e-3)


def test_how_long_something_may_take_is_read():
    said = {"90s": 90, "20m": 1200, "20 min": 1200, "1h": 3600, "1h30m": 5400, "0.5h": 1800}
    assert {text: units.parse_duration(text) for text in said} == said
    for text in ("", "soon", "90", "-1h", "1h 2h", "1s1h", "1e9999h", "inf"):
        with pytest.raises(ValueError, match="20m"):
            units.parse_duration(text)
