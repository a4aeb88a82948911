"""Settings, inventories, reports and manifests that somebody else wrote: an error that names the place, soon and cheaply."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import canonical_json, hash_of
from edgepack.ground.foreign import parse_json, read_regular
from edgepack.pack import read_pack
from edgepack.pack.manifest import pack_id
from edgepack.project import load_project, load_target
from edgepack.project.inventory.inventory import read_inventory
from edgepack.project.load import read_recipe
from edgepack.project.units import parse_bytes, parse_seconds
from edgepack.report.store import read_report

HERE = Path(__file__).parent
REPORT = HERE.parent / "report" / "stored_rpi.json"
PROJECT = '[model]\nsource = "model.py:build"\n[data]\nsource = "d.npz"\n[[recipe]]\nstep = "prune"\nsparsity = 0.5\n'
TARGET = '[device]\nkind = "ssh"\naddress = "pi@pi"\ntimeout = "60 s"\n[budget]\nmodel_size = "1 MiB"\nlatency_p50 = "5 ms"\n'


def refused(action: Callable[[], Any], code: str) -> str:
    """The message of the error, once it was found to come soon and to cost little memory."""
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(EdgepackError) as caught:
            action()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == code, str(caught.value)[:500]
    assert caught.value.hint and len(str(caught.value)) < 1000
    assert time.process_time() - start < 20 and peak < 200 << 20
    return str(caught.value)


def write(file: Path, text: str | bytes) -> Path:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


DEEP = {
    "lists": "x = " + "[" * 5000 + "]" * 5000,
    "few lists": "x = " + "[" * 100 + "]" * 100,
    "tables": "x = " + "{a = " * 5000 + "1" + "}" * 5000,
    "key": ".".join("a" * 400_000) + " = 1",
    "quoted key": ".".join(['"a"'] * 200_000) + " = 1",
    "spaced key": " . ".join("a" * 200_000) + " = 1",
    "header": "[" + ".".join("a" * 400_000) + "]",
}
LARGE = {
    "decimal": "x = " + "9" * 300_000,
    "some digits": "x = " + "9" * 5000,
    "few digits": "x = 99999999999999999999",
    "hexadecimal": "x = 0x" + "f" * 100_000,
    "negative": "x = -9223372036854775809",
    "within": "x = [1, {y = [123456789012345678901]}]",
}


@pytest.mark.parametrize("kind", sorted(DEEP))
def test_deep_toml_is_refused_with_its_file(kind: str, tmp_path: Path) -> None:
    file = write(tmp_path / "edgepack.toml", f"name = 'p'\n{DEEP[kind]}\n{PROJECT}")
    message = refused(lambda: load_project(tmp_path), "EP-102")
    assert "nested too deeply" in message and str(file) in message
    if "key" in kind or kind in ("header", "few lists"):
        assert f"{file}:2" in message


@pytest.mark.parametrize("kind", sorted(LARGE))
def test_a_number_of_many_digits_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    file = write(tmp_path / "edgepack.toml", f"name = 'p'\n{LARGE[kind]}\n{PROJECT}")
    assert f"{file}:2: a whole number of more than 64 bits" in refused(lambda: load_project(tmp_path), "EP-102")
    recipe = write(tmp_path / "recipe.toml", f"[[recipe]]\nstep = 'prune'\n{LARGE[kind]}\n")
    assert f"{recipe}:3" in refused(lambda: read_recipe(recipe), "EP-102")
    target = write(tmp_path / "t.toml", f"{LARGE[kind]}\n{TARGET}")
    assert f"{target}:1" in refused(lambda: load_target(str(target)), "EP-102")


def test_a_recipe_whose_name_no_file_can_have_does_not_exist(tmp_path: Path) -> None:
    for name in ("r" * 5000, "\\u0000", "a/" * 3000):
        write(tmp_path / "edgepack.toml", f'recipe = "{name}"\n[model]\nsource = "model.py:build"\n')
        refused(lambda: load_project(tmp_path), "EP-106")


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 500 + "]" * 500, "[" * 5000, "1e999", "nan", "0x" + "f" * 5000])
def test_values_of_set_are_bounded_too(value: str, tmp_path: Path) -> None:
    write(tmp_path / "edgepack.toml", PROJECT)
    with pytest.raises(EdgepackError) as caught:
        load_project(tmp_path, [f"data.seed={value}"])
    assert caught.value.exit_code == 2 and "--set data.seed" in str(caught.value)
    with pytest.raises(EdgepackError) as caught:
        load_project(tmp_path, [f"{'.'.join(['data'] * 10_000)}={value}"])
    assert caught.value.code == "EP-108"


@pytest.mark.parametrize(
    "text", ["1e999999999999999999999 MiB", "1e99999 MiB", "9" * 100_000 + " MiB", "1" * 90 + "x", "-" + "1" * 9]
)
def test_a_quantity_beyond_all_bounds_is_none(text: str) -> None:
    for parse in (parse_bytes, parse_seconds):
        with pytest.raises(ValueError, match=r"."):
            parse(text)
    with pytest.raises(ValueError, match="64 bits"):
        parse_bytes(10**400)


class TestInventories:
    @pytest.mark.parametrize(
        "pattern",
        [
            "host[1:10000].rack[1:10000]",
            "[a:z]" * 12,
            "h[0:" + "9" * 5000 + "]",
            "h[" + "0" * 5000 + "1:2]",
            "h[1:2:" + "9" * 5000 + "]",
            "[a:a]" * 10_000,
            "x" * 50_000 + "[1:10000]",
        ],
    )
    def test_ranges_multiply_up_to_a_limit(self, pattern: str, tmp_path: Path) -> None:
        for name, text in (
            ("i", f"[all]\n{pattern}\n"),
            ("i.json", json.dumps({"all": {"hosts": {pattern: None}}})),
        ):
            file = write(tmp_path / name, text)
            refused(lambda file=file: read_inventory(file), "EP-113")

    def test_ranges_add_up_to_a_limit(self, tmp_path: Path) -> None:
        file = write(tmp_path / "i", "".join(f"[g{number}]\nh[1:9999]\n" for number in range(1000)))
        assert "too many hosts" in refused(lambda: read_inventory(file), "EP-113")

    def test_many_hosts_are_still_read(self, tmp_path: Path) -> None:
        file = write(tmp_path / "i", "[pis]\npi[0001:5000].[a:b].example ansible_user=u\n[all:vars]\nansible_port=2222\n")
        hosts = read_inventory(file).hosts
        assert len(hosts) == 10_000
        assert [hosts[number].name for number in (0, 1, 9999)] == ["pi0001.a.example", "pi0001.b.example", "pi5000.b.example"]
        assert hosts[0].address == "u@pi0001.a.example:2222"

    def test_a_billion_laughs_are_not_heard_out(self, tmp_path: Path) -> None:
        lines = ["a0: &a0 {x: 1, y: 2}"]
        lines += [f"a{n}: &a{n} {{children: {{{', '.join(f'c{m}: *a{n - 1}' for m in range(10))}}}}}" for n in range(1, 12)]
        refused(lambda: read_inventory(write(tmp_path / "i.yml", "\n".join(lines))), "EP-113")
        merges = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
        refused(lambda: read_inventory(write(tmp_path / "m.yml", "\n".join(merges))), "EP-113")

    @pytest.mark.parametrize(
        "text",
        [
            "all: " + "[" * 5000,
            "all: " + "{children: {a: " * 500 + "1" + "}}" * 500,
            "all: &a {children: {b: *a}}",
            "all: &a [*a]",
            "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{x: *a{n - 1}}}" for n in range(1, 5000))]),
            "all: {hosts: {h: {ansible_port: " + "9" * 100_000 + "}}}",
            "all: {hosts: {h: {ansible_port: 0x" + "f" * 100_000 + "}}}",
            "all: {hosts: {h: {ansible_port: " + ":".join(["59"] * 10_000) + "}}}",
            "all: {hosts: {h: {x: 2020-99-99}}}",
            "all: {hosts: {h: {x: !!int abc}}}",
            "all: {hosts: {h: {x: !!bool perhaps}}}",
            "all: {hosts: {h: {x: !!timestamp never}}}",
            "all: {hosts: {h: {x: !!python/object/apply:os.system ['true']}}}",
            "all: {hosts: {? [a, b] : 1}}",
            "all: \x00\x07",
        ],
    )
    def test_yaml_that_is_not_meant_well_is_refused(self, text: str, tmp_path: Path) -> None:
        file = write(tmp_path / "i.yml", text)
        assert str(file) in refused(lambda: read_inventory(file), "EP-113")

    def test_groups_in_a_lattice_are_counted_once(self, tmp_path: Path) -> None:
        lines = ["[g0x]", "h1", "[g0y]", "h2"]
        for number in range(1, 60):  # 2**60 ways from the top to the bottom
            for name in "xy":
                lines += [f"[g{number}{name}:children]", f"g{number - 1}x", f"g{number - 1}y"]
        start = time.process_time()
        inventory = read_inventory(write(tmp_path / "i", "\n".join(lines)))
        assert inventory.groups["g59x"] == ("h1", "h2") and time.process_time() - start < 10

    def test_a_long_chain_of_groups_is_no_traceback(self, tmp_path: Path) -> None:
        lines = [f"[g{number}:children]\ng{number + 1}" for number in range(2000)]
        refused(lambda: read_inventory(write(tmp_path / "i", "\n".join([*reversed(lines), "[g2000]", "h"]))), "EP-113")

    def test_a_hosts_name_leads_to_no_other_folder(self, tmp_path: Path) -> None:
        write(tmp_path / "secret.yml", "ansible_host: leaked")
        (tmp_path / "inventory" / "host_vars").mkdir(parents=True)
        file = write(tmp_path / "inventory" / "i.json", json.dumps({"all": {"hosts": {"../../secret": None}}}))
        assert read_inventory(file).hosts[0].address == "../../secret"

    def test_pipes_devices_and_large_files_are_refused(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "zero").symlink_to("/dev/zero")
        os.truncate(write(tmp_path / "large", ""), 1 << 40)
        for name in ("pipe", "zero", "large"):
            refused(lambda name=name: read_inventory(tmp_path / name), "EP-113")
        (tmp_path / "large").unlink()  # other tests read whatever is in the run's folder


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "[" * 900 + "]" * 900, "9" * 5000, "9" * 4000, "NaN", "-Infinity", "1e999", "", '"\ud800', b"\xff\xfe"],
)
def test_json_that_cannot_be_used_is_no_value(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


def test_a_report_that_is_none_is_refused(tmp_path: Path) -> None:
    stored = json.loads(REPORT.read_text())
    for text in ("[" * 100_000, "9" * 5000, "[]", "null", "{}", '{"kind": "fleet"}', json.dumps({**stored, "verdicts": 3})):
        file = write(tmp_path / "report.json", text)
        refused(lambda file=file: read_report(file), "EP-111")
    os.mkfifo(tmp_path / "pipe.json")
    refused(lambda: read_report(tmp_path / "pipe.json"), "EP-111")


def _pack(folder: Path) -> Path:
    """A pack with the right hashes and one vector of zeros."""
    (folder / "golden").mkdir(parents=True)
    write(folder / "model.tflite", b"model")
    tensor = {"shape": [1, 4], "dtype": "int8", "scale": 0.5, "zero_point": 0, "bytes": 4}
    described = {
        "count": 1,
        "inputs": [{**tensor, "name": "x", "file": "input_0.bin"}],
        "outputs": [{**tensor, "name": "y", "file": "output_0.bin"}],
        "origins": ["zeros"],
        "engine": "tflite-ref",
        "engine_version": "2.14.0",
    }
    write(folder / "golden" / "golden.json", json.dumps(described))
    for name in ("input_0.bin", "output_0.bin"):
        write(folder / "golden" / name, bytes(4))
    return _sealed(folder)


def _sealed(folder: Path, **more: Any) -> Path:
    """The pack with a manifest that fits its files, as an attacker's would."""
    from edgepack.pack.manifest import with_files

    manifest = with_files({"schema": 1, "name": "kws"}, folder) | more
    write(folder / "manifest.json", canonical_json({**manifest, "id": pack_id(manifest)}))
    return folder


