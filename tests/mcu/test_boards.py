"""Attached boards: firmware projects that compile, and the serial port and probe as their real tools see them."""

from __future__ import annotations

import itertools
import json
import os
import pty
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgepack.cores import CORES
from edgepack.ground.errors import DeviceError, EdgepackError, ProjectError, ToolError
from edgepack.mcu.boards.board_report import read_report
from edgepack.mcu.boards.boards import BOARDS, find_board
from edgepack.mcu.boards.probe_board import run_on_probe
from edgepack.mcu.boards.serial_board import _lines, run_on_serial
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.measure.mcu.attached import run_on_board
from edgepack.pack.deliveries.firmware import RUNS, build_firmware, build_id, export_firmware
from edgepack.workers.confinement.memory import bounded_memory
from tests.mcu import boards_on_qemu, tiny_model
from tests.mcu.conftest import require

X = tiny_model.inputs(3)
Y = tiny_model.reference(X)
BUILD = build_id(tiny_model.FILES)


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("board", BOARDS)
def test_each_boards_firmware_links_within_its_memories(tmp_path: Path, board: str, toolchain: str) -> None:
    require(toolchain)
    project = export_firmware(tiny_model.FILES, board, tmp_path / "fw", "tiny", (X,), (Y,))
    elf = read_elf(build_firmware(project, find_toolchain(toolchain), tmp_path / "build"))
    known = find_board(board)
    for section in elf.sections:
        if section.allocated and section.size:
            assert section.address in known.flash or section.address in known.ram, section
    table = elf.symbol("edgepack_vectors").address
    assert table % 256 == 0 and table in known.flash
    stack, reset = np.frombuffer(elf.content(table, 8), np.uint32)
    assert stack == known.ram.origin + (16 << 10) and reset == elf.symbol("Reset_Handler").address | 1


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("cpu", ["cortex-m0", "cortex-m23", "cortex-m85"])
def test_the_template_becomes_a_firmware_for_other_cores(tmp_path: Path, cpu: str, toolchain: str) -> None:
    """The cores' own flags are in the Makefile, and with them the project links."""
    require(toolchain)
    project = export_firmware(tiny_model.FILES, "generic", tmp_path / "fw", "tiny", (X,), (Y,), cpu)
    makefile = (project.folder / "Makefile").read_text()
    assert f"-mcpu={CORES[cpu].zig_cpu} " in makefile and f"-mcpu={CORES[cpu].gcc_cpu} " in makefile
    assert f'board_cpu[] = "{cpu}"' in (project.folder / "edgepack-harness" / "board.c").read_text()
    assert build_firmware(project, find_toolchain(toolchain), tmp_path / "build").is_file()


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("board", ["nucleo-l4r5zi", "raspberry-pi-pico"])
def test_the_makefile_builds_without_edgepack(tmp_path: Path, board: str, toolchain: str) -> None:
    require(toolchain, "make")
    project = export_firmware(tiny_model.FILES, board, tmp_path / "fw", "tiny", (X,), (Y,))
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["make", f"TOOLCHAIN={toolchain}"], cwd=project.folder, capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    assert read_elf(project.folder / "build" / "tiny.elf").symbol("tiny_run").size > 0


def test_cmake_builds_it_too(tmp_path: Path) -> None:
    require("gcc", "cmake")
    project = export_firmware(tiny_model.FILES, "nucleo-f746zg", tmp_path / "fw", "tiny", (X,), (Y,))
    for command in (["cmake", "-B", "out", "-DCMAKE_C_COMPILER=arm-none-eabi-gcc"], ["cmake", "--build", "out"]):
        done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (project.folder / "out" / "tiny.elf").is_file()


