"""Every form of delivery of a model with hostile names is, for what reads it, that of the same model with plain ones."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from markdown_it import MarkdownIt

import edgepack
from edgepack.compile import compile_model
from edgepack.flatbuffer import inspect_model, read_model
from edgepack.ground.errors import CompileError, ProjectError
from edgepack.ground.escape import c_comment
from edgepack.kinds import KINDS
from edgepack.pack import Pack, PackInfo, write_pack
from edgepack.pack.bench_scripts import bench_scripts
from edgepack.pack.card import model_card
from edgepack.pack.deliveries.c_array import c_array_texts
from edgepack.pack.deliveries.firmware import export_firmware
from edgepack.pack.deliveries.form import ImageSigner, Options
from edgepack.pack.deliveries.registry import FORMS
from edgepack.pack.manifest import describe
from edgepack.pack.sbom import NAME as SBOM
from tests.compile.host import STRICT
from tests.hostile import HOSTILE, harmful, printable_ascii, seen_by_compiler
from tests.pack.hostile_model import custom_model, harmless_twin, hostile_model
from tests.pack.ota_device.build import sign
from tests.standins.signing import OLD

NAMES = list(HOSTILE.values())
CODE = (".c", ".h", ".cc", ".cpp", ".ino", ".kt", ".kts")
BUILD = (".txt", ".ld", "Makefile", "Kconfig", ".yml", ".yaml", ".conf", ".properties", ".json", ".pdsc", ".service")
FORMS_AND_RUNTIMES = [(form, "c") for form in FORMS]
FORMS_AND_RUNTIMES += [(form, "tflm") for form in FORMS if FORMS[form].tflm and form != "tflm"]

every_name = pytest.mark.parametrize("name", NAMES, ids=HOSTILE)
in_both_standards = pytest.mark.parametrize("standard", [["-std=c99"], ["-std=gnu99"], ["-std=gnu99", "-trigraphs"]])


def _files(folder: Path) -> dict[str, str]:
    """The texts below a folder; what is packed or a model is none."""
    packed = (".tflite", ".zip", ".pack", ".xz", ".gz", ".bin", ".image", ".update")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in packed
    }


def _same_but_for_names(text: str) -> str:
    """Without what follows from a file's bytes: hashes, the array of the bytes, and how many they are when packed."""
    text = re.sub(r"urn:uuid:[0-9a-f-]{36}", "UUID", text)
    text = re.sub(r'"bytes": \d+', '"bytes": COUNT', text)
    return re.sub(r"\b[0-9a-f]{16,64}\b", "HASH", re.sub(r"(0x[0-9a-f]{2},\s*)+", "BYTES ", text))


def _reads_alike(files: dict[str, str], twins: dict[str, str]) -> None:
    assert files.keys() == twins.keys()
    for name, text in files.items():
        twin = twins[name]
        if name.endswith(CODE):
            assert printable_ascii(text), name
            for trigraphs in (False, True):
                ours, theirs = (seen_by_compiler(_same_but_for_names(one), trigraphs) for one in (text, twin))
                assert ours == theirs, name
        elif name.endswith(BUILD):
            assert printable_ascii(text), name
            assert _same_but_for_names(text) == _same_but_for_names(twin), name
        if name.endswith(".pdsc"):
            ET.fromstring(text)
        assert not harmful(text), name


@pytest.mark.slow
@pytest.mark.parametrize(("form", "runtime"), FORMS_AND_RUNTIMES)
def test_a_form_of_all_hostile_names_reads_like_its_twin(form: str, runtime: str, tmp_path: Path) -> None:
    found = []
    for kind, content in (("hostile", hostile_model(NAMES)), ("twin", harmless_twin(NAMES))):
        file = tmp_path / f"{kind}.tflite"
        file.write_bytes(content)
        signer = ImageSigner(OLD.public.number, OLD.public.key, sign) if FORMS[form].minisign else None
        version = 1 if FORMS[form].signs else None
        options = Options(runtime=runtime, signer=signer, image_version=version)
        written = FORMS[form].write(file, "net", tmp_path / kind, options)
        assert written and all(path.is_file() for path in written)
        found.append(_files(tmp_path / kind))
    _reads_alike(*found)


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return compile_model(read_model(hostile_model(NAMES)), "net").files


