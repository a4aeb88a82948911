"""bench_mcu: parity, several inputs and outputs, types, state, and what it says when something is missing."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.errors import CompileError, DeviceError, ProjectError, ToolError
from edgepack.mcu.emulate.host import build_host, run_host, run_on_host
from edgepack.mcu.toolchain.program import ports_of, write_files
from edgepack.measure.mcu.emulated import bench_mcu
from tests.mcu import tiny_model
from tests.mcu.conftest import require


@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
def test_every_core_gives_the_reference_bits(cpu: str, toolchain: str) -> None:
    require(toolchain, "qemu" if cpu == "cortex-m55" else "unicorn")
    x = tiny_model.inputs(40)
    result = bench_mcu(tiny_model.FILES, "tiny", cpu, (x,), (tiny_model.reference(x),), toolchain=toolchain)
    assert (result.parity.compared, result.parity.differing) == (40, 0)
    assert result.cpu == cpu and result.instructions > tiny_model.INPUTS * tiny_model.HIDDEN / 4


def test_parity_counts_inputs_that_differ_and_by_how_much() -> None:
    require("zig", "unicorn")
    x = tiny_model.inputs(10)
    wrong = tiny_model.reference(x).copy()
    wrong[3, 1] ^= 1
    wrong[7] -= np.sign(wrong[7]) * 3
    result = bench_mcu(tiny_model.FILES, "tiny", "cortex-m4", (x,), (wrong,))
    assert result.parity.compared == 10 and result.parity.differing == 2 and result.parity.largest == 3


MIXED = {
    "mixed.h": "#include <stdint.h>\n#define MIXED_ARENA_SIZE 16\n#define MIXED_STATE_SIZE 4\n"
    "int mixed_run(const int8_t *a, const int16_t *b, const float *c, int16_t *d, float *e, int8_t *f, void *arena);\n"
    "void mixed_reset(void *arena);\n",
    "mixed.c": '#include "mixed.h"\n'
    "void mixed_reset(void *arena) { *(int32_t *)arena = 5; }\n"
    "int mixed_run(const int8_t *a, const int16_t *b, const float *c, int16_t *d, float *e, int8_t *f, void *arena)\n"
    "{\n    int32_t *state = arena;\n    *state += a[0];\n    d[0] = (int16_t)(b[0] + b[1]);\n    e[0] = c[0] * c[1] + c[2];\n"
    "    f[0] = a[1];\n    f[1] = a[2];\n    f[2] = (int8_t)*state;\n    return 0;\n}\n",
}


@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4", "cortex-m55", "host"])
def test_several_inputs_and_outputs_of_different_types_and_state(cpu: str) -> None:
    require("zig", "qemu" if cpu == "cortex-m55" else "unicorn")
    random = np.random.default_rng(3)
    a = random.integers(-9, 9, (7, 3)).astype(np.int8)
    b = random.integers(-999, 999, (7, 2)).astype(np.int16)
    c = random.normal(size=(7, 3)).astype(np.float32)
    d = b.sum(axis=1, keepdims=True, dtype=np.int16)
    e = (c[:, :1] * c[:, 1:2]) + c[:, 2:]  # two roundings in float32, as without a fused multiply-add
    f = np.stack([a[:, 1], a[:, 2], (5 + np.cumsum(a[:, 0])).astype(np.int8)], axis=1)
    if cpu == "host":
        got = run_on_host(MIXED, "mixed", (a, b, c), (d, e, f))
        for mine, wanted in zip(got, (d, e, f), strict=True):
            np.testing.assert_array_equal(mine, wanted)
    else:
        assert bench_mcu(MIXED, "mixed", cpu, (a, b, c), (d, e, f)).parity.differing == 0


def test_the_emulator_can_be_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    require("zig", "qemu")
    monkeypatch.setenv("EDGEPACK_EMULATOR", "qemu")
    x = tiny_model.inputs(1)
    assert bench_mcu(tiny_model.FILES, "tiny", "cortex-m4", (x,), (tiny_model.reference(x),)).method.startswith("QEMU")


def test_milliseconds_are_the_estimate_at_the_clock() -> None:
    require("zig", "unicorn")
    x = tiny_model.inputs(1)
    result = bench_mcu(tiny_model.FILES, "tiny", "cortex-m4", (x,), outputs_like=(tiny_model.reference(x),), clock_hz=80e6)
    assert result.ms == pytest.approx(result.cycles_estimated / 80e3, rel=1e-3) and result.parity.compared == 0


def test_the_host_runs_whole_test_sets() -> None:
    x = tiny_model.inputs(20000)
    np.testing.assert_array_equal(
        run_on_host(tiny_model.FILES, "tiny", (x,), (tiny_model.reference(x[:1]),))[0], tiny_model.reference(x)
    )


def test_a_crash_on_the_host_is_an_error_and_no_crash_of_ours(tmp_path: Path) -> None:
    files = {**tiny_model.FILES, "tiny.c": tiny_model.SOURCE.replace("    return 0;", "    return *(volatile int *)4;")}
    x = tiny_model.inputs(2)
    program = build_host(files, "tiny", ports_of((x,)), ports_of((tiny_model.reference(x),)), tmp_path)
    with pytest.raises(DeviceError) as caught:
        run_host(program, (x,))
    assert caught.value.code == "EP-552"


def test_c_that_does_not_compile_shows_the_compilers_first_error() -> None:
    require("zig")
    x = tiny_model.inputs(1)
    files = {**tiny_model.FILES, "tiny.c": tiny_model.SOURCE.replace("int32_t sum = 0;", "int32_t sum = oops;")}
    with pytest.raises(CompileError, match="oops") as caught:
        bench_mcu(files, "tiny", "cortex-m4", (x,), outputs_like=(x,))
    assert caught.value.code == "EP-750" and "tiny.c" in str(caught.value)


def test_wrong_inputs_folders_and_cores_are_named(tmp_path: Path) -> None:
    require("zig", "unicorn")
    x, y = tiny_model.inputs(2), np.zeros((2, 6), np.int8)
    with pytest.raises(ProjectError, match="cortex-m5"):
        bench_mcu(tiny_model.FILES, "tiny", "cortex-m5", (x,), (y,))
    with pytest.raises(CompileError) as caught:
        bench_mcu(tmp_path, "tiny", "cortex-m4", (x,), (y,))
    assert caught.value.code == "EP-752"
    with pytest.raises(ToolError, match="bochs"):
        bench_mcu(tiny_model.FILES, "tiny", "cortex-m4", (x,), (y,), emulator="bochs")


def test_what_is_missing_is_an_error_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require("zig")
    x, y = tiny_model.inputs(1), np.zeros((1, 6), np.int8)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in ("ziglang", "unicorn") else real(name, *rest)
    )
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match="C compiler for Cortex-M") as caught:
        bench_mcu(tiny_model.FILES, "tiny", "cortex-m4", (x,), (y,))
    assert caught.value.code == "EP-601" and "pip install ziglang" in caught.value.hint and caught.value.exit_code == 5
    with pytest.raises(ToolError, match="arm-none-eabi-gcc"):
        bench_mcu(tiny_model.FILES, "tiny", "cortex-m4", (x,), (y,), toolchain="gcc")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "unicorn" else real(name, *rest))
    with pytest.raises(ToolError, match="unicorn"):
        bench_mcu(tiny_model.FILES, "tiny", "cortex-m4", (x,), (y,), emulator="unicorn")
    with pytest.raises(ToolError, match="qemu-system-arm") as caught:
        bench_mcu(tiny_model.FILES, "tiny", "cortex-m55", (x,), (y,))
    assert "apt-get install qemu-system-arm" in caught.value.hint


def test_objects_are_taken_from_the_cache_until_something_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgepack.mcu.build import toolchain

    from edgepack.cores.cores import find_core

    require("zig")
    folder = write_files(tiny_model.FILES, tmp_path / "code")
    compiled: list[str] = []
    real = toolchain.run_compiler
    monkeypatch.setattr(toolchain, "run_compiler", lambda command, what: (compiled.append(what), real(command, what)))
    monkeypatch.setattr(toolchain, "user_cache", lambda: tmp_path / "cache")

    def build() -> list[str]:
        compiled.clear()
        sources = [folder / "tiny.c", folder / "tiny_weights.c"]
        toolchain.compile_objects(toolchain.find_toolchain("zig"), find_core("cortex-m4"), sources, [folder], tmp_path / "o")
        return list(compiled)

    assert build() == ["tiny.c", "tiny_weights.c"]
    assert build() == []
    for stored in (tmp_path / "cache" / "objects").glob("*/*.o"):
        os.utime(stored, (0, 0))
    assert build() == []  # use makes an object young again
    toolchain._forget_old_objects.cache_clear()
    (folder / "tiny.c").write_text(tiny_model.SOURCE + "/* changed */\n")
    old = tmp_path / "cache" / "objects" / "00" / "old.o"
    old.parent.mkdir(exist_ok=True)
    old.touch()
    os.utime(old, (0, 0))
    assert build() == ["tiny.c"] and not old.exists()
    (folder / "tiny.h").write_text(tiny_model.HEADER + "/* changed */\n")
    assert build() == ["tiny.c", "tiny_weights.c"]