@pytest.mark.parametrize("board", BOARDS)
def test_firmware_compiles_without_a_warning(tmp_path: Path, board: str) -> None:
    require("gcc")
    project = export_firmware(tiny_model.FILES, board, tmp_path / "fw", "tiny", (X,), (Y,))
    flags = find_toolchain("gcc").target_flags(project.core)
    strict = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only", "-Iedgepack-harness", "-Imodel"]
    sources = sorted(str(path.relative_to(project.folder)) for path in (project.folder / "edgepack-harness").glob("*.c"))
    done = subprocess.run(["arm-none-eabi-gcc", *flags, *strict, *sources], cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


CHANGED = {**tiny_model.FILES, "tiny.c": tiny_model.SOURCE + "/* changed */\n"}


def test_the_build_names_the_models_code_whatever_board_and_vectors(tmp_path: Path) -> None:
    first = export_firmware(tiny_model.FILES, "generic", tmp_path / "a", "tiny", (X,), (Y,))
    again = export_firmware(tiny_model.FILES, "nrf52840-dk", tmp_path / "b", "tiny", (X[:2],), (Y[:2],))
    folder = export_firmware(first.folder / "model", "generic", tmp_path / "c", "tiny", (X,), (Y,))
    other = export_firmware(CHANGED, "generic", tmp_path / "d", "tiny", (X,), (Y,))
    assert first.build == again.build == folder.build == BUILD != other.build
    assert f'"{BUILD}"' in (tmp_path / "a" / "edgepack-harness" / "golden.c").read_text()


def test_real_firmware_over_a_real_terminal(tmp_path: Path) -> None:
    """The board firmware on QEMU, its UART on a pseudo-terminal, read by pyserial; twice, as a received character restarts it."""
    require("zig", "qemu")
    elf = boards_on_qemu.build(tmp_path, tiny_model.FILES, "tiny", X, Y)
    with boards_on_qemu.start(elf) as port:
        for _ in range(2):
            report = run_on_board(f"serial:{port}", tiny_model.FILES, "tiny", (X,), (Y,), timeout_s=30)
            assert (report.vectors, report.runs, report.differing) == (3, RUNS, 0)
            assert len(report.cycles) == len(report.seconds) == 3 * RUNS and 0 < report.stack_bytes < 1024
            assert (report.board, report.cpu, report.model, report.build) == ("MPS2-AN386", "cortex-m4", "tiny", BUILD)
            assert report.emulated
        with pytest.raises(DeviceError) as caught:
            run_on_board(f"serial:{port}", CHANGED, "tiny", (X,), (Y,), timeout_s=30)
        assert caught.value.code == "EP-561"


def test_the_board_finds_wrong_bits(tmp_path: Path) -> None:
    require("zig", "qemu")
    wrong = Y.copy()
    wrong[1, 2] ^= 4
    with boards_on_qemu.start(boards_on_qemu.build(tmp_path, tiny_model.FILES, "tiny", X, wrong)) as port:
        assert run_on_serial(port, timeout_s=30).differing == 1


def lines(build: str = BUILD, vectors: int = 2, runs: int = 2, differing: Sequence[int] = ()) -> list[bytes]:
    head = {"edgepack": 1, "build": build, "model": "tiny", "board": "B", "cpu": "cortex-m4", "counter": "dwt"}
    rows: list[dict[str, object]] = [{**head, "clock_hz": 80_000_000, "vectors": vectors, "runs": runs}]
    for run in range(runs):
        for vector in range(vectors):
            rows.append(
                {"vector": vector, "run": run, "failed": 0, "cycles": 1000 + vector, "differing": int(vector in differing)}
            )
    rows.append({"done": 1, "stack": 200})
    return [json.dumps(row, separators=(",", ":")).encode() for row in rows]


@contextmanager
def stand_in(*pieces: bytes, restart: bool = False) -> Iterator[str]:
    """A serial port whose other end says `pieces`, the first at once and each further one when it is nudged."""
    board, port = pty.openpty()
    tty.setraw(port)  # a terminal still in its first mode echoes, and the board would take its own words for a nudge
    name = os.ttyname(port)
    waiting = list(pieces)

    def speak() -> None:
        try:
            os.write(board, waiting.pop(0))
            while os.read(board, 1):
                if waiting:
                    os.write(board, waiting.pop(0))
        except OSError:
            pass

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    try:
        yield name
    finally:
        os.close(port)
        os.close(board)
        thread.join(timeout=5)


def test_a_report_that_had_begun_before_the_port_was_opened() -> None:
    late = b"\n".join(lines()[3:]) + b"\n"
    with stand_in(b"boot v1.2\r\n" + late, b"\r\n".join(lines(differing=[1])) + b"\r\n") as port:
        report = run_on_serial(port, BUILD, timeout_s=20)
    assert report.cycles == (1000, 1001, 1000, 1001) and report.differing == 1 and report.stack_bytes == 200
    assert report.seconds[0] == pytest.approx(1000 / 80e6)


def test_a_silent_board_times_out() -> None:
    with stand_in(b"hello\n") as port, pytest.raises(DeviceError) as caught:
        run_on_serial(port, timeout_s=1)
    assert caught.value.code == "EP-554"


def test_a_port_that_is_not_there_says_how_to_find_it() -> None:
    with pytest.raises(DeviceError) as caught:
        run_on_serial("/dev/ttyNOSUCH9", timeout_s=1)
    assert caught.value.code == "EP-563" and "list_ports" in caught.value.hint and caught.value.exit_code == 4


@pytest.mark.parametrize(("damage", "code"), [
    (lambda rows: [*rows[:2], b'{"vector":1,"run":0,"fai', *rows[3:]], "EP-562"),
    (lambda rows: rows[:2] + rows[3:], "EP-562"),
    (lambda rows: [*rows[:2], b'{"fault":1,"pc":134218,"lr":99,"cfsr":65536}'], "EP-553"),
    (lambda rows: [rows[0], rows[1].replace(b'"failed":0', b'"failed":1'), *rows[2:]], "EP-556"),
    (lambda rows: lines(build="0" * 16), "EP-561"),
])  # fmt: skip
def test_damaged_reports(damage: object, code: str) -> None:
    with pytest.raises(EdgepackError) as caught:
        read_report(damage(lines()), BUILD)  # type: ignore[operator]
    assert caught.value.code == code


HEAD = json.loads(lines()[0])


@pytest.mark.parametrize(
    "row",
    [
        *({**HEAD, key: value} for key in ("clock_hz", "vectors", "runs") for value in (0, -1, None, "1", 1.5, True)),
        *({**HEAD, key: 7} for key in ("board", "cpu", "model", "counter")),
        *({"vector": 0, "run": 0, "failed": 0, "differing": 0, "cycles": value} for value in (None, "x", -1, [1])),
        {"vector": [], "failed": 0, "differing": 1, "cycles": 1},
        {"done": 1, "stack": None},
        {"done": 1},
    ],
    ids=str,
)
def test_what_a_board_says_has_its_form(row: dict[str, object]) -> None:
    said = [json.dumps(row).encode()] if "edgepack" in row else [*lines()[:-1], json.dumps(row).encode()]
    if "done" not in row and "edgepack" not in row:
        said = [lines()[0], json.dumps(row).encode()]
    with pytest.raises(DeviceError) as caught:
        read_report(said)
    assert caught.value.code == "EP-562"


@pytest.mark.parametrize(
    "line",
    [b"[" * 900, b'{"a":' * 180, b'{"cycles": ' + b"9" * 900 + b"}", b"x" * 10_000_000],
    ids=["list", "table", "digits", "long"],
)
def test_a_line_that_would_cost_much_is_a_garbled_one(line: bytes) -> None:
    with pytest.raises(DeviceError) as caught:
        read_report([lines()[0], line])
    assert caught.value.code == "EP-562" and len(str(caught.value)) < 200


@pytest.mark.parametrize("line", [b"", b"{}", lines()[0], lines()[1]], ids=["nothing", "unknown", "head", "vector"])
def test_a_report_without_end_is_ended(line: bytes) -> None:
    with pytest.raises(DeviceError, match="without end") as caught:
        read_report(itertools.chain(lines()[:1], itertools.repeat(line)))
    assert caught.value.code == "EP-562"


def test_a_fault_without_its_registers_is_a_fault() -> None:
    with pytest.raises(DeviceError, match="pc 0x00000007, lr unknown") as caught:
        read_report([b'{"fault":1,"pc":7,"lr":"x"}'])
    assert caught.value.code == "EP-553"


def test_a_board_that_never_ends_its_line_costs_no_memory() -> None:
    class Port:
        in_waiting, written, ended = 1 << 16, 0, False

        def write(self, data: bytes) -> None:
            self.written += 1

        def read(self, size: int) -> bytes:
            return b"x" * size

    with bounded_memory(16 << 20):
        assert list(_lines(Port(), 1.0)) == []


def test_a_board_that_resets_in_between_starts_its_report_again() -> None:
    report = read_report(lines()[:3] + [b"\x00\xffgarbage before the header"][:0] + lines(), BUILD)
    assert report is not None and len(report.cycles) == 4


FAKE_PYOCD = """import json, pathlib, sys
here = pathlib.Path(__file__).parent
calls = here / "calls"
calls.write_text((calls.read_text() if calls.exists() else "") + json.dumps(sys.argv[1:]) + "\\n")
if (here / "fail").exists():
    print("0000100 C No connected debug probes")
    sys.exit(1)
for command in sys.argv:
    if command.startswith("savemem"):
        _, address, size, path = command.split()
        rounds = calls.read_text().count("savemem")
        text = (here / "log").read_bytes()
        image = text if rounds > 1 else text[: len(text) // 2]
        pathlib.Path(path).write_bytes(image + bytes(int(size) - len(image)))
"""


@pytest.fixture
def pyocd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pyocd").write_text(f"#!{sys.executable}\n{FAKE_PYOCD}")
    (folder / "pyocd").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(folder), os.environ["PATH"])))
    return folder


