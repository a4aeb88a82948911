"""Packs: what they hold, that the same inputs give the same bytes, and that any change is noticed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.ground.errors import DataError, EdgepackError, ModelError
from edgepack.ground.files import canonical_json
from edgepack.pack import Pack, PackInfo, choose_golden_inputs, read_pack, write_pack, zip_pack
from tests.flatbuffer.build import G, O, T, build
from tests.pack.conftest import small_model


@dataclasses.dataclass(frozen=True)
class Step:
    """As the compress stage gives it."""

    step: str
    label: str
    metric: float
    metric_name: str
    parameters: int
    sparsity: float
    int8_bytes: int
    seconds: float


INFO = PackInfo(
    title="A test model",
    source={"kind": "keras", "file": "model.h5", "sha256": "0" * 64},
    data={"sha256": "1" * 64, "examples": {"train": 5000, "test": 1000}},
    recipe=[{"step": "prune", "sparsity": 0.5}],
    steps=[
        Step("prune", "prune 50 %", 0.91, "accuracy", 1234, 0.5, 5678, 12.5),
        Step("quantize", "int8", float("nan"), "accuracy", 1, 0.0, 1, 1.0),
    ],
    metric={"name": "accuracy", "higher_is_better": True, "baseline": 0.92, "value": 0.905, "split": "test", "examples": 1000},
    preprocessing={"mean": np.float32(0.5), "size": (6, 6)},
    class_names=["cat", "dog | wolf", "<b>"],
    scheme="int8",
    notes=["dense_1 stayed unpruned"],
    files={"c/small.h": "#define X\n"},
)


def samples(count: int = 40) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, (count, 6, 6, 2)).astype(np.float32)


def make(folder: Path, model_file: Path, name: str = "a \"quoted\" 'name'") -> Pack:
    return write_pack(folder, name, model_file, choose_golden_inputs(read_model(model_file), [samples()]), INFO)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_manifest_lists_every_file_with_its_hash(pack: Pack) -> None:
    files = content(pack.folder)
    manifest = json.loads(files.pop("manifest.json"))
    assert set(files) == {
        *("MODEL_CARD.md", "c/small.h", "golden/golden.json", "golden/input_0.bin", "golden/output_0.bin", "model.tflite"),
        "sbom.cdx.json",
    }
    assert manifest["files"] == {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }
    assert files["model.tflite"] == small_model()
    assert manifest["source"]["sha256"] == "0" * 64
    assert manifest["recipe"] == [{"step": "prune", "sparsity": 0.5}]
    assert manifest["preprocessing"] == {"mean": 0.5, "size": [6, 6]}
    assert manifest["inputs"][0]["shape"] == [1, 6, 6, 2]
    assert manifest["inputs"][0]["scale"] == pytest.approx(0.02)
    assert manifest["inputs"][0]["zero_point"] == -3
    assert manifest["outputs"][0]["dtype"] == "int8"
    assert manifest["class_names"] == ["cat", "dog | wolf", "<b>"]
    assert "seconds" not in manifest["steps"][0]
    assert manifest["steps"][1]["metric"] is None
    assert manifest["model"]["macs"] == 4 * 4 * 4 * 9 * 2 + 12


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, model_file: Path) -> None:
    first, second = make(tmp_path / "one", model_file), make(tmp_path / "two" / "deeper", model_file)
    assert content(first.folder) == content(second.folder)
    assert first.id == second.id
    zip_pack(first, tmp_path / "one.zip")
    os.utime(second.folder / "model.tflite", (0, 10**9))
    zip_pack(second, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_another_model_or_setting_gives_another_id(tmp_path: Path, model_file: Path) -> None:
    base = make(tmp_path / "one", model_file)
    assert make(tmp_path / "two", model_file, name="other").id != base.id
    inputs = choose_golden_inputs(read_model(model_file), [samples()])
    other = write_pack(tmp_path / "three", base.name, model_file, inputs, dataclasses.replace(INFO, class_names=()))
    assert other.id != base.id
    assert len(base.id) == 12 and int(base.id, 16) >= 0


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    (folder / "model.tflite").write_bytes(small_model())
    return make(folder / "pack", folder / "model.tflite", name="net").folder


@pytest.fixture
def pack(original: Path, tmp_path: Path) -> Pack:
    """A pack of its own for each test to spoil."""
    shutil.copytree(original, tmp_path / "pack")
    return read_pack(tmp_path / "pack")


def test_a_pack_reads_back(tmp_path: Path, model_file: Path) -> None:
    pack = make(tmp_path / "a 'pack' \"here\"", model_file)
    assert read_pack(pack.folder) == pack


FILES = ["model.tflite", "golden/input_0.bin", "golden/output_0.bin", "golden/golden.json", "MODEL_CARD.md", "c/small.h"]
FILES += ["sbom.cdx.json"]


@pytest.mark.parametrize("name", FILES)
def test_an_altered_missing_or_linked_file_is_noticed(tmp_path: Path, pack: Pack, name: str) -> None:
    file = pack.folder / name
    original = file.read_bytes()
    for altered in (original[:-1], original + b"\n", bytes([original[0] ^ 1]) + original[1:]):
        file.write_bytes(altered)
        with pytest.raises(ModelError) as caught:
            read_pack(pack.folder)
        assert caught.value.code == "EP-251" and name in str(caught.value)
    elsewhere = tmp_path / "same content"
    elsewhere.write_bytes(original)
    file.unlink()
    with pytest.raises(ModelError, match=name):
        read_pack(pack.folder)
    file.symlink_to(elsewhere)
    with pytest.raises(ModelError, match=name):
        read_pack(pack.folder)


def test_an_altered_manifest_is_noticed(pack: Pack) -> None:
    manifest = json.loads((pack.folder / "manifest.json").read_text())
    manifest["metric"]["value"] = 0.99
    (pack.folder / "manifest.json").write_bytes(canonical_json(manifest))
    with pytest.raises(ModelError, match="altered"):
        read_pack(pack.folder)


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"schema": 99}', '{"schema": 1, "files": []}', "\x00"])
def test_what_is_not_a_pack_is_said_to_be_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ModelError) as caught:
        read_pack(tmp_path)
    assert caught.value.code == "EP-250"


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd"])
def test_a_manifest_cannot_reach_outside_its_folder(tmp_path: Path, pack: Pack, path: str) -> None:
    from edgepack.ground.files import canonical_json
    from edgepack.pack.manifest import pack_id

    (tmp_path / "outside").write_bytes(b"x")
    manifest = {
        **pack.manifest,
        "files": {**pack.manifest["files"], path: {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}},
    }
    manifest["id"] = pack_id(manifest)
    (pack.folder / "manifest.json").write_bytes(canonical_json(manifest))
    with pytest.raises(ModelError, match="impossible file"):
        read_pack(pack.folder)
    with pytest.raises(ValueError):
        write_pack(tmp_path / "b", "b", pack.model, None, PackInfo(files={path: b""}))


def test_the_zip_is_what_unzip_expects(tmp_path: Path, pack: Pack) -> None:
    zip_pack(pack, tmp_path / "out put" / "net.zip")
    with zipfile.ZipFile(tmp_path / "out put" / "net.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        archive.extractall(tmp_path / "unpacked")
    assert read_pack(tmp_path / "unpacked" / "net").id == pack.id


def test_a_failed_write_leaves_the_old_pack(tmp_path: Path, pack: Pack) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(small_model()[:500])
    with pytest.raises(ModelError):
        write_pack(tmp_path / "pack", "x", broken)
    assert read_pack(tmp_path / "pack").id == pack.id
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.tflite", "pack"]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, model_file: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgepackError) as caught:
        write_pack(tmp_path / "file" / "pack", "x", model_file)
    assert caught.value.code == "EP-252"


REFERENCE = """
import sys, numpy
from tflite_runtime.interpreter import Interpreter, OpResolverType
i = Interpreter(model_path=sys.argv[1], experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
i.allocate_tensors()
a, b = i.get_input_details()[0], i.get_output_details()[0]
for row in numpy.fromfile(sys.argv[2], a["dtype"]).reshape(-1, *a["shape"]):
    i.set_tensor(a["index"], row)
    i.invoke()
    sys.stdout.buffer.write(i.get_tensor(b["index"]).tobytes())
"""


def test_golden_outputs_are_the_reference_interpreters(pack: Pack) -> None:
    arguments = [sys.executable, "-c", REFERENCE, str(pack.model), str(pack.folder / "golden/input_0.bin")]
    expected = subprocess.run(arguments, capture_output=True, check=True).stdout
    assert len(expected) == pack.golden.count * 3
    assert (pack.folder / "golden/output_0.bin").read_bytes() == expected
    outputs = pack.golden.values(pack.golden.outputs[0])
    assert outputs.shape == (pack.golden.count, 1, 3)
    assert len(np.unique(outputs, axis=0)) > 5
    assert (pack.golden.engine, pack.golden.engine_version) == ("tflite-ref", "2.14.0")


def test_golden_inputs_are_samples_and_extremes(model_file: Path) -> None:
    chosen = choose_golden_inputs(read_model(model_file), [samples()])
    inputs = chosen.arrays[0]
    assert inputs.dtype == np.int8 and inputs.shape == (24, 6, 6, 2)
    by_origin = dict(zip(chosen.origins, inputs, strict=True))
    assert (by_origin["lowest"] == -128).all() and (by_origin["highest"] == 127).all() and (by_origin["zero"] == -3).all()
    assert set(np.unique(by_origin["alternating"])) == {-128, 127}
    for origin, values in by_origin.items():
        if origin.startswith("sample "):
            real = samples()[int(origin.removeprefix("sample "))]
            assert np.abs((values + 3.0) * 0.02 - np.clip(real, -2.5, 2.6)).max() <= 0.0101


def test_golden_inputs_without_data_and_for_other_types() -> None:
    tensors = [T("tokens", (1, 4), "INT32"), T("real", (1, 4), "FLOAT32"), T("y", (1, 4), "FLOAT32")]
    model = read_model(build(G(tensors, [O("CUSTOM:Mine", (0, 1), (2,))], (0, 1), (2,))))
    tokens, real = choose_golden_inputs(model).arrays
    assert not tokens.any(), "token numbers are indices: without data only 0 is safe"
    assert real.dtype == np.float32 and np.abs(real).max() <= 1
    ids = np.arange(40).reshape(10, 4)
    tokens, real = choose_golden_inputs(model, [ids, np.linspace(0, 9, 40).reshape(10, 4)]).arrays
    assert tokens.max() == 39 and real.max() == 9


def test_large_tensors_get_fewer_vectors() -> None:
    tensors = [T("x", (1, 1024, 1024), scales=[1.0]), T("y", (1, 2), scales=[1.0])]
    model = read_model(build(G(tensors, [O("CUSTOM:Mine", (0,), (1,))], (0,), (1,))))
    chosen = choose_golden_inputs(model, [np.zeros((20, 1024, 1024), np.float32)])
    assert chosen.arrays[0].nbytes <= 8 << 20
    assert chosen.origins[-2:] == ("lowest", "highest")


def test_data_of_another_shape_is_an_error(model_file: Path) -> None:
    with pytest.raises(DataError) as caught:
        choose_golden_inputs(read_model(model_file), [np.zeros((5, 7))])
    assert caught.value.code == "EP-390"


def test_a_model_of_strings_is_an_error() -> None:
    tensors = [T("x", (1,), "STRING"), T("y", (1,), "INT8")]
    model = read_model(build(G(tensors, [O("CUSTOM:Mine", (0,), (1,))], (0,), (1,))))
    with pytest.raises(ModelError) as caught:
        choose_golden_inputs(model)
    assert caught.value.code == "EP-253"


def test_the_card_says_what_a_receiver_needs(pack: Pack) -> None:
    card = (pack.folder / "MODEL_CARD.md").read_text()
    for expected in (
        "0.9200",
        "0.9050",
        "1,000 examples",
        "prune 50 %",
        "50.0%",
        "dog \\| wolf",
        "&lt;b>",
        "`[6, 6]`",
        "-2.5 to 2.6",
    ):
        assert expected in card, expected
    assert "dense_1 stayed unpruned" in card


def test_a_bare_model_has_a_card_that_admits_what_is_unknown(tmp_path: Path, model_file: Path) -> None:
    card = (write_pack(tmp_path / "pack", "bare", model_file).folder / "MODEL_CARD.md").read_text()
    assert "No quality was measured" in card
    assert "## Compression" not in card


def test_a_model_too_new_for_the_reference_says_who_made_its_outputs(tmp_path: Path, original: Path) -> None:
    file = tmp_path / "new.tflite"
    file.write_bytes(small_model(head_version=12))
    inputs = choose_golden_inputs(read_model(file), [samples()])
    pack = write_pack(tmp_path / "pack", "new", file, inputs)
    assert pack.golden.engine in ("tflite-micro", "litert-ref")
    assert pack.golden.engine in (pack.folder / "MODEL_CARD.md").read_text()
    older = read_pack(original).golden
    assert np.array_equal(pack.golden.values(pack.golden.outputs[0]), older.values(older.outputs[0]))


def test_the_cards_steps_are_worded_as_the_step_table(pack: Pack) -> None:
    card = (pack.folder / "MODEL_CARD.md").read_text()
    assert "| step | accuracy | parameters | zeros | int8 |" in card
    assert "entropy of the codes, in bits per weight" in card and "bits a weight" not in card
