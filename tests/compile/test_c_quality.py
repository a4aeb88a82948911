"""The generated C is clean for strict compilers, C and C++ consumers, and firmware: no heap, no writable data, no clashes."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import CCode, compile_model, write_code
from edgepack.compile.kernels import include_folders, kernel_headers
from edgepack.flatbuffer import read_model
from edgepack.mcu.toolchain.compilers import FIRMWARE
from tests.compile.harness import Case, c_text, mismatches
from tests.compile.host import STRICT
from tests.compile.networks import random_network
from tests.compile.test_operators import ALL

ZIG = [sys.executable, "-m", "ziglang", "cc"]
STRICTER = [*STRICT, "-Wshadow", "-Wcast-qual", "-Wstrict-prototypes", "-Wundef"]
STRING_H = str(FIRMWARE / "zig")  # a freestanding target has no string.h
# A CPU, and the one before it, which most operators have the same C for: what was checked there is not checked again.
CPUS = [("generic", None), ("cortex-m4", "generic")]
needs_zig = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="ziglang is not installed")


@cache
def codes_for(cpu: str) -> tuple[CCode, ...]:
    """The C of one model of each operator case."""
    models = [read_model(make(np.random.default_rng(1))) for make, _ in ALL.values()]
    return tuple(compile_model(model, f"m{index}", cpu) for index, model in enumerate(models))


def every_operator(folder: Path, cpu: str, but: str | None = None) -> list[CCode]:
    """One model of each operator case, written to `folder`; none whose C is that for the CPU `but`."""
    codes = []
    for index, code in enumerate(codes_for(cpu)):
        if but is not None and c_text(code) == c_text(codes_for(but)[index]):
            continue
        for name, text in code.files.items():
            (folder / name).write_text(text)
        codes.append(code)
    assert len(codes) > 3
    return codes


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return done.stdout


@pytest.fixture(scope="module", params=CPUS, ids=[cpu for cpu, _ in CPUS])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[CCode, Path, str]]:
    """Every operator's files compiled by gcc one by one: the code, the object, and what gcc said."""
    folder = tmp_path_factory.mktemp("compiled")
    found = []
    for code in every_operator(folder, *request.param):
        for part in (code.name, f"{code.name}_weights"):
            flags = [*STRICTER, "-Wno-error", "-O2", "-fno-pic"]
            command = ["gcc", *flags, "-c", str(folder / f"{part}.c"), "-o", str(folder / f"{part}.o")]
            found.append((code, folder / f"{part}.o", subprocess.run(command, capture_output=True, text=True).stderr))
    return found


def test_gcc_finds_nothing_to_warn_of(compiled: list[tuple[CCode, Path, str]]) -> None:
    for _, made, said in compiled:
        assert not said and made.is_file(), said[:3000]


@needs_zig
@pytest.mark.slow
@pytest.mark.parametrize("target", [[], ["-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-O3", "-I", STRING_H]])
def test_clang_finds_nothing_to_warn_of(tmp_path: Path, target: list[str]) -> None:
    codes = every_operator(tmp_path, "cortex-m4")
    every = "".join(f'#include "{code.name}.c"\n#include "{code.name}_weights.c"\n' for code in codes)
    (tmp_path / "all.c").write_text(every)
    run([*ZIG, *STRICTER, *target, "-c", str(tmp_path / "all.c"), "-o", str(tmp_path / "all.o")])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m55"])
def test_arm_gcc_finds_nothing_to_warn_of(tmp_path: Path, cpu: str) -> None:
    codes = every_operator(tmp_path, cpu)
    every = "".join(f'#include "{code.name}.c"\n#include "{code.name}_weights.c"\n' for code in codes)
    (tmp_path / "all.c").write_text(every)
    flags = ["-mthumb", f"-mcpu={cpu}", "-O2", "-c", str(tmp_path / "all.c"), "-o", str(tmp_path / "all.o")]
    run(["arm-none-eabi-gcc", *STRICTER, *flags])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cppcheck") is None, reason="cppcheck is not installed")
@pytest.mark.parametrize(("cpu", "but"), CPUS)
def test_cppcheck_finds_nothing(tmp_path: Path, cpu: str, but: str | None) -> None:
    codes = every_operator(tmp_path, cpu, but)
    sources = [str(tmp_path / f"{code.name}.c") for code in codes]
    # Shifting a negative number right is left to the compiler by C; gcc, clang, IAR and armclang all keep the sign.
    allowed = "--suppress=shiftTooManyBitsSigned"
    run(["cppcheck", "-q", "--std=c99", "--enable=warning,performance,portability", allowed, "--error-exitcode=3", *sources])


@needs_zig
@pytest.mark.parametrize("protection", ["none", "standard"])
def test_assembly_is_left_out_under_branch_protection(tmp_path: Path, protection: str) -> None:
    wanted = int(protection == "none")
    (tmp_path / "check.c").write_text(
        '#include "ep_assembly.h"\n#include "ep_lanes_assembly.h"\n'
        f"int32_t assembly[EP_ASSEMBLY == {wanted} && EP_LANES_ASSEMBLY == {wanted} ? 1 : -1];\n"
    )
    target = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m85", f"-mbranch-protection={protection}"]
    run(
        [
            *ZIG,
            *target,
            *(f"-I{folder}" for folder in include_folders()),
            "-I",
            STRING_H,
            "-c",
            str(tmp_path / "check.c"),
            "-o",
            str(tmp_path / "check.o"),
        ]
    )