def test_a_probe_loads_the_firmware_and_reads_its_log(pyocd: Path) -> None:
    require("zig")
    (pyocd / "log").write_bytes(b"\n".join(lines()) + b"\n\0")
    report = run_on_board("probe:nrf52840", tiny_model.FILES, "tiny", (X,), (Y,), timeout_s=20)
    assert len(report.cycles) == 4
    calls = [json.loads(line) for line in (pyocd / "calls").read_text().splitlines()]
    assert calls[0][:1] == ["load"] and calls[0][-1].endswith("firmware.elf") and "nrf52840" in calls[0]
    assert all(call[0] == "commander" and "attach" in call for call in calls[1:]) and len(calls) == 3


def test_a_program_in_ram_is_started_at_its_entry(pyocd: Path) -> None:
    require("zig")
    (pyocd / "log").write_bytes(b"\n".join(lines()) + b"\n\0")
    run_on_board("probe:raspberry-pi-pico", tiny_model.FILES, "tiny", (X,), (Y,), timeout_s=20)
    calls = [json.loads(line) for line in (pyocd / "calls").read_text().splitlines()]
    assert "wreg pc 0x20000000" in calls[1] and "go" in calls[1]


def test_probe_failures(pyocd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("zig")
    (pyocd / "fail").touch()
    with pytest.raises(DeviceError, match="No connected debug probes") as caught:
        run_on_board("probe:nrf52840", tiny_model.FILES, "tiny", (X,), (Y,))
    assert caught.value.code == "EP-564"
    project = export_firmware(tiny_model.FILES, "nrf52840-dk", tmp_path / "fw", "tiny", (X,), (Y,))
    elf = build_firmware(project, find_toolchain("zig"), tmp_path / "build")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError) as missing:
        run_on_probe("nrf52840", elf)
    assert missing.value.code == "EP-606"


@pytest.mark.parametrize("address", ["usb:1", "serial:", "probe:z80", "probe:"])
def test_addresses_that_name_no_board(address: str) -> None:
    with pytest.raises(ProjectError) as caught:
        run_on_board(address, tiny_model.FILES, "tiny", (X,), (Y,))
    assert caught.value.code == "EP-557"
