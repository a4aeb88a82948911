"""Attached boards: where their memories lie, which file of firmware/boards brings them up, and how a probe calls them."""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.cores import Region
from edgepack.ground.errors import ProjectError


@dataclass(frozen=True)
class Board:
    """A development board. `pyocd_target` is what pyocd calls its part; None when pyocd is of no use.

    `flash` is where code and constants go, `ram` everything writable. `tested` says on what this support has run.
    """

    name: str
    title: str
    file: str
    cpu: str
    flash: Region
    ram: Region
    pyocd_target: str | None
    note: str
    tested: str = "compiled and linked; never run on the board itself"


BOARDS: dict[str, Board] = {
    board.name: board
    for board in (
        Board(
            "nucleo-l4r5zi",
            "ST NUCLEO-L4R5ZI",
            "nucleo_l4r5zi.c",
            "cortex-m4",
            Region(0x0800_0000, 2048 << 10),
            Region(0x2000_0000, 640 << 10),
            "stm32l4r5zitx",
            "120 MHz; the ST-LINK's virtual COM port carries the results.",
        ),
        Board(
            "nrf52840-dk",
            "Nordic nRF52840-DK",
            "nrf52840_dk.c",
            "cortex-m4",
            Region(0x0000_0000, 1024 << 10),
            Region(0x2000_0000, 256 << 10),
            "nrf52840",
            "64 MHz; the interface MCU's first virtual COM port carries the results.",
        ),
        Board(
            "raspberry-pi-pico",
            "Raspberry Pi Pico",
            "raspberry_pi_pico.c",
            "cortex-m0plus",
            Region(0x2000_0000, 176 << 10),
            Region(0x2002_C000, 80 << 10),
            "rp2040",
            "125 MHz; the whole program runs in SRAM, so nothing is written to flash. Results on UART0, GPIO 0 and 1.",
        ),
        Board(
            "nucleo-f746zg",
            "ST NUCLEO-F746ZG",
            "nucleo_f746zg.c",
            "cortex-m7",
            Region(0x0800_0000, 1024 << 10),
            Region(0x2000_0000, 320 << 10),
            "stm32f746zgtx",
            "216 MHz with both caches; the ST-LINK's virtual COM port carries the results.",
        ),
        Board(
            "mps2-an386",
            "Arm MPS2+ AN386",
            "mps2_an386.c",
            "cortex-m4",
            Region(0x0000_0000, 4096 << 10),
            Region(0x2000_0000, 4096 << 10),
            None,
            "25 MHz; also the machine mps2-an386 of QEMU, whose UART and counter work but whose time is not the hardware's.",
            "run on QEMU",
        ),
        Board(
            "generic",
            "your own board",
            "generic.c",
            "cortex-m4",
            Region(0x0800_0000, 512 << 10),
            Region(0x2000_0000, 128 << 10),
            None,
            "Fill in board.c and the memories in linker.ld.",
        ),
    )
}


def find_board(name: str) -> Board:
    """The board called `name`, such as "nucleo-l4r5zi".

    Raises:
        ProjectError: EP-557 for a board without a board file.
    """
    key = name.strip().lower().replace("_", "-")
    if key not in BOARDS:
        raise ProjectError("EP-557", f"no board file for {name!r}", f"use one of {', '.join(BOARDS)}")
    return BOARDS[key]
