"""One table of cores: it holds every page, is the only list of core names, and says what the compilers say of each core."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from edgepack.compile import compile_model
from edgepack.cores import CORES, CPUS, find_core, find_cpu
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ProjectError
from edgepack.mcu.count.cycles import COSTS
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.project import load_target
from edgepack.project.schema import CPUS as TARGETS_MAY_NAME
from tests.compile.networks import random_network
from tests.mcu.conftest import require

PACKAGE = Path(__file__).parents[2] / "edgepack"


def test_every_page_is_in_the_table_under_its_own_name() -> None:
    pages = {path.stem for path in (PACKAGE / "cores").glob("*.py")} - {"__init__", "core", "table"}
    assert {name.replace("-", "_") for name in CPUS} == pages
    assert all(CPUS[name].name == name for name in CPUS)


def test_nothing_else_lists_core_names() -> None:
    several = re.compile(r"[\"']cortex-m\w+[\"'],?\s*[\"']cortex-m")
    elsewhere = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE / "cores"]
    assert [path for path in elsewhere if several.search(path.read_text())] == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("cortex-m4", "cortex-m4"),
        ("Cortex-M4F", "cortex-m4"),
        ("cortex_m33f", "cortex-m33"),
        ("cortex-m7f", "cortex-m7"),
        (" cortex-m0+ ", "cortex-m0plus"),
        ("cortex_m0plus", "cortex-m0plus"),
        ("cortex-m85", "cortex-m85"),
        ("m4", "cortex-m4"),
        ("M0+", "cortex-m0plus"),
        ("M7F", "cortex-m7"),
    ],
)
def test_a_core_is_found_by_its_usual_spellings(written: str, name: str) -> None:
    assert find_core(written).name == find_cpu(written).name == name


@pytest.mark.parametrize("written", ["cortex-m5", "cortex-m0f", "f", ""])
def test_an_unknown_core_is_refused_with_the_known_ones(written: str) -> None:
    with pytest.raises(ProjectError) as core:
        find_core(written)
    with pytest.raises(ProjectError) as cpu:
        find_cpu(written)
    assert (core.value.code, cpu.value.code) == ("EP-550", "EP-702")
    assert all(name in core.value.hint for name in CORES) and all(name in cpu.value.hint for name in CPUS)


def test_portable_code_is_compiled_for_no_core() -> None:
    assert find_cpu("generic").features == frozenset()
    with pytest.raises(ProjectError):
        find_core("generic")


def test_the_compiler_takes_every_spelling_and_writes_the_tables() -> None:
    model = read_model(random_network(3))
    assert compile_model(model, "net", "Cortex-M4F").files == compile_model(model, "net", "cortex-m4").files


def test_targets_may_name_every_core_and_only_those(tmp_path: Path) -> None:
    assert tuple(CORES) == TARGETS_MAY_NAME
    (tmp_path / "mine.toml").write_text('name = "mine"\n[device]\nkind = "mcu"\ncpu = "cortex-m23"\nclock = "64 MHz"\n[budget]\n')
    assert load_target(str(tmp_path / "mine.toml")).device.cpu == "cortex-m23"


@pytest.mark.parametrize("name", CORES)
def test_a_core_is_timed_by_costs_that_exist(name: str) -> None:
    assert CORES[name].timing.costs in COSTS


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("name", CORES)
def test_the_compilers_agree_with_the_page(name: str, toolchain: str) -> None:
    """The macros of the Arm C Language Extensions say what code for the core may use."""
    require(toolchain)
    core, compiler = CORES[name], find_toolchain(toolchain)
    command = [*compiler.command, *compiler.target_flags(core), "-E", "-dM", "-x", "c", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    macros = dict(re.findall(r"#define (\w+) (.*)", done.stdout))
    baseline = macros.get("__ARM_ARCH_6M__") or macros.get("__ARM_ARCH_8M_BASE__")
    features = {"armv6m" if baseline else "thumb2"}
    features |= {"dsp"} if "__ARM_FEATURE_DSP" in macros else set()
    features |= {"mve"} if "__ARM_FEATURE_MVE" in macros else set()
    assert features == core.features
    assert ("__ARM_FEATURE_UNALIGNED" in macros) == core.unaligned
    assert ("__ARM_FP" in macros) == (core.fpu is not None)
    assert ("__ARM_PCS_VFP" in macros) == (core.fpu is not None)
