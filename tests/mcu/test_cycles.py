"""Cycle estimates: hand-counted from the manuals' tables, and the ratios between cores that published results show."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.cores import CORES, find_core
from edgepack.mcu.count.cycles import estimate_cycles
from edgepack.mcu.count.instructions import Block
from edgepack.mcu.count.pipelines import M7, M33, M55, M85, steady_cycles
from edgepack.mcu.image.decode import decode, kind_of
from edgepack.measure.mcu.emulated import McuResult, bench_mcu
from tests.mcu.conftest import require
from tests.mcu.test_instructions import LOOP, X, assembly

# Thumb code by hand, with its cycles on each core by Arm's tables (M0+ DDI 0484C, M3 DDI 0337I, M4 100166). In straight lines
# the M0's table (DDI 0432C) is the M0+'s.
SEQUENCES = {
    # add r0, r1; adds r0, #1; lsls r0, r0, #2
    "arithmetic": ("08440130 8000", {"cortex-m0plus": 3, "cortex-m3": 3, "cortex-m4": 3}),
    # ldr r0, [r1]; ldr r2, [r3]; ldr r4, [r3]: 2, then 1 each where loads pipeline
    "loads": ("0868 1a68 1c68", {"cortex-m0plus": 6, "cortex-m3": 4, "cortex-m4": 4}),
    # ldr r0, [r1]; ldr r2, [r0]: the second needs the first's result for its address
    "dependent loads": ("0868 0268", {"cortex-m0plus": 4, "cortex-m3": 4, "cortex-m4": 4}),
    # adds r1, #4; ldr r0, [r1]: an address computed just before waits for the register bank
    "computed address": ("0431 0868", {"cortex-m0plus": 3, "cortex-m3": 4, "cortex-m4": 4}),
    # str r0, [r1]; str r0, [r1, r2]; ldr r0, [r1]; str r0, [r1, r2]
    "stores": ("0860 8850 0868 8850", {"cortex-m0plus": 8, "cortex-m3": 6, "cortex-m4": 6}),
    # push {r4, r5, lr}; pop {r4, r5}: 1 + N
    "lists": ("30b5 30bc", {"cortex-m0plus": 7, "cortex-m3": 7, "cortex-m4": 7}),
    # smlad r0, r1, r2, r0; mla r0, r1, r2, r0
    "accumulate": ("21fb0200 01fb0200", {"cortex-m4": 2, "cortex-m3": 4}),
    # ldrd r0, r1, [r2]; sdiv r0, r0, r1
    "double": ("d2e90001 90fbf1f0", {"cortex-m4": 10}),
    # muls r0, r1, r0: with the single-cycle multiplier
    "multiply": ("4843", {"cortex-m0plus": 1, "cortex-m3": 1, "cortex-m4": 1}),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences_cost_what_the_manuals_say(name: str) -> None:
    code, expected = SEQUENCES[name]
    block = Block(0, decode(bytes.fromhex(code.replace(" ", "")), 0), 1, 0, "f", "f")
    assert {core: estimate_cycles([block], find_core(core).timing).cycles for core in expected} == expected


def bench(cpu: str, body: str) -> McuResult:
    require("zig", "unicorn")
    return bench_mcu(assembly(body), "asm", cpu, (X,), outputs_like=(X,))


@pytest.mark.parametrize(
    ("cpu", "cycles"), [("cortex-m4", 1 + 100 + 99 * 3 + 1 + 1 + 3), ("cortex-m0plus", 1 + 100 + 99 * 2 + 1 + 1 + 2)]
)
def test_a_loop_pays_for_each_taken_branch_and_its_return(cpu: str, cycles: int) -> None:
    assert bench(cpu, LOOP).cycles_estimated == cycles


def test_calls_and_returns_on_the_m0plus() -> None:
    """BL 3, BX 2, PUSH and POP 1 + N, POP of PC 3 + N."""
    body = "push {r4, lr}\nbl 2f\nmovs r0, #0\npop {r4, pc}\n2: bx lr"
    assert bench("cortex-m0plus", body).cycles_estimated == 3 + 3 + 2 + 1 + 5


def test_the_m0_pays_a_cycle_more_for_whatever_leaves_the_line() -> None:
    """Its table (DDI 0432C, 3-1): taken branches 3, BL 4, BX 3, POP of PC 4 + N."""
    assert bench("cortex-m0", LOOP).cycles_estimated == 1 + 100 + 99 * 3 + 1 + 1 + 3
    body = "push {r4, lr}\nbl 2f\nmovs r0, #0\npop {r4, pc}\n2: bx lr"
    assert bench("cortex-m0", body).cycles_estimated == 3 + 4 + 3 + 1 + 6


def test_the_m23_divides() -> None:
    block = Block(0, decode(bytes.fromhex("90fbf1f0"), 0), 1, 0, "f", "f")  # sdiv r0, r0, r1
    assert estimate_cycles([block], find_core("cortex-m23").timing).cycles == 17


def test_an_estimate_that_nobody_compared_says_so() -> None:
    compared = {name for name, core in CORES.items() if "compared with no measurement" not in core.timing.error}
    assert set(CORES) - compared == {"cortex-m23", "cortex-m85"}


def test_wait_states_cost_by_what_is_fetched() -> None:
    block = Block(0, decode(bytes.fromhex("0130" * 32), 0), 10, 4, "f", "f")
    without, with_five = (estimate_cycles([block], find_core("cortex-m4").timing, states).cycles for states in (0, 5))
    assert without == 10 * 32 + 4 * 2 and with_five - without == 10 * 5 * 4 + 4 * 5


def code(*instructions: str) -> tuple[object, ...]:
    return decode(bytes.fromhex("".join(instructions).replace(" ", "")), 0)


ADDS, ADDS2, LDR, LDR2, USE, SMLAD, SXTB16 = "0130", "0131", "1868", "1a69", "4118", "22fb0344", "2ffa83f5"


def test_the_m7_issues_independent_instructions_in_pairs() -> None:
    assert steady_cycles(M7, code(*[ADDS, ADDS2] * 8)) == 8
    assert steady_cycles(M7, code(*[ADDS] * 16)) == 16  # each needs the one before
    assert steady_cycles(M7, code(*[LDR, LDR2] * 8)) == 8  # two load pipes (quinapalus.com/cm7cycles.html)
    assert steady_cycles(M7, code(*[SMLAD] * 8)) == 8  # one multiplier, into which the accumulator is forwarded
    assert steady_cycles(M55, code(*[SMLAD] * 8)) == 16  # not so on the M55


def test_the_m33_waits_a_cycle_for_a_load_that_is_used_at_once() -> None:
    assert steady_cycles(M33, code(LDR, ADDS2, "4018")) == 3
    assert steady_cycles(M33, code(LDR, "4018", ADDS2)) == 4


def test_vector_instructions_of_the_m55_overlap_when_they_use_different_units() -> None:
    load, multiply = "90ed001e", "f2ee20cf"  # vldrb.u8 q0, [r0]; vmlava.s8 ip, q1, q0
    assert steady_cycles(M55, code(*[load] * 6)) == 12
    assert steady_cycles(M55, code(*[load, multiply] * 6)) == 12 + 0  # a pair every two cycles


def test_pairs_of_the_m55_are_16_bit_and_simple() -> None:
    assert steady_cycles(M55, code(*[LDR, ADDS2] * 8)) < steady_cycles(M33, code(*[LDR, ADDS2] * 8))
    assert steady_cycles(M55, code(*["11f10101"] * 8)) == 8


def test_the_m85_issues_pairs_and_overlaps_vectors() -> None:
    load, store, multiply = "90ed001e", "80ed001e", "f2ee20cf"  # vldrb.u8 q0, [r0]; vstrb.8 q0, [r0]; vmlava.s8 ip, q1, q0
    assert steady_cycles(M85, code(*[ADDS, ADDS2] * 8)) == 8
    assert steady_cycles(M85, code(*[load] * 6)) == 12
    assert steady_cycles(M85, code(*[load, multiply] * 6)) == 12
    assert steady_cycles(M85, code(*[load, store] * 6)) == 12 < steady_cycles(M55, code(*[load, store] * 6))


@pytest.mark.parametrize(("mnemonic", "kind"), [
    ("ldrbne", "load"), ("adds", "alu"), ("vmul.f32", "float"), ("bls", "branch"), ("bl", "call"), ("mls", "accumulate"),
    ("bics", "alu"), ("itte", "it"), ("smmulr", "multiply"), ("teq", "alu"), ("movs", "alu"), ("stmdb", "store multiple"),
    ("sdiv", "divide"), ("vfma.f32", "float accumulate"), ("blt", "branch"), ("svc", "alu"), ("blo", "branch"),
])  # fmt: skip
def test_kinds(mnemonic: str, kind: str) -> None:
    assert kind_of(mnemonic) == kind


# A 1x1 convolution's inner loop for the DSP extension, as generated code has it: loads, SXTB16, SMLAD.
DOT = """
    push {r4-r7, lr}
    movw r3, #500
    movs r4, #0
    mov r5, r0
    1: ldr r6, [r0]
    ldr r7, [r0]
    sxtb16 r2, r6
    sxtb16 r6, r6, ror #8
    smlad r4, r2, r7, r4
    smlad r4, r6, r7, r4
    subs r3, #1
    bne 1b
    movs r0, #0
    pop {r4-r7, pc}
"""


def test_cores_relate_as_published_results_do() -> None:
    """One closed stack's MLPerf Tiny records: cycles on the M33 are 0.84 to 0.90 of those on the M4, on the M7 0.58 to 0.61."""
    m4, m33, m7 = (bench(cpu, DOT).cycles_estimated for cpu in ("cortex-m4", "cortex-m33", "cortex-m7"))
    assert 0.7 < m33 / m4 < 1.05
    assert 0.4 < m7 / m4 < 0.8
    assert np.argsort([m7, m33, m4]).tolist() == [0, 1, 2]
