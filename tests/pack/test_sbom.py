"""The bill of materials: valid CycloneDX, complete, the same bytes for the same inputs, quick, and without TensorFlow."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
import time
import uuid
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from edgepack.ground.errors import ModelError
from edgepack.pack import PackInfo, read_pack, write_pack
from edgepack.pack.deliveries.form import Options
from edgepack.pack.deliveries.registry import FORMS
from edgepack.pack.manifest import list_files
from edgepack.pack.sbom import NAME, Part, pack_sbom
from edgepack.pack.sbom.parts import tools
from tests.pack.conftest import small_model
from tests.pack.test_pack import INFO, make

FULL = dataclasses.replace(
    INFO,
    files={
        "c/small.h": "#define X\n",
        "c/small.c": "int x;\n",
        "scripts/ssh.sh": "#!/bin/sh\n",
        "scripts/runner/run.py": "print()\n",
        "scripts/program/run": b"\x7fELF",
    },
    intended_use="Counting birds at a feeder, in daylight",
    limitations=("Not for nights", "Not for anything that decides about people"),
    tools=("tensorflow", "tf-keras", "tensorflow-model-optimization"),
    runtimes=(Part("tflite-runtime", "2.14.0", "Apache-2.0", "brought along", {"a.whl": "a" * 64}, required=False),),
)


def validate(text: str | bytes) -> dict[str, Any]:
    """The document, after the validator of cyclonedx-python-lib found nothing strange in it."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = text if isinstance(text, str) else text.decode()
    found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert found is None, found
    document: dict[str, Any] = json.loads(text)
    refs = [one["bom-ref"] for one in nested(document) if "bom-ref" in one]
    assert len(refs) == len(set(refs)), "a bom-ref names one thing"
    pointed = {one["ref"] for one in nested(document) if "ref" in one}
    pointed |= {ref for row in document["dependencies"] for ref in row["dependsOn"]}
    assert pointed <= set(refs), "what is referred to is there"
    return document


