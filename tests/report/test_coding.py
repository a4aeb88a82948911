"""Weights in codes, in every form of the report."""

from __future__ import annotations

import io
import re
from dataclasses import replace

from rich.console import Console

from edgepack.report import print_report, read_report, write_reports
from edgepack.report.html.page import report_html

from .fake import coding, report
from .test_html import checked


def coded():
    return report("cortex-m4", False, coding=coding())


def test_the_page_shows_stairs_and_every_array():
    page = checked(coded())
    text = " ".join(" ".join(page.text).split())
    assert "3 of 4 arrays are in codes (bitmap, ans)." in text
    assert "no room in memory" in text and "TRANSPOSE_CONV" in text
    part = report_html(coded()).split("Weights in codes</h2>")[1]
    lengths = [float(found) for found in re.findall(r'style="width:([\d.]+)%"', part)[:4]]
    sums = [1792 + 2048 + 4096 + 2240, 448 + 512 + 1024 + 560, 143 + 153 + 1024 + 140, 94 + 92 + 233 + 120]
    assert lengths == [round(100 * value / sums[0], 1) for value in sums]
    assert lengths == sorted(lengths, reverse=True)


def test_a_report_without_codes_says_nothing_of_them():
    assert "Weights in codes" not in report_html(report("cortex-m4", False))
    assert "in codes" not in printed(report("cortex-m4", False))


def test_the_terminal_has_a_line():
    assert (
        "3 of 4 arrays are in codes (bitmap, ans): "
        "float32 10,176, int8 2,544, as stored 1,460, entropy bound 539 bytes" in printed(coded())
    )


def test_json_gives_it_back(tmp_path):
    files = write_reports(coded(), tmp_path)
    assert read_report(files.json).coding == coding()


def test_names_are_no_markup():
    evil = replace(coding()[0], layer="<b>x</b>\x1b[31m", why="<i>")
    page = report_html(report("cortex-m4", False, coding=(evil,)))
    assert "<b>x</b>" not in page and "&lt;b&gt;x" in page and "<i>" not in page.split("Weights in codes</h2>")[1]


def printed(one):
    stream = io.StringIO()
    print_report(one, Console(file=stream, width=100))
    return stream.getvalue()
