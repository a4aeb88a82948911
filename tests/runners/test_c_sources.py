"""The runner's C is clean: gcc's and zig's warnings for what it is built for, cppcheck; and it comes with the package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgepack.mcu.toolchain.compilers import zig_present
from edgepack.runners.c_sources import NATIVE, SHARED, TFLITE_C, include_flags, runner_sources
from edgepack.runners.native import layer_flags, target_of, write_program_code
from edgepack.runners.tflite_c import target_of as library_target_of
from tests.flatbuffer.build import conv_model

STRICT = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wformat=2", "-Werror")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C that a model brings into its program."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "model.tflite").write_bytes(conv_model())
    write_program_code(folder / "model.tflite", folder / "code")
    return folder / "code"


def _compile(command: list[str], engine: Path, model_code: Path, folder: Path) -> None:
    own = sorted(model_code.glob("*.c")) if engine == NATIVE else []
    for source in (*runner_sources(engine), *own):
        words = [*command, *STRICT, *include_flags(engine), f"-I{model_code}", "-c", str(source), "-o", str(folder / "object")]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("engine", [NATIVE, TFLITE_C], ids=lambda engine: engine.name)
def test_gcc_finds_nothing_to_warn_of(engine: Path, model_code: Path, tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    _compile([gcc], engine, model_code, tmp_path)


def test_gcc_finds_nothing_to_warn_of_in_a_profiling_build(tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    (tmp_path / "model.tflite").write_bytes(conv_model())
    code = write_program_code(tmp_path / "model.tflite", tmp_path / "code")
    _compile([gcc, *layer_flags(code)], NATIVE, tmp_path / "code", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not zig_present(), reason="zig is not installed (pip install ziglang)")
@pytest.mark.parametrize("machine", ["aarch64", "armv7l", "x86_64"])
@pytest.mark.parametrize("engine", [NATIVE, TFLITE_C], ids=lambda engine: engine.name)
def test_zig_finds_nothing_to_warn_of_on_musl_and_glibc(engine: Path, machine: str, model_code: Path, tmp_path: Path) -> None:
    target = target_of(machine) if engine == NATIVE else library_target_of(machine)
    assert ("musl" in target[1]) == (engine == NATIVE)
    _compile([sys.executable, "-m", "ziglang", "cc", *target], engine, model_code, tmp_path)


def test_cppcheck_finds_nothing() -> None:
    if shutil.which("cppcheck") is None:
        pytest.skip("cppcheck is not installed")
    command = ["cppcheck", "-q", "--std=c11", "--enable=warning,performance,portability", "--error-exitcode=3"]
    for engine in (NATIVE, TFLITE_C):
        sources = map(str, runner_sources(engine))
        done = subprocess.run([*command, *include_flags(engine), *sources], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_wheel_brings_every_source_along(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    sources = [path for folder in (SHARED, NATIVE, TFLITE_C) for path in folder.iterdir()]
    assert len(sources) > 12 and {path.relative_to(ROOT).as_posix() for path in sources} <= packed