def test_a_small_pack_is_read_as_it_is_written(tmp_path: Path) -> None:
    assert read_pack(_pack(tmp_path / "pack")).name == "kws"


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "NaN", '{"schema": 1, "name": "\\ud800", "files": {}}', "null"])
def test_a_manifest_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    folder = _pack(tmp_path / "pack")
    write(folder / "manifest.json", text)
    refused(lambda: read_pack(folder), "EP-251" if "ud800" in text else "EP-250")


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../../outside.bin"},
        {"file": 3},
        {"shape": [-1, -4]},
        {"shape": [0]},
        {"shape": [10**18, 10**18]},
        {"shape": "four"},
        {"dtype": "O"},
        {"dtype": "no type"},
        {"bytes": "4"},
        {"surplus": 1},
    ],
)
def test_golden_vectors_of_another_shape_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    folder = _pack(tmp_path / "pack")
    write(tmp_path / "outside.bin", bytes(4))
    described = json.loads((folder / "golden" / "golden.json").read_text())
    described["inputs"][0].update(change)
    write(folder / "golden" / "golden.json", json.dumps(described))
    refused(lambda: read_pack(_sealed(folder)), "EP-251")


def test_only_regular_files_of_bearable_size_are_read(tmp_path: Path) -> None:
    assert read_regular(write(tmp_path / "a", b"abc"), 3) == b"abc"
    for action in (lambda: read_regular(tmp_path / "a", 2), lambda: read_regular(Path("/dev/zero"), 10)):
        with pytest.raises(ValueError, match="it is"):
            action()


