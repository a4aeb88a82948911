from __future__ import annotations

import re
import subprocess
import sys
import zipfile

import pytest

from edgepack.ground.errors import ProjectError
from edgepack.project import builtin_folder, device_address, list_targets, load_target

CORTEX = {"cortex-m0", "cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m23", "cortex-m33", "cortex-m55", "cortex-m85"}
NAMES = {"android", "rpi", "rpi-zero2", "host"} | CORTEX

MCU = """\
name = "mine"
[device]
kind = "mcu"
cpu = "cortex-m4"
clock = "80 MHz"
board = "emulated"
[budget]
flash = "256 KiB"
ram = "64 KiB"
accuracy_drop = 0.01
latency_p50 = "500 ms"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "project"
    (folder / "targets").mkdir(parents=True)
    return folder


def failure(text, folder, *overrides):
    (folder / "targets" / "mine.toml").write_text(text)
    with pytest.raises(ProjectError) as caught:
        load_target("mine", folder, overrides)
    return caught.value


def test_the_profiles_are_there_and_valid():
    targets = {target.name: target for target in list_targets()}
    assert set(targets) == NAMES
    assert {name for name, target in targets.items() if target.device.kind == "mcu"} == CORTEX
    for target in targets.values():
        assert target.title != target.name
        assert target.budget.accuracy_drop is not None and target.budget.latency_p50 is not None
        if target.device.kind == "mcu":
            assert target.budget.flash and target.budget.ram and target.device.clock_hz
        else:
            assert target.budget.model_size and target.budget.peak_memory


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_number_of_a_budget_has_its_source_above_it(name):
    text = (builtin_folder() / f"{name}.toml").read_text()
    budget = text.split("[budget]")[1].strip().splitlines()
    commented = False
    for line in budget:
        if line.startswith("#"):
            commented = True
        elif line:
            assert commented or line.startswith(("latency_p95", "latency_p99")), line
            commented = False
    assert re.search(r"# (Choice|Measured|Published|Datasheet)", text)


def test_the_example_of_the_design_is_read_in_base_units(project):
    (project / "targets" / "mine.toml").write_text(MCU)
    target = load_target("mine", project)
    assert (target.device.clock_hz, target.device.cpu, target.device.board) == (80e6, "cortex-m4", "emulated")
    assert (target.budget.flash, target.budget.ram) == (262144, 65536)
    assert (target.budget.accuracy_drop, target.budget.latency_p50, target.budget.energy) == (0.01, 0.5, None)


def test_a_name_is_looked_for_in_the_project_then_here_then_in_the_package(project, tmp_path):
    assert load_target("host", project).file.parent == builtin_folder()
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "host.toml").write_text('title = "here"\n[device]\nkind = "local"\n')
    assert load_target("host", project).title == "here"
    (project / "targets" / "host.toml").write_text('title = "project"\n[device]\nkind = "local"\n')
    assert load_target("host", project).title == "project"
    assert {target.name: target.title for target in list_targets(project)}["host"] == "project"
    assert load_target(str(tmp_path / "targets" / "host.toml"), project).title == "here"


def test_a_profile_may_lie_in_the_project_folder_itself_beside_edgepack_toml(project):
    (project / "edgepack.toml").write_text('[model]\nsource = "m.h5"\n')
    (project / "mine.toml").write_text(MCU)
    assert load_target("mine", project).name == "mine"
    assert "edgepack" not in {target.name for target in list_targets(project)}
    with pytest.raises(ProjectError) as caught:
        load_target("edgepack", project)
    assert caught.value.code == "EP-107"


def test_an_unknown_target_names_the_nearest():
    with pytest.raises(ProjectError) as caught:
        load_target("cortex-m44")
    assert caught.value.code == "EP-107" and "did you mean 'cortex-m4'?" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("flash =", "flahs =", "unknown key 'flahs' in [budget]", "did you mean 'flash'?"),
        ("clock =", "clcok =", "unknown key 'clcok' in [device]", "did you mean 'clock'?"),
        ('"256 KiB"', '"256 KB"', "budget.flash: '256 KB' is ambiguous", "256 KiB"),
        ('"256 KiB"', '"-1 KiB"', "budget.flash: '-1 KiB' is negative", "256 KiB"),
        ('"256 KiB"', '"0 KiB"', "budget.flash: '0 KiB' must be more than 0", "256 KiB"),
        ('"256 KiB"', '"256 ms"', "budget.flash: '256 ms' has the unknown unit 'ms'", "256 KiB"),
        ('"500 ms"', "500", "budget.latency_p50: 500 has no unit", "5 ms"),
        ('"500 ms"', '"500 MHz"', "budget.latency_p50: '500 MHz' has the unknown unit", "5 ms"),
        ("0.01", "1.5", "budget.accuracy_drop: 1.5 must be at most 1", "correct"),
        ("0.01", "-0.1", "budget.accuracy_drop: -0.1 must be at least 0", "correct"),
        ("0.01", "inf", "budget.accuracy_drop", "correct"),
        ('"mcu"', '"mcuu"', "device.kind: 'mcuu' is not a choice", "did you mean 'mcu'?"),
        ('"cortex-m4"', '"cortex-m44"', "device.cpu: 'cortex-m44' is not a choice", "did you mean 'cortex-m4'?"),
        ('"80 MHz"', '"80 ms"', "device.clock: '80 ms' has the unknown unit", "80 MHz"),
        ('"emulated"', '"usb"', "device.board: 'usb' is not a board", "probe:TARGET"),
        (
            'board = "emulated"',
            'engine = "litert-reff"',
            "device.engine: 'litert-reff' is not a choice",
            "did you mean 'litert-ref'?",
        ),
        ('board = "emulated"', "threads = 2", 'device.threads: has no meaning for kind = "mcu"', "remove threads"),
        ("ram =", "peak_memory =", 'budget.peak_memory: cannot be measured on kind = "mcu"', "use ram instead"),
        (
            'latency_p50 = "500 ms"',
            'latency_p50 = "5 ms"\nlatency_p95 = "4 ms"',
            "must not be below latency_p50",
            "raise latency_p95",
        ),
    ],
)
def test_a_fault_names_file_line_key_and_what_to_write(project, old, new, message, hint):
    text = MCU.replace(old, new, 1)
    error = failure(text, project)
    line = next(number for number, row in enumerate(text.splitlines(), 1) if new.splitlines()[-1] in row)
    assert str(error).startswith(f"project/targets/mine.toml:{line}: "), str(error)
    assert message in str(error) and hint in error.hint, (str(error), error.hint)
    assert error.exit_code == 2


@pytest.mark.parametrize("key", ["cpu", "clock"])
def test_a_microcontroller_needs_its_processor_and_clock(project, key):
    text = "\n".join(line for line in MCU.splitlines() if not line.startswith(key))
    error = failure(text, project)
    assert str(error).startswith(f"project/targets/mine.toml:2: device.{key}: is needed") and f"add {key} =" in error.hint


def test_flash_cannot_be_asked_of_a_pi(project):
    error = failure('[device]\nkind = "ssh"\n[budget]\nflash = "1 MiB"\n', project)
    assert "mine.toml:4: budget.flash: cannot be measured" in str(error) and "model_size" in error.hint


def test_a_profile_whose_name_is_not_its_file_name_is_refused(project):
    error = failure(MCU.replace('"mine"', '"cortex-m4"'), project)
    assert "mine.toml:1" in str(error) and "'mine'" in error.hint


def test_set_changes_a_budget_with_the_same_checks(project):
    assert load_target("cortex-m4", None, ["budget.ram=32KiB"]).budget.ram == 32768
    assert load_target("cortex-m4", None, ["budget.ram=32768"]).budget.ram == 32768
    assert load_target("host", None, ["budget.latency_p95=none"]).budget.latency_p95 is None
    assert load_target("host", None, ["device.threads=4"]).device.threads == 4
    error = failure(MCU, project, "budget.ram=32KB")
    assert str(error).startswith("--set budget.ram: '32KB' is ambiguous")


def test_the_address_is_the_flags_then_the_environments_then_the_profiles(project):
    (project / "targets" / "rpi.toml").write_text('[device]\nkind = "ssh"\naddress = "pi@profile"\n')
    target = load_target("rpi", project)
    environ = {"EDGEPACK_RPI": "pi@environment:2222", "EDGEPACK_ANDROID": "phone"}
    assert device_address(target, "pi@flag", environ) == "pi@flag"
    assert device_address(target, None, environ) == "pi@environment:2222"
    assert device_address(target, None, {"EDGEPACK_RPI": ""}) == "pi@profile"
    assert device_address(target, " pi@flag\n", {}) == "pi@flag"


def test_a_targets_own_variable_comes_before_its_kinds():
    target = load_target("rpi-zero2")
    assert device_address(target, None, {"EDGEPACK_RPI": "four", "EDGEPACK_RPI_ZERO2": "zero"}) == "zero"
    assert device_address(target, None, {"EDGEPACK_RPI": "four"}) == "four"
    assert device_address(load_target("android"), None, {"EDGEPACK_ANDROID": "serial"}) == "serial"


def test_targets_without_an_address_have_none():
    assert device_address(load_target("rpi"), None, {}) is None
    assert device_address(load_target("host"), None, {"EDGEPACK_RPI": "x"}) is None
    assert device_address(load_target("cortex-m4"), None, {}) == "emulated"
    with pytest.raises(ProjectError):
        device_address(load_target("host"), "pi@x", {})


@pytest.mark.parametrize("address", ["-oProxyCommand=x", "a b", "", "pi\u0007@host"])
def test_an_address_that_a_client_would_take_for_an_option_is_refused(address):
    with pytest.raises(ProjectError) as caught:
        device_address(load_target("rpi"), address, {})
    assert caught.value.code == "EP-109"
    with pytest.raises(ProjectError):
        load_target("rpi", None, [f"device.address={address}\u0001"])


@pytest.mark.slow
def test_the_profiles_are_found_from_an_installed_wheel(tmp_path):
    pytest.importorskip("hatchling", reason="the build backend is not installed here")
    root = builtin_folder().parent
    if not (root / "pyproject.toml").is_file():
        pytest.skip("not a source checkout")
    build = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=root, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import edgepack.project as p; "
        "print(p.builtin_folder()); print(*sorted(t.name for t in p.list_targets())); print(p.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    folder, names, module = done.stdout.splitlines()
    assert module.startswith(str(tmp_path))
    assert folder == str(tmp_path / "site" / "edgepack" / "_data" / "targets")
    assert set(names.split()) == NAMES


def test_an_input_is_kept_unless_the_target_says_otherwise(project):
    assert not target_from(MCU, project).device.overlay_input
    for word, overlay in (("is kept", False), ("may be overwritten", True)):
        text = MCU.replace('board = "emulated"', f'board = "emulated"\ninput = "{word}"')
        assert target_from(text, project).device.overlay_input is overlay


def test_an_input_has_no_other_words_and_no_meaning_elsewhere(project):
    assert "may be overwritten" in failure(MCU.replace('board = "emulated"', 'input = "free"'), project).hint
    assert "only for" in str(failure('[device]\nkind = "local"\ninput = "is kept"\n', project))


def target_from(text, folder):
    (folder / "targets" / "mine.toml").write_text(text)
    return load_target("mine", folder)


def test_an_unknown_code_is_told_with_its_line(project):
    assert load_target("cortex-m4", project).device.coding == "auto"
    assert load_target("cortex-m4", project, ["device.coding=palette"]).device.coding == "palette"
    error = failure(MCU.replace('board = "emulated"', 'coding = "palete"'), project)
    assert error.code == "EP-105"
    assert "mine.toml:6: device.coding: unknown code 'palete'" in str(error) and "palette" in error.hint


@pytest.mark.parametrize("name", ["host", "rpi", "android"])
def test_where_memory_is_not_short_weights_are_coded_on_demand_only(project, name):
    assert load_target(name, project).device.coding == "off"
    assert load_target(name, project, ["device.coding=smallest"]).device.coding == "smallest"