@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_each_optimisation_gives_the_same_bits(optimize: str) -> None:
    cases = [Case(f"seed {seed}", random_network(seed)) for seed in range(20_000, 20_012)]
    assert mismatches(cases, "cortex-m4", optimize=optimize, flags=["-O2"]) == []


def test_a_firmware_links_two_models_without_clashes(tmp_path: Path) -> None:
    for index, name in enumerate(("first", "second")):
        write_code(compile_model(read_model(random_network(40 + index)), name, "cortex-m4"), tmp_path / name)
    (tmp_path / "main.c").write_text(
        '#include "first/first.h"\n#include "second/second.h"\n'
        "int main(void) { return first_run == 0 || (void (*)(void))second_run == 0; }\n"
    )
    sources = [str(tmp_path / name / f"{name}{part}.c") for name in ("first", "second") for part in ("", "_weights")]
    run(["gcc", "-std=c99", "-O2", "-w", "-I", str(tmp_path), str(tmp_path / "main.c"), *sources, "-o", str(tmp_path / "fw")])
    run([str(tmp_path / "fw")])


def test_a_cpp_program_can_use_the_header(tmp_path: Path) -> None:
    code = compile_model(read_model(random_network(7)), "net")
    write_code(code, tmp_path / "net")
    sizes = ", ".join(f"NET_{name}_BYTES" for name in _buffer_names(code))
    (tmp_path / "main.cpp").write_text(
        '#include "net/net.h"\n'
        "alignas(16) static unsigned char arena[NET_ARENA_SIZE];\n"
        f"static const int sizes[] = {{{sizes}}};\n"
        f"static signed char buffers[{len(_buffer_names(code))}][65536];\n"
        f"int main() {{ return sizes[0] <= 0 || net_run({_buffers(code)}, arena); }}\n"
    )
    objects = []
    for part in ("net", "net_weights"):
        objects.append(str(tmp_path / f"{part}.o"))
        run(["gcc", *STRICTER, "-O1", "-c", str(tmp_path / "net" / f"{part}.c"), "-o", objects[-1]])
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    run(["g++", *flags, str(tmp_path / "main.cpp"), *objects, "-o", str(tmp_path / "consumer")])
    run([str(tmp_path / "consumer")])


def _buffer_names(code: CCode) -> list[str]:
    names = []
    for kind, ids in (("INPUT", code.graph.inputs), ("OUTPUT", code.graph.outputs)):
        names += [kind if len(ids) == 1 else f"{kind}_{i}" for i in range(len(ids))]
    return names


def _buffers(code: CCode) -> str:
    return ", ".join(f"buffers[{i}]" for i in range(len(_buffer_names(code))))


def test_no_heap_no_writable_data_only_the_string_library(compiled: list[tuple[CCode, Path, str]]) -> None:
    seen = set()
    for line in run(["nm", "-A", *(str(made) for _, made, _ in compiled)]).splitlines():
        file, _, rest = line.partition(".o:")
        name = Path(file).name.removesuffix("_weights")
        seen.add(name)
        kind, symbol = rest.split()[-2:]
        assert kind not in "dDbBC", f"{symbol} is writable"
        if kind == "U":
            assert symbol in ("memcpy", "memset", "memmove") or symbol.startswith(f"{name}_"), symbol
    assert seen == {code.name for code, _, _ in compiled}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the ABI of x86-64")
def test_constants_have_the_alignment_that_x86_64_promises(tmp_path: Path) -> None:
    """Its ABI aligns arrays of 16 bytes and more to 16, and clang loads what is only declared accordingly (movdqa)."""
    seen = 0
    for code in every_operator(tmp_path, "generic"):
        run(["gcc", "-std=c99", "-O2", "-fno-pic", "-c", str(tmp_path / f"{code.name}_weights.c"), "-o", str(tmp_path / "o.o")])
        for line in run(["nm", "-S", str(tmp_path / "o.o")]).splitlines():
            address, size, *_ = line.split()
            seen += int(size, 16) >= 16
            assert int(size, 16) < 16 or int(address, 16) % 16 == 0, line
    assert seen > 20


def test_kernels_call_no_function_in_a_circle() -> None:
    calls: dict[str, set[str]] = {}
    function = r"^(?:EP_INLINE|EP_KERNEL|EP_NAKED|static)[^;{]*?(\w+)\([^;{]*\)\s*\{(?:([^\n]*)\}$|\n(.*?)^\})"
    for header in kernel_headers().values():
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        for match in re.finditer(function, text, re.DOTALL | re.MULTILINE):
            calls[match[1]] = set(re.findall(r"\b(ep_\w+)\(", match[2] or match[3]))
    assert len(calls) > 40

    def reaches(start: str) -> set[str]:
        found: set[str] = set()
        waiting = set(calls[start])
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting |= calls.get(name, set())
        return found

    assert [name for name in calls if name in reaches(name)] == []


def test_every_kernel_header_begins_with_what_it_computes() -> None:
    for header in kernel_headers().values():
        text = header.read_text()
        assert text.startswith("/* ") and "#ifndef EP_" in text, header.name


def test_the_same_model_gives_the_same_files() -> None:
    model = random_network(11)
    assert compile_model(read_model(model), "m").files == compile_model(read_model(model), "m").files