def nested(value: Any) -> list[dict[str, Any]]:
    """Every object in a document."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, dict) else []), *(found for one in inner for found in nested(one))]


def component(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for one in nested(document["components"]) if one.get("name") == name and "type" in one)
    return found


def digests_in(document: dict[str, Any]) -> dict[str, str]:
    """The SHA-256 of everything that is in the subject, by name."""
    found = [one for one in nested(document["components"]) if "hashes" in one]
    return {one["name"]: one["hashes"][0]["content"] for one in found}


def write(folder: Path, model_file: Path, info: PackInfo) -> dict[str, Any]:
    return validate((write_pack(folder, "kws", model_file, info=info).folder / NAME).read_bytes())


def test_the_validator_finds_faults(tmp_path: Path, model_file: Path) -> None:
    """So that its silence on ours means something."""
    document = write(tmp_path / "pack", model_file, FULL)
    for spoil in ({"version": "1"}, {"serialNumber": "7"}, {"stranger": 1}, {"components": [{"type": "thing", "name": "x"}]}):
        with pytest.raises(AssertionError):
            validate(json.dumps({**document, **spoil}))


STRANGE = PackInfo(source={"sha256": "no hash"}, data={"sha256": 7}, recipe=["x"])


@pytest.mark.parametrize("info", [PackInfo(), INFO, FULL, STRANGE])
def test_every_pack_has_a_valid_one(tmp_path: Path, model_file: Path, info: PackInfo) -> None:
    write(tmp_path / "pack", model_file, info)


def test_it_lists_every_file_with_its_digest(tmp_path: Path, model_file: Path) -> None:
    pack = write_pack(tmp_path / "pack", "kws", model_file, info=FULL)
    document = validate((pack.folder / NAME).read_bytes())
    digests = {name: entry["sha256"] for name, entry in list_files(pack.folder).items() if name != NAME}
    assert digests.items() <= digests_in(document).items()
    assert digests["model.tflite"] == hashlib.sha256(small_model()).hexdigest()


def test_it_says_what_the_model_is_and_was_made_from(tmp_path: Path, model_file: Path) -> None:
    document = write(tmp_path / "pack", model_file, FULL)
    model = component(document, "model.tflite")
    assert model["type"] == "machine-learning-model"
    assert model["pedigree"]["ancestors"][0]["hashes"][0]["content"] == "0" * 64
    card = model["modelCard"]
    assert card["modelParameters"]["inputs"] == [{"format": "int8 1x6x6x2"}]
    assert card["modelParameters"]["datasets"] == [{"ref": "data"}]
    figures = {row["type"]: row["value"] for row in card["quantitativeAnalysis"]["performanceMetrics"]}
    assert figures == {"accuracy": "0.905", "accuracy of the float model": "0.92"}
    assert card["considerations"]["useCases"] == [FULL.intended_use]
    assert set(FULL.limitations) <= set(card["considerations"]["technicalLimitations"])
    (data,) = (one for one in document["components"] if one["type"] == "data")
    assert data["hashes"][0]["content"] == "1" * 64
    (step,) = document["formulation"][0]["workflows"][0]["steps"]
    assert step == {"name": "prune", "properties": [{"name": "edgepack:option:sparsity", "value": "0.5"}]}


def test_it_says_what_runs_on_the_device(tmp_path: Path, model_file: Path) -> None:
    document = write(tmp_path / "pack", model_file, FULL)
    runtime = component(document, "tflite-runtime")
    assert (runtime["scope"], runtime["purl"]) == ("optional", "pkg:pypi/tflite-runtime@2.14.0")
    assert component(document, "a.whl")["hashes"][0]["content"] == "a" * 64
    assert component(document, "musl")["licenses"] == [{"expression": "MIT"}]
    assert [one["name"] for one in component(document, "generated C")["components"]] == ["c/small.c", "c/small.h"]


def test_the_tools_are_those_that_were_used(tmp_path: Path, model_file: Path) -> None:
    def made_by(info: PackInfo) -> dict[str, dict[str, Any]]:
        document = write(tmp_path / "pack", model_file, info)
        return {one["name"]: one for one in document["metadata"]["tools"]["components"]}

    always = {"edgepack", "numpy", "tflite-runtime"}
    assert set(made_by(PackInfo())) == always
    full = made_by(FULL)
    assert set(full) == always | {"tensorflow", "tf-keras", "tensorflow-model-optimization", "ziglang"}
    assert {name: one["version"] for name, one in full.items()} == {name: metadata.version(name) for name in full}
    known = {name: one["licenses"][0]["expression"] for name, one in full.items()}
    assert {known.pop("numpy"), known.pop("ziglang")} == {"BSD-3-Clause", "MIT"}
    assert set(known.values()) == {"Apache-2.0"}
    assert tools(["no-such-package"]) == []


def test_the_same_inputs_give_the_same_serial_number_and_others_another(tmp_path: Path, model_file: Path) -> None:
    first, again = (write_pack(tmp_path / name, "kws", model_file, info=FULL).folder / NAME for name in ("a", "b/c"))
    assert first.read_bytes() == again.read_bytes()
    other = write_pack(tmp_path / "d", "kws", model_file, info=dataclasses.replace(FULL, title="Other"))
    serials = {json.loads(file.read_bytes())["serialNumber"] for file in (first, again, other.folder / NAME)}
    assert len(serials) == 2
    assert all(uuid.UUID(serial).version == 5 for serial in serials)


def test_an_altered_one_is_noticed(tmp_path: Path, model_file: Path) -> None:
    pack = make(tmp_path / "pack", model_file)
    text = (pack.folder / NAME).read_text()
    (pack.folder / NAME).write_text(text.replace('"numpy"', '"NumPy"'))
    with pytest.raises(ModelError, match=NAME) as caught:
        read_pack(pack.folder)
    assert caught.value.code == "EP-251"


def test_a_pack_cannot_bring_its_own(tmp_path: Path, model_file: Path) -> None:
    with pytest.raises(ValueError, match=NAME):
        write_pack(tmp_path / "pack", "kws", model_file, info=PackInfo(files={NAME: "{}"}))


def test_names_of_strangers_stay_text(tmp_path: Path, model_file: Path) -> None:
    strange = 'x"},\n{"y": "\x1b[31m\u202e' + "\x00" * 3
    info = dataclasses.replace(FULL, title=strange, notes=[strange], recipe=[{"step": strange, strange: strange}])
    text = (write_pack(tmp_path / "pack", strange, model_file, info=info).folder / NAME).read_bytes()
    assert validate(text)["metadata"]["component"]["name"] == strange
    assert b"\x1b" not in text and "\u202e".encode() not in text


def test_it_is_quick_and_needs_no_tensorflow(tmp_path: Path, model_file: Path) -> None:
    """A second is far above what it takes (hundredths), and far below TensorFlow's import."""
    pack = write_pack(tmp_path / "pack", "kws", model_file, info=FULL)
    digests = {name: entry["sha256"] for name, entry in list_files(pack.folder).items() if name != NAME}
    begun = time.perf_counter()
    assert pack_sbom(pack.manifest, digests, FULL.tools, FULL.runtimes) == (pack.folder / NAME).read_bytes()
    assert time.perf_counter() - begun < 1.0
    asked = (
        "import sys; from edgepack.pack.sbom.parts import tools; "
        "print(len(tools(['tensorflow', 'tf-keras'])), 'tensorflow' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["2", "False"]


@pytest.mark.parametrize("form", ["firmware", "arduino", "platformio", "zephyr", "esp-idf", "cmsis-pack", "android"])
def test_deliveries_that_are_folders_have_one(tmp_path: Path, model_file: Path, form: str) -> None:
    written = FORMS[form].write(model_file, "small", tmp_path / "out", Options())
    (file,) = (path for path in written if path.name == NAME)
    document = validate(file.read_bytes())
    root = file.parent
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} - {NAME}
    listed = digests_in(document)
    assert listed.pop("small.tflite") == hashlib.sha256(small_model()).hexdigest()
    assert listed == {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in there}
    for archive in (path for path in written if path.suffix in (".zip", ".pack")):
        (entry,) = (name for name in zipfile.ZipFile(archive).namelist() if name.endswith(NAME))
        assert zipfile.ZipFile(archive).read(entry) == file.read_bytes()


def test_what_a_build_adds_is_named(tmp_path: Path, model_file: Path) -> None:
    def added(form: str, **options: Any) -> set[str]:
        written = FORMS[form].write(model_file, "small", tmp_path / form, Options(**options))
        document = validate(next(path for path in written if path.name == NAME).read_bytes())
        return {one["purl"] for one in document["components"] if "purl" in one}

    assert added("android") == {"pkg:maven/com.google.ai.edge.litert/litert@1.4.2"}
    assert added("zephyr", runtime="tflm") == {"pkg:github/tensorflow/tflite-micro"}
    assert added("arduino") == set()