def test_the_generated_code_tells_every_name(generated: dict[str, str]) -> None:
    for name in NAMES:
        assert c_comment(name) in generated["net_weights.c"], name


@every_name
def test_code_and_array_of_one_name_read_like_their_twin(name: str, tmp_path: Path) -> None:
    ours, theirs = hostile_model([name]), harmless_twin([name])
    _reads_alike(c_array_texts(ours, "net"), c_array_texts(theirs, "net"))
    _reads_alike(compile_model(read_model(ours), "net").files, compile_model(read_model(theirs), "net").files)


@in_both_standards
def test_a_compiler_takes_them_without_a_warning(generated: dict[str, str], standard: list[str], tmp_path: Path) -> None:
    for name, text in {**generated, **c_array_texts(hostile_model(NAMES), "array")}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in ("net.c", "net_weights.c", "array.c"):
        command = ["gcc", *STRICT, *standard, "-I", str(tmp_path), "-c", str(tmp_path / name), "-o", str(tmp_path / f"{name}.o")]
        subprocess.run(command, check=True)
        symbols = subprocess.run(["nm", str(tmp_path / f"{name}.o")], capture_output=True, text=True, check=True).stdout
        assert "pwned" not in symbols


@every_name
def test_the_array_names_custom_operators_in_comments_only(name: str) -> None:
    ours, theirs = (c_array_texts(custom_model(one), "net") for one in (name, "n" * len(name.encode())))
    _reads_alike(ours, theirs)


@every_name
def test_an_app_reads_its_classes_and_nothing_else(name: str, tmp_path: Path) -> None:
    found = []
    for kind, names in (("hostile", [name]), ("twin", ["n" * len(name.encode())])):
        file = tmp_path / f"{kind}.tflite"
        file.write_bytes(hostile_model([name]) if kind == "hostile" else harmless_twin([name]))
        options = Options(class_names=(*names, "b", "c", "d"), preprocessing={names[0]: names[0]})
        FORMS["android"].write(file, "net", tmp_path / kind, options)
        files = _files(tmp_path / kind)
        kotlin = files["net/NetModel.kt"]
        assert printable_ascii(kotlin)
        files["net/NetModel.kt"] = re.sub(r'"(?:[^"\\$\n]|\\["\\$]|\\u[0-9a-f]{4})*"', '""', kotlin)
        found.append(files)
        with zipfile.ZipFile(tmp_path / kind / "net" / "assets" / "net.tflite") as packed:
            assert len(packed.read("net_labels.txt").decode().splitlines()) == 4
    _reads_alike(*found)
    assert _blocks(found[0]["net/README.md"]) == _blocks(found[1]["net/README.md"])


@every_name
def test_the_model_is_named_by_an_identifier(name: str, tmp_path: Path) -> None:
    file = tmp_path / "a.tflite"
    file.write_bytes(harmless_twin(["n"]))
    for form in ("c-array", "android"):
        for path in FORMS[form].write(file, name, tmp_path / form, Options()):
            assert re.fullmatch(r"[\w./]+", path.relative_to(tmp_path).as_posix().replace("c-array", ""), re.ASCII)
        assert all(printable_ascii(text) for text in _files(tmp_path / form).values())


@every_name
def test_a_service_has_the_name_of_a_deployed_model_or_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as raised:
        FORMS["systemd"].write(tmp_path / "a.tflite", name, tmp_path / "out", Options())
    assert raised.value.code == "EP-105" and not (tmp_path / "out").exists()


