"""What a run puts into its pack beside the model: the maker's words, the tools it used, and what may go to the device."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from edgepack.ground.progress import SilentProgress
from edgepack.pipeline.build import build
from edgepack.pipeline.packing import _info, pack
from edgepack.pipeline.request import Plan, Request, prepare
from tests.pack.conftest import small_model
from tests.pack.test_sbom import validate

SAID = 'intended_use = "Birds at a feeder"\nlimitations = ["Not at night", "Not in fog"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "model.tflite").write_bytes(small_model())
    (tmp_path / "edgepack.toml").write_text(f'name = "birds"\n[model]\nsource = "model.tflite"\n{SAID}')
    return tmp_path


def planned(project: Path, target: str, *settings: str) -> Plan:
    plan = prepare(Request(project=project, target=target, overrides=settings), SilentProgress())
    assert isinstance(plan, Plan)
    return plan


@pytest.mark.parametrize(
    ("target", "settings", "packages"),
    [
        ("host", (), {"ai-edge-litert", "tflite-runtime", "numpy", "pymicro-wakeword"}),
        ("rpi", ("device.engine=tflite",), {"tflite-runtime", "numpy"}),
        ("android", (), set()),
        ("android", ("device.engine=tflite-c",), {"pymicro-wakeword", "ai-edge-litert"}),
        ("cortex-m4", (), set()),
    ],
)
def test_the_pack_names_what_the_maker_said_and_what_the_device_may_get(
    project: Path, target: str, settings: tuple[str, ...], packages: set[str]
) -> None:
    plan = planned(project, target, *settings)
    made = pack(plan, build(plan, SilentProgress()), SilentProgress())
    assert (made.manifest["intended_use"], made.manifest["limitations"]) == ("Birds at a feeder", ["Not at night", "Not in fog"])
    card = (made.folder / "MODEL_CARD.md").read_text()
    assert "## Intended use\n\nBirds at a feeder\n" in card and "- Not in fog\n" in card and "not stated" not in card.lower()
    document = validate((made.folder / "sbom.cdx.json").read_bytes())
    brought: list[dict[str, Any]] = [one for one in document["components"] if one.get("scope") == "optional"]
    assert {one["name"] for one in brought} == packages
    assert all(wheel["hashes"] for one in brought for wheel in one["components"])


def test_only_a_keras_model_was_made_with_tensorflow(project: Path) -> None:
    plan = planned(project, "host")
    built = build(plan, SilentProgress())
    assert _info(plan, built, {}, ()).tools == []
    from_keras: Any = dataclasses.replace(built, source=object())
    assert _info(plan, from_keras, {}, ()).tools == ["tensorflow", "tf-keras", "tensorflow-model-optimization"]


@pytest.mark.parametrize("wrong", ['intended_use = ""', 'intended_use = "a\\nb"', "limitations = [7]", 'limitations = "one"'])
def test_the_makers_words_are_lines_of_text(project: Path, wrong: str) -> None:
    from edgepack.ground.errors import ProjectError

    (project / "edgepack.toml").write_text(f'[model]\nsource = "model.tflite"\n{wrong}\n')
    with pytest.raises(ProjectError) as caught:
        planned(project, "host")
    assert caught.value.code in ("EP-104", "EP-105") and "edgepack.toml:3" in str(caught.value)