PIECES = (
    *"[]{}\"'=.,:\n -#\r\t|>%@`é\x00\ud7ff\ufeff",
    *("&a ", "*a", "<<: ", "!!int ", "!vault ", "\\u0000", "9" * 30, "9" * 5000, "1e999", "nan", "inf", "-1", "0x" + "f" * 40),
    *("true", "null", "[[", "]]", '"""', "2020-13-45", "a.b.c", "[1:99999]", "[" * 200, "{a=" * 200, "a." * 50, "../"),
)


def _mutated(text: str, generator: random.Random) -> bytes:
    for _ in range(generator.randint(1, 4)):
        start = generator.randrange(len(text) + 1)
        end = min(len(text), start + generator.choice((0, 0, 1, 3, 20)))
        middle = generator.choice(PIECES) if generator.random() < 0.8 else text[start:end] * 2
        text = text[:start] + middle + text[end:]
    raw = bytearray(text.encode())
    if raw and generator.random() < 0.1:
        raw[generator.randrange(len(raw))] = generator.randrange(256)
    return bytes(raw)


@pytest.mark.parametrize("kind", ["project", "target", "recipe", "ini", "yaml", "json", "report", "manifest", "golden"])
def test_mutated_files_give_errors_that_a_user_can_read(kind: str, tmp_path: Path) -> None:
    generator = random.Random(hash_of(kind))
    pack = _pack(tmp_path / "pack")
    manifest, golden = ((pack / name).read_text() for name in ("manifest.json", "golden/golden.json"))
    ini, yaml = ((HERE / "inventory" / name).read_text() for name in ("hosts.ini", "hosts.yml"))
    listed = json.dumps({"all": {"hosts": {"a": {"ansible_host": "h", "ansible_port": 22}}, "children": {"g": {"vars": {}}}}})
    given: dict[str, tuple[str, Path, Callable[[Path], Any]]] = {
        "project": (PROJECT, tmp_path / "edgepack.toml", lambda file: load_project(file.parent)),
        "target": (TARGET, tmp_path / "t.toml", lambda file: load_target(str(file))),
        "recipe": (PROJECT[PROJECT.index("[[") :], tmp_path / "r.toml", read_recipe),
        "ini": (ini, tmp_path / "i", read_inventory),
        "yaml": (yaml[:1500], tmp_path / "i.yml", read_inventory),
        "json": (listed, tmp_path / "i.json", read_inventory),
        "report": (REPORT.read_text(), tmp_path / "report.json", read_report),
        "manifest": (manifest, pack / "manifest.json", lambda file: read_pack(file.parent)),
        "golden": (golden, pack / "golden" / "golden.json", lambda file: read_pack(_sealed(file.parents[1]))),
    }
    text, file, read = given[kind]
    for number in range(230):
        write(file, _mutated(text, generator))
        try:
            read(file)
        except EdgepackError as error:
            assert error.exit_code in (2, 3, 4), (number, error)
            assert error.hint
    shutil.rmtree(pack)