@pytest.mark.parametrize("file", ["a b.c", "$(shell touch pwned).c", "a;touch pwned.c", "a#.c", "a%.c"])
def test_a_makefile_takes_no_file_that_make_would_part(file: str, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    for name, text in compile_model(read_model(harmless_twin(["n"])), "net").files.items():
        (code / name).write_text(text)
    (code / file).write_text("int a;\n")
    arrays = [np.zeros((1, 4), np.int8)]
    with pytest.raises(CompileError) as raised:
        export_firmware(code, "generic", tmp_path / "out", "net", arrays, arrays)
    assert raised.value.code == "EP-752" and file in str(raised.value)


def _blocks(text: str) -> list[tuple[str, str]]:
    """What Markdown makes of a text, without the words."""
    return [(token.type, token.tag) for token in MarkdownIt("commonmark").enable("table").parse(text)]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack of all names with both scripts."""
    folder = tmp_path_factory.mktemp("pack")
    (folder / "a.tflite").write_bytes(hostile_model(NAMES))
    scripts = {**bench_scripts(KINDS["ssh"]), **bench_scripts(KINDS["adb"])}
    return write_pack(folder / "pack", "net", folder / "a.tflite", info=_info(NAMES[0], NAMES, scripts))


def _info(name: str, names: list[str], files: dict[str, bytes | str] | None = None) -> PackInfo:
    return PackInfo(
        title=name,
        source={"file": name, name: {name: name, "sha256": name}},
        data={"sha256": name, name: [name]},
        steps=[{"step": name, "label": name, "metric": 0.5, "metric_name": name, "parameters": 5}],
        metric={"name": name, "baseline": 0.5, "value": 0.25, "split": name},
        preprocessing={name: name, "list": [name]},
        class_names=names,
        scheme=name,
        notes=names,
        files=files or {},
        intended_use=name,
        limitations=names,
    )


@every_name
def test_a_model_card_says_names_and_nothing_else(name: str, pack: Pack) -> None:
    def card(one: str, content: bytes) -> str:
        inspection = inspect_model(read_model(content)).as_json()
        inspection["outside_tflm"] = [one]
        inspection["operator_counts"] = {one: 1}
        return model_card(describe(one, _info(one, [one, one]), inspection), pack.golden)

    text = card(name, hostile_model([name]))
    assert _blocks(text) == _blocks(card("n", harmless_twin(["n"])))
    reader = MarkdownIt("commonmark").enable("table")
    kinds = {child.type for token in reader.parse(text) for child in token.children or ()}
    assert kinds <= {"text", "text_special", "code_inline", "softbreak"}, kinds
    assert not harmful(text)


def test_a_pack_of_hostile_names_is_plain_text(pack: Pack, tmp_path: Path) -> None:
    for file in ("MODEL_CARD.md", "manifest.json", "golden/golden.json", SBOM):
        path = pack.folder / file
        assert not path.is_file() or not set(harmful(path.read_text(encoding="utf-8"))) - {"\U000e0041"}, file
    assert pack.manifest["class_names"] == NAMES


@pytest.mark.parametrize("script", ["ssh.sh", "adb.sh"])
def test_a_packs_scripts_run_nothing_that_a_name_says(pack: Pack, script: str, tmp_path: Path) -> None:
    """Beside programs that are all the same: one that writes down what it was called with, and fails."""
    path = pack.folder / "scripts" / script
    subprocess.run(["sh", "-n", str(path)], check=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("ssh", "adb", "rm", "touch", "id", "pwned"):
        (programs / program).write_text(f'#!/bin/sh\necho {program} >> "{tmp_path}/called"\nexit 1\n')
        (programs / program).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    for name in [one for one in NAMES if "\0" not in one and len(one) < 200]:
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "PROGRAM": str(path), "THREADS": name, "RUNS": name, "ENGINE": name}
        done = subprocess.run(["sh", str(path), name], cwd=work, env=environment, capture_output=True, timeout=60)
        assert done.returncode == 1
    called = set((tmp_path / "called").read_text().split())
    assert called <= {"ssh", "adb"} and not list(work.iterdir())


def test_what_edgepack_itself_writes_in_c_is_printable_ascii(shared_models: Path) -> None:
    package = Path(edgepack.__file__).parent
    sources = [path for path in package.rglob("*") if path.suffix in (".c", ".h", ".in", ".sh")]
    assert len(sources) > 100
    for path in sources:
        assert printable_ascii(path.read_text(encoding="utf-8")), path.name
    model = read_model(shared_models / "kws_ref_model.tflite")
    for cpu in ("generic", "cortex-m0plus", "cortex-m4", "cortex-m55"):
        assert all(printable_ascii(text) for text in compile_model(model, "kws", cpu).files.values()), cpu
