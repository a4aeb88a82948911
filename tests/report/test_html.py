from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from edgepack.devices import DeviceFacts
from edgepack.report import ModelFacts, RecipeStep
from edgepack.report.html.page import report_html
from edgepack.sources.data.summary import DataSummary, InputSummary, SplitSummary

from .fake import explained, inspection, report, step

VOID = {"meta", "link", "br", "img", "hr", "input"}
# Names that would load something from elsewhere.
LOADING = {"src", "href", "srcset", "data", "action", "poster", "background", "xlink:href", "formaction"}
EVIL = '<script>alert("x")</script>'


class Checker(HTMLParser):
    """Checks nesting, collects text, tags and attributes."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.tags, self.attributes = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def checked(one):
    page = Checker()
    page.feed(report_html(one))
    page.close()
    assert page.open == []
    page.words = " ".join(" ".join(page.text).split())
    return page


VARIANTS = [("rpi", True, ()), ("rpi", False, ()), ("cortex-m4", False, ()), ("host", True, ("budget.accuracy_drop=0.001",))]


@pytest.mark.parametrize(("target", "real_hardware", "overrides"), VARIANTS)
def test_the_page_is_well_formed_and_shows_every_verdict_with_its_reason(target, real_hardware, overrides):
    one = report(target, real_hardware, overrides=overrides)
    page = checked(one)
    assert len(one.verdicts) > 2
    for verdict in one.verdicts:
        assert verdict.why in page.words
    assert page.tags.count("svg") == (2 if target == "cortex-m4" else 3)


@pytest.mark.parametrize(("target", "real_hardware", "overrides"), VARIANTS)
def test_the_page_loads_nothing(target, real_hardware, overrides):
    one = report(target, real_hardware, overrides=overrides)
    page, text = checked(one), report_html(one)
    assert not {"script", "link", "iframe", "img", "object", "embed", "base", "image", "use"} & set(page.tags)
    assert not LOADING & {name for name, _ in page.attributes}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "@import" not in text and "url(" not in text and "http" not in text
    assert len(text.encode()) < 100_000


def test_the_page_is_made_for_light_dark_and_paper():
    text = report_html(report())
    assert "prefers-color-scheme: dark" in text and "@media print" in text and 'name="viewport"' in text


def test_what_users_name_is_shown_as_text_and_never_as_markup():
    looked = inspection()
    looked = replace(looked, layers=(replace(looked.layers[0], layer=EVIL), *looked.layers[1:]))
    found = explained()
    one = report(
        name=EVIL,
        inspection=looked,
        warnings=(EVIL,),
        notes=(EVIL,),
        versions={EVIL: EVIL},
        preprocessing={EVIL: {EVIL: [EVIL]}},
        recipe=(RecipeStep(EVIL, {EVIL: EVIL}),),
        device=DeviceFacts(hostname=EVIL, cpu=EVIL),
        model=ModelFacts(file=EVIL, metric_name=EVIL, sha256=EVIL),
        steps=[step("x", EVIL, 0.5 + 0.1 * number, deflated=10 + number, notes=(EVIL,)) for number in range(2)],
        explanation=replace(found, errors=replace(found.errors, layers=(replace(found.errors.layers[0], layer=EVIL),))),
    )
    page = checked(one)
    assert "script" not in page.tags
    assert page.words.count(EVIL) >= 15
    assert "{{" not in page.words


def test_template_syntax_in_a_name_is_not_run():
    assert "{{ 7 * 7 }}" in checked(report(warnings=("{{ 7 * 7 }}",))).words


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({}, "All 5 budgets met"),
        ({"overrides": ["budget.latency_p50=1 ms"]}, "4 of 5 budgets met, 1 missed"),
        ({"real_hardware": False}, "2 of 5 budgets met, 3 not measured"),
        ({"target": "cortex-m4", "real_hardware": False}, "All 4 budgets met, 1 of them by an estimate"),
        ({"verdicts": ()}, "The target sets no budgets"),
    ],
)
def test_the_headline_counts_the_verdicts(changes, headline):
    assert headline in checked(report(**changes)).words


def test_an_estimate_never_looks_like_a_plain_pass():
    page = checked(report("cortex-m4", False))
    assert page.words.count("PASS, ESTIMATE") == 1 and "estimate, not a measurement" in page.words


def test_a_stand_in_is_called_one_beside_its_figures():
    page = checked(report(real_hardware=False))
    assert "a loopback sshd on this machine" in page.words
    assert "(3.28 ms) of 20 ms" in page.words


def test_a_large_model_shows_its_costliest_layers_first_and_all_on_demand():
    few = inspection()
    layers = [replace(few.layers[at % 16], index=at, layer=f"layer_{at}", macs=1000 * (at + 1)) for at in range(100)]
    many = replace(few, layers=tuple(layers))
    page = checked(report(inspection=many))
    first = page.words.split("All 100 operators")[0]
    assert "layer_99" in first and "layer_80" in first and "layer_79" not in first
    assert "layer_0 " in page.words.split("All 100 operators")[1]


def test_a_page_of_little_is_a_page():
    page = checked(
        report(
            steps=(), inspection=None, latency_samples=(), device=None, deployment=None, proof=None, preprocessing={},
            recipe=(), versions={}, warnings=(), model=None, measurements=(), verdicts=(),
        )
    )  # fmt: skip
    assert "The target sets no budgets" in page.words and "svg" not in page.tags


def test_the_chart_shows_weights_and_not_the_whole_file():
    page = checked(report())
    labels = [text for text in page.text if text in ("float", "pruned 50 %", "int8, aware", "deployed", "the int8 .tflite")]
    assert labels.count("deployed") == 1, "on the chart"
    assert labels.count("pruned 50 %") == 3, "on the chart, in the table and on the stairs"
    assert labels.count("the int8 .tflite") == 1, "in the table only"


def test_bars_stay_inside_their_scale():
    text = report_html(report("rpi", overrides=["budget.latency_p50=1 us", "budget.accuracy_drop=0"]))
    lengths = [float(length) for length in re.findall(r"width:([\d.]+)%", text)]
    assert lengths and all(0 <= length <= 100 for length in lengths)


def test_the_data_is_shown_split_by_split():
    page = checked(report())
    assert "13,500 32x32x3 uint8 0 to 255 10 classes: airplane 1,350, automobile 1,350" in page.words
    assert "validation cut from train 1,500" in page.words
    values = SplitSummary("train", 40, "", (InputSummary((4,), "float32", -1.5, 2.0),), {}, (0.25, 3.0))
    assert "4 float32 -1.5 to 2 labels 0.25 to 3" in checked(report(data=DataSummary((values,)))).words
    named = replace(values, name=EVIL, origin=EVIL, classes={EVIL: 3}, values=None)
    page = checked(report(data=DataSummary((named,))))
    assert "script" not in page.tags and page.words.count(EVIL) == 3
    assert "calibrated and judged with" not in checked(report(data=None)).words
