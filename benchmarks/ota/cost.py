"""What the updater takes of a device: bytes of flash as linked, bytes of memory, and stack as used."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.cores import find_core
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.image.size import sizes_of
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.mcu.toolchain.program import build_emulated, ports_of
from edgepack.measure.mcu.emulated import bench_mcu
from edgepack.runners.c_sources import SHARED
from tests.pack.ota_device.build import Release, device_sources
from tests.pack.ota_device.emulated import emulate
from tests.standins.signing import OLD

CORES = ("cortex-m4", "cortex-m0plus")
_CALLER = """#include "ota.h"
#include "caller.h"
extern const struct ota_port caller_port;
struct ota_work caller_work;
static int no_read(void *c, enum ota_area a, uint32_t o, uint8_t *d, uint32_t s)
{
    (void)c, (void)a, (void)o, (void)d;
    return s != 0;
}
static int no_erase(void *c, enum ota_area a, uint32_t o)
{
    (void)c, (void)a;
    return o != 0;
}
static int no_write(void *c, enum ota_area a, uint32_t o, const uint8_t *d, uint32_t s)
{
    (void)c, (void)a, (void)o, (void)d;
    return s != 0;
}
static const uint8_t key[40] = {1};
const struct ota_port caller_port = {0, 2048, 8, 65536, 65536, no_read, no_erase, no_write, key, key + 8, "net"};
int caller_run(const int32_t *input, int32_t *output, uint8_t *arena)
{
    struct ota_choice choice;
    const struct ota_port *volatile port = &caller_port;
    (void)arena;
    output[0] = input[0] == 0   ? (int)ota_choose(port, &caller_work, &choice)
                : input[0] == 1 ? (int)ota_apply(port, &caller_work, 0)
                                : (int)ota_revert(port, &caller_work);
    return 0;
}
"""
_HEADER = (
    "#include <stdint.h>\n#define CALLER_ARENA_SIZE 16\nint caller_run(const int32_t *input, int32_t *output, uint8_t *arena);\n"
)


def linked(core: str, toolchain: str) -> dict[str, int]:
    """Bytes of flash of a program that calls everything, with functions of flash that do nothing, and the largest parts."""
    one = [np.zeros((1, 1), np.int32)]
    with tempfile.TemporaryDirectory(prefix="edgepack-ota-") as name:
        folder = Path(name) / "code"
        folder.mkdir()
        device_sources(folder)
        for file in ("device.c", "device.h"):
            (folder / file).unlink()
        (folder / "caller.c").write_text(_CALLER)
        (folder / "caller.h").write_text(_HEADER)
        ports = ports_of(one), ports_of(one)
        found = find_toolchain(toolchain)
        program = build_emulated(folder, "caller", find_core(core), *ports, found, Path(name) / "build", "size")
        elf = read_elf(program.elf)
        sizes = sizes_of(elf)
        trusted = sum(f.size for f in elf.functions() if not f.name.startswith(("caller", "no_")))
    return {"flash": sizes.flash, "code": sizes.code, "constants": sizes.constants, "functions": trusted}


def verification(core: str) -> int:
    """Instructions of verifying one signature."""
    message = bytes(64)
    signature = OLD.sign(message)
    arrays = {"key": OLD.public.key, "signature": signature}
    lines = ['#include "verify.h"', '#include "ed25519.h"', "static const uint8_t message[64];"]
    lines += [f"static const uint8_t {name}[] = {{{','.join(map(str, content))}}};" for name, content in arrays.items()]
    lines += ["int verify_run(const int32_t *input, int32_t *output, uint8_t *arena)", "{", "    (void)input, (void)arena;"]
    lines += ["    output[0] = ed25519_verify(key, message, sizeof message, signature);", "    return 0;", "}", ""]
    files = {f"{stem}.{end}": (SHARED / f"{stem}.{end}").read_text() for stem in ("ed25519", "sha512") for end in "ch"}
    files |= {"verify.c": "\n".join(lines), "verify.h": _HEADER.replace("caller", "verify").replace("CALLER", "VERIFY")}
    right = [np.ones((1, 1), np.int32)]
    result = bench_mcu(files, "verify", core, [np.zeros((1, 1), np.int32)], right, toolchain="zig", optimize="size")
    assert result.parity.differing == 0, "a right signature was refused"
    return result.instructions


def costs(releases: tuple[Release, Release, Release]) -> list[dict[str, Any]]:
    """A row for each core and compiler; memory is the same for both compilers but for the stack, which is zig's."""
    rows = []
    for core in CORES:
        with tempfile.TemporaryDirectory(prefix="edgepack-ota-") as name:
            seen = emulate(core, releases, [(0, 0)], Path(name))
        verified = verification(core)
        for toolchain in ("zig", "gcc"):
            row = {"core": core, "compiler": find_toolchain(toolchain).version, **linked(core, toolchain)}
            rows.append(row | {"work": seen.work_bytes, "stack": seen.stack_bytes, "verify": verified})
    return rows
