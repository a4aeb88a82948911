"""Programs that a core refuses: reported as faults with the place, on both emulators."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.ground.errors import DeviceError
from edgepack.mcu.emulate.alignment import base_register
from edgepack.measure.mcu.emulated import McuResult, bench_mcu
from tests.mcu.conftest import require

HEADER = "#include <stdint.h>\n#define BAD_ARENA_SIZE 16\nint bad_run(const int8_t *input, int8_t *output, void *arena);\n"
SIGNATURE = "int bad_run(const int8_t *input, int8_t *output, void *arena)"


def run(body: str, cpu: str, emulator: str, timeout_s: float = 60) -> McuResult:
    require("zig", emulator)
    if emulator == "unicorn" and cpu == "cortex-m55":
        pytest.skip("unicorn has no Cortex-M55")
    source = f'#include "bad.h"\n{SIGNATURE}\n{{\n    (void)output; (void)arena; (void)input;\n    {body}\n    return 0;\n}}\n'
    x, y = np.zeros((1, 16), np.int8), np.zeros((1, 4), np.int8)
    return bench_mcu(
        {"bad.h": HEADER, "bad.c": source}, "bad", cpu, (x,), outputs_like=(y,), emulator=emulator, timeout_s=timeout_s
    )


FAULTS = {
    "unmapped": ("*(volatile int32_t *)0xDEAD0000;", "cortex-m4", ["0xdead0000", "bad_run"]),
    "undefined": ('__asm__ volatile("udf #1");', "cortex-m4", ["nstruction", "bad_run", "bad.c:5"]),
    "ldrd": ('__asm__ volatile("ldrd r2, r3, [%0]" ::"r"(input + 1) : "r2", "r3");', "cortex-m4", ["unaligned", "bad_run"]),
    "ldm": ('__asm__ volatile("ldm %0, {r2, r3}" ::"r"(input + 2) : "r2", "r3");', "cortex-m33", ["unaligned", "bad_run"]),
    "vldr": ('__asm__ volatile("vldr s0, [%0]" ::"r"(input + 1) : "s0");', "cortex-m7", ["unaligned", "bad_run"]),
    "undefined m55": ('__asm__ volatile("udf #1");', "cortex-m55", ["undefined", "bad_run", "bad.c:5"]),
}


@pytest.mark.parametrize("emulator", ["unicorn", "qemu"])
@pytest.mark.parametrize("case", FAULTS)
def test_faults_name_what_and_where(case: str, emulator: str) -> None:
    body, cpu, words = FAULTS[case]
    with pytest.raises(DeviceError) as caught:
        run(body, cpu, emulator)
    assert caught.value.code == "EP-553"
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(("body", "word"), [
    ("*(volatile int32_t *)(input + 1);", "unaligned"),
    ("*(volatile int16_t *)(input + 1);", "unaligned"),
    ("volatile int8_t page[4096]; page[0] = 1; return bad_run(input, (int8_t *)page, arena) + page[1];", "unmapped"),
    ("*(volatile int32_t *)0x400 = 1;", "flash"),
])  # fmt: skip
def test_unicorn_sees_what_qemu_lets_pass_on_the_m0plus(body: str, word: str) -> None:
    with pytest.raises(DeviceError, match=word):
        run(body, "cortex-m0plus", "unicorn")


def test_the_m23_refuses_unaligned_accesses_although_an_m33_stands_in_for_it() -> None:
    with pytest.raises(DeviceError, match="unaligned"):
        run("*(volatile int32_t *)(input + 1);", "cortex-m23", "unicorn")


def test_plain_unaligned_loads_are_no_fault_where_the_core_allows_them() -> None:
    assert run("output[0] = (int8_t)*(volatile int32_t *)(input + 1);", "cortex-m4", "unicorn").instructions > 0


@pytest.mark.parametrize("emulator", ["unicorn", "qemu"])
def test_a_program_that_never_ends_is_stopped(emulator: str) -> None:
    with pytest.raises(DeviceError) as caught:
        run('for (;;) { __asm__ volatile(""); }', "cortex-m4", emulator, timeout_s=3)
    assert caught.value.code == "EP-554"


@pytest.mark.parametrize("emulator", ["unicorn", "qemu"])
def test_a_status_other_than_zero_is_an_error(emulator: str) -> None:
    with pytest.raises(DeviceError) as caught:
        run("return -1;", "cortex-m4", emulator)
    assert caught.value.code == "EP-556" and "-1" in str(caught.value)


@pytest.mark.parametrize(("code", "register"), [
    ("d0e90023", 0),     # ldrd r2, r3, [r0]
    ("92e81800", 2),     # ldm r2, {r3, r4}
    ("0cc8", 0),         # ldm r0, {r2, r3}
    ("90ed000a", 0),     # vldr s0, [r0]
    ("b1ec040a", 1),     # vldmia r1!, {s0-s3}
    ("dfed000a", None),  # vldr s1, [pc]
    ("d0f80100", None),  # ldr.w r0, [r0, #1]
    ("dfe801f0", None),  # tbb [pc, r1]
    ("50e8000f", 0),     # ldrex r0, [r0]
    ("41ec300a", None),  # vmov s1, s2, r0, r1
    ("0868", None),      # ldr r0, [r1]
])  # fmt: skip
def test_instructions_that_need_an_aligned_address(code: str, register: int | None) -> None:
    assert base_register(bytes.fromhex(code)) == register
