from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from edgepack.report.words import headline

from .fake import report

EVIL = '<script>alert("x")</script>'


class Fragment(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize(("target", "real_hardware"), [("rpi", True), ("rpi", False), ("cortex-m4", False)])
def test_a_notebook_shows_the_headline_and_every_verdict_with_its_reason(target, real_hardware):
    one = report(target, real_hardware)
    fragment = Fragment(one._repr_html_())
    assert headline(one) in fragment.words
    assert fragment.tags.count("tr") == 1 + len(one.verdicts)
    for verdict in one.verdicts:
        assert verdict.why in fragment.words


def test_names_are_escaped_and_nothing_is_loaded_or_run():
    fragment = Fragment(report(name=EVIL)._repr_html_())
    assert any(EVIL in text for text in fragment.words)
    assert set(fragment.tags) == {"div", "strong", "span", "table", "thead", "tbody", "tr", "th", "td"}
    assert {name for name, _ in fragment.attributes} == {"style"}
    assert not any("url(" in value for _, value in fragment.attributes)


def test_a_report_without_budgets_has_no_table():
    assert "table" not in Fragment(report(verdicts=())._repr_html_()).tags


def test_it_can_be_read_on_light_and_on_dark():
    """Colours are set in pairs only, white on something dark enough; all other text has the notebook's colour."""
    one = report(overrides=["budget.latency_p50=1 ms"], real_hardware=False)
    styles = [dict(part.split(":") for part in value.split(";")) for _, value in Fragment(one._repr_html_()).attributes]
    coloured = [style for style in styles if "color" in style or "background" in style]
    assert len({style["background"] for style in coloured}) >= 2
    for style in coloured:
        assert style["color"] == "#fff" and 1.05 / (luminance(style["background"]) + 0.05) >= 4.5


def luminance(colour):
    """WCAG 2's relative luminance of "#rrggbb"."""
    channels = [int(part, 16) / 255 for part in re.findall("..", colour[1:])]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
