from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgepack.report.charts.accuracy import Sample, accuracy_chart
from edgepack.report.charts.frame import nice_range
from edgepack.report.charts.histogram import _quantile, histogram

from .fake import samples

SIZES = st.floats(min_value=0, max_value=1e9)
METRICS = st.floats(min_value=-10, max_value=10)
LATENCIES = st.floats(min_value=0, max_value=10)


def heights_as_counts(chart):
    """Counts read back from the drawing: heights in units of the y axis."""
    top, bottom = chart.y_ticks[-1], chart.y_ticks[0]
    unit = (bottom.position - top.position) / (float(top.text) - float(bottom.text))
    return [round(bar.height / unit) for bar in chart.bars]


def test_the_histogram_counts_as_numpy_does():
    generator = random.Random(3)
    values = [generator.gauss(0.005, 0.0004) for _ in range(300)]
    chart = histogram(values, ())
    expected, _ = np.histogram(values, bins=len(chart.bars), range=(min(values), max(values)))
    assert heights_as_counts(chart) == expected.tolist()
    assert chart.cut == ""


def test_a_stall_does_not_squash_the_rest_and_is_still_counted():
    values = samples(200)
    chart = histogram(values, ())
    assert chart.cut == "last column: up to 17.3 ms"
    assert sum(heights_as_counts(chart)) == len(values)
    assert sum(bar.height > 0 for bar in chart.bars) > 8


def test_quantiles_are_numpys():
    values = sorted(samples(157))
    for part in (0.25, 0.5, 0.75, 0.99):
        assert _quantile(values, part) == pytest.approx(np.quantile(values, part))


@settings(max_examples=150, deadline=None)
@given(st.lists(LATENCIES, max_size=60), st.lists(st.tuples(st.text(max_size=8), LATENCIES, st.just("limit")), max_size=4))
def test_every_histogram_stays_inside_its_frame(values, marks):
    chart = histogram(values, marks)
    if chart is None:
        assert len(values) < 5
        return
    frame = chart.frame
    for bar in chart.bars:
        assert frame.left - 0.1 <= bar.x and bar.x + bar.width <= frame.x_end + 0.6
        assert frame.top - 0.1 <= bar.y <= frame.y_end and bar.height >= 0
    assert all(frame.left <= mark.x <= frame.x_end and mark.row in (0, 1, 2) for mark in chart.marks)
    assert sum(heights_as_counts(chart)) == len(values)


def test_equal_latencies_and_too_few_are_no_trouble():
    assert histogram([0.001] * 50, ()) is not None
    assert histogram([0.001] * 4, ()) is None
    assert histogram([math.nan] * 50, ()) is None


def test_marks_outside_the_drawing_are_left_out():
    values = samples()
    chart = histogram(values, [("p50", 0.0033, "measured"), ("limit", 0.02, "limit"), ("bad", math.nan, "limit")])
    assert [mark.text for mark in chart.marks] == ["p50"]


def test_neighbouring_marks_have_their_labels_in_different_rows():
    chart = histogram(samples(), [("p50 3.2 ms", 0.00330, "measured"), ("limit 3.2 ms", 0.00331, "limit")])
    assert len({mark.row for mark in chart.marks}) == 2


def test_the_accuracy_chart_keeps_the_order_of_sizes_and_metrics():
    chart = accuracy_chart(
        [Sample(70e3, 0.87, "float", ""), Sample(50e3, 0.86, "pruned", ""), Sample(35e3, 0.865, "int8", "")], 0.855
    )
    x, y = [point.x for point in chart.points], [point.y for point in chart.points]
    assert x == sorted(x, reverse=True)
    assert y[0] < y[2] < y[1] < chart.limit.position, "up is better: a higher metric is drawn higher"
    assert chart.path.startswith(f"M{x[0]:g} {y[0]:g} L")


def test_one_point_is_no_chart():
    assert accuracy_chart([Sample(1, 0.5, "float", "")]) is None
    assert accuracy_chart([Sample(1, 0.5, "float", ""), Sample(math.nan, 0.5, "x", "")]) is None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(SIZES, METRICS, st.text(max_size=20)), min_size=2, max_size=8), st.none() | METRICS)
def test_every_point_and_tick_is_inside_the_frame(rows, limit):
    chart = accuracy_chart([Sample(size, metric, label, "") for size, metric, label in rows], limit)
    frame = chart.frame
    assert all(frame.left <= point.x <= frame.x_end and frame.top <= point.y <= frame.y_end for point in chart.points)
    assert all(frame.left <= tick.position <= frame.x_end for tick in chart.x_ticks)
    assert all(frame.top <= tick.position <= frame.y_end for tick in chart.y_ticks)
    assert 2 <= len(chart.x_ticks) <= 8 and 2 <= len(chart.y_ticks) <= 9
    assert len({tick.text for tick in chart.y_ticks}) == len(chart.y_ticks), "each tick has a text of its own"


def test_labels_of_crowded_points_do_not_cover_each_other():
    crowd = [Sample(35e3 + 300 * number, 0.865 + 0.0004 * number, f"step number {number}", "") for number in range(4)]
    chart = accuracy_chart([Sample(70e3, 0.872, "float", ""), *crowd])
    boxes = []
    for point in chart.points:
        width = 6.0 * len(point.label)
        left = point.x + point.dx - {"start": 0, "middle": width / 2, "end": width}[point.anchor]
        boxes.append((left, point.y + point.dy - 9, left + width, point.y + point.dy + 2))
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 8))
def test_round_bounds_enclose_the_values_with_round_steps(low, span, count):
    first, last, steps = nice_range(low, low + span, count)
    tolerance = 1e-6 * max(1.0, abs(low), span)
    assert first <= low + tolerance and low + span <= last + tolerance
    step = steps[1] - steps[0]
    leading = step / 10 ** math.floor(math.log10(step) + 1e-6)
    assert min(abs(leading - wanted) for wanted in (1, 2, 5, 10)) < 0.01
    assert len(steps) <= count + 3


@pytest.mark.parametrize(("steps", "is_cut"), [(3.8, False), (4.2, True)])
def test_the_slowest_run_leaves_the_axis_beyond_four_times_the_middle_halfs_width(steps, is_cut):
    values = [0.010 + 0.00001 * number for number in range(200)]
    near, width = np.quantile(values, 0.99), np.subtract(*np.quantile(values, [0.75, 0.25]))
    # One more sample moves the quantiles by less than a tenth of a width.
    chart = histogram([*values, near + steps * width], ())
    assert bool(chart.cut) == is_cut


@pytest.mark.parametrize(("factor", "is_cut"), [(1.07, False), (1.09, True)])
def test_where_runs_are_all_alike_the_slowest_leaves_the_axis_beyond_eight_percent(factor, is_cut):
    assert bool(histogram([0.010] * 400 + [0.010 * factor], ()).cut) == is_cut
