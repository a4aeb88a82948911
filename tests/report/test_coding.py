"""Weights in codes, array by array, in every form of the report."""

from __future__ import annotations

from edgepack.report import read_report, write_reports
from edgepack.report.html.page import report_html

from .fake import coding, report
from .test_html import checked


def coded():
    return report("cortex-m4", False, coding=coding())


def test_the_page_shows_every_array():
    text = checked(coded()).words
    assert "3 of 4 arrays are in codes (bitmap, ans). They are decoded in every run" in text
    assert "no room in memory" in text and "TRANSPOSE_CONV" in text


def test_a_report_without_codes_lists_no_arrays():
    assert "arrays of weights" not in report_html(report("cortex-m4", False))


def test_json_gives_it_back(tmp_path):
    files = write_reports(coded(), tmp_path)
    assert read_report(files.json).coding == coding()
