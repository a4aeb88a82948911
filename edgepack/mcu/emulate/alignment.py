"""Instructions that fault on unaligned addresses whatever the core, and the register that holds their address.

unicorn lets every unaligned access pass. A core does not: Armv6-M and the Armv8-M Baseline fault on all of them, the others on
those of load and store multiple, double and exclusive, and of the FPU's loads and stores (Armv7-M ARM, A3.2.1). All of these
add a multiple of four to one register, so it is enough to look at that register.
"""

from __future__ import annotations

from edgepack.mcu.image.decode import instruction_sizes
from edgepack.mcu.image.elf import Elf

_PROGRAM_COUNTER = 15


def aligned_sites(elf: Elf) -> tuple[tuple[int, int], ...]:
    """(address, register number) of each such instruction in the program's functions."""
    sites = []
    for function in elf.functions():
        code = elf.memory(function.address, function.address + function.size)
        offset = 0
        for size in instruction_sizes(code):
            register = base_register(code[offset : offset + size])
            if register is not None:
                sites.append((function.address + offset, register))
            offset += size
    return tuple(sites)


def base_register(raw: bytes) -> int | None:
    """The address register of an instruction that needs an aligned address; None for any other."""
    first = int.from_bytes(raw[:2], "little")
    if len(raw) == 2:
        return first >> 8 & 7 if first & 0xF000 == 0xC000 else None  # LDM, STM
    second = int.from_bytes(raw[2:4], "little")
    if first & 0xFE00 == 0xE800:  # load/store multiple, double, exclusive, and table branches
        table_branch = first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000
        narrow_exclusive = first & 0xFFE0 == 0xE8C0 and second & 0x00E0 == 0x0040
        register: int | None = None if table_branch or narrow_exclusive else first & 15
    elif first & 0xFE00 == 0xEC00 and second & 0x0E00 == 0x0A00 and first & 0xFFE0 != 0xEC40:  # VLDR, VSTR, VLDM, VSTM
        register = first & 15
    else:
        register = None
    return None if register == _PROGRAM_COUNTER else register
