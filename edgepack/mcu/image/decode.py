"""Decoding Thumb code into what counting and timing need: names, kinds, registers read and written.

capstone decodes Armv6-M to Armv8-M; the vector extension and the low-overhead loops of Armv8.1-M (M55, M85) are
recognised here by their encodings (Armv8-M ARM, C2.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Thumb-2 encodings of 32 bits start with 0b11101, 0b11110 or 0b11111 (Armv7-M ARM, A5.1).
_FIRST_WIDE_HALF_WORD = 0xE800
_CONDITIONS = frozenset("eq ne hs cs lo cc mi pl vs vc hi ls ge lt gt le".split())  # noqa: SIM905
_REGISTER = re.compile(r"\b(?:r\d+|sb|sl|fp|ip|sp|lr|pc)\b")
_SHIFTED = re.compile(r", (lsl|lsr|asr|ror|rrx)")

_KINDS = {
    "load": "ldr ldrb ldrh ldrsb ldrsh vldr ldrex ldrexb ldrexh lda ldab ldah",
    "store": "str strb strh vstr strex strexb strexh stl stlb stlh",
    "load double": "ldrd",
    "store double": "strd",
    "load multiple": "ldm ldmdb pop vldmia vldmdb vpop",
    "store multiple": "stm stmdb push vstmia vstmdb vpush",
    "multiply": "mul muls smulbb smulbt smultb smultt smulwb smulwt smuad smuadx smusd smusdx smmul smmulr",
    "accumulate": "mla mls smlabb smlabt smlatb smlatt smlawb smlawt smlad smladx smlsd smlsdx smmla smmlar smmls smmlsr",
    "long multiply": "umull smull",
    "long accumulate": "umlal smlal umaal smlald smlaldx smlsld smlalbb smlalbt smlaltb smlaltt",
    "divide": "sdiv udiv",
    "branch": "b cbz cbnz",
    "call": "bl blx",
    "return": "bx",
    "table branch": "tbb tbh",
    "extend": "sxtb uxtb sxth uxth sxtb16 uxtb16 sxtab uxtab sxtah uxtah sxtab16 uxtab16 pkhbt pkhtb",
    "saturate": "ssat usat ssat16 usat16 qadd qsub qadd8 qadd16 qsub8 qsub16 qdadd qdsub",
    "float": "vadd vsub vmul vnmul vcvt vcvtr vcmp vcmpe vabs vneg vmov vmrs vmsr",
    "float accumulate": "vmla vmls vfma vfms vnmla vnmls vfnma vfnms",
    "float divide": "vdiv vsqrt",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}


@dataclass(frozen=True)
class Instruction:
    """One decoded instruction.

    `mnemonic` has no width suffix. `kind` groups by how cores execute it: a key of _KINDS, "alu", "it", "nop", "loop end", or
    "vector load", "vector store", "vector multiply", "vector integer". `count` is the number of registers of a
    multiple load or store. `reads` and `writes` are register names, empty for vector instructions. `shifted`: its last
    operand is shifted. `address_of` are the registers between brackets, base and index; `accumulator` what a
    multiply-accumulate adds to.
    """

    address: int
    mnemonic: str
    operands: str
    size: int
    kind: str
    count: int = 0
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    shifted: bool = False
    address_of: tuple[str, ...] = ()
    accumulator: tuple[str, ...] = ()


def instruction_sizes(code: bytes) -> list[int]:
    """Bytes of each Thumb instruction in `code`."""
    sizes, offset = [], 0
    while offset < len(code):
        size = 4 if int.from_bytes(code[offset : offset + 2], "little") >= _FIRST_WIDE_HALF_WORD else 2
        sizes.append(size)
        offset += size
    return sizes


@lru_cache(maxsize=65536)
def decode(code: bytes, start: int) -> tuple[Instruction, ...]:
    """The instructions of straight-line code at address `start`."""
    instructions, offset = [], 0
    for size in instruction_sizes(code):
        instructions.append(_decode_one(code[offset : offset + size], start + offset))
        offset += size
    return tuple(instructions)


def _decode_one(raw: bytes, address: int) -> Instruction:
    extension = _armv81m(raw)
    if extension is not None:
        return Instruction(address, extension, raw.hex(), len(raw), extension)
    known = next(_decoder().disasm(raw, address, 1), None)
    if known is None or known.size != len(raw):
        return Instruction(address, "unknown", raw.hex(), len(raw), "alu")
    mnemonic, operands = known.mnemonic.removesuffix(".w").removesuffix(".n"), known.op_str
    reads, writes = known.regs_access()
    name = known.reg_name
    kind = kind_of(mnemonic)
    return Instruction(
        address,
        mnemonic,
        operands,
        len(raw),
        kind,
        _register_count(operands) if kind.endswith("multiple") else 0,
        tuple(name(register) for register in reads),
        tuple(name(register) for register in writes),
        bool(_SHIFTED.search(operands)),
        tuple(_REGISTER.findall(operands.partition("[")[2].partition("]")[0])),
        _accumulator(kind, operands),
    )


def kind_of(mnemonic: str) -> str:
    """How cores execute an instruction: "ldrbne" -> "load", "vmul.f32" -> "float", "adds" -> "alu"."""
    name = mnemonic.split(".", 1)[0]
    if name.startswith("it") and set(name[2:]) <= {"t", "e"}:
        return "it"
    if name == "nop":
        return "nop"
    for stem in (name, name[:-2] if name[-2:] in _CONDITIONS else name):
        if stem in _KIND_OF:
            return _KIND_OF[stem]
    return "alu"


def _armv81m(raw: bytes) -> str | None:
    """The kind of a vector or low-overhead loop instruction of Armv8.1-M; None for any other."""
    if len(raw) != 4:
        return None
    first, second = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[2:], "little")
    if first & 0xFF80 == 0xF000 and second & 0xD001 == 0xC001:
        return "loop end" if first & 0x000F == 0x000F and first & 0x0040 == 0 else "loop start"
    if first & 0xEC00 != 0xEC00:
        return None
    top, coprocessor = first >> 8 & 0xF, second >> 8 & 0xF
    if top != 0xF and coprocessor in (10, 11):
        return None  # the scalar FPU
    if top in (0xC, 0xD):
        return "vector load" if first & 0x0010 else "vector store"
    return "vector multiply" if _multiplies(first, second) else "vector integer"


def _multiplies(first: int, second: int) -> bool:
    """VMUL, VQ(R)DMULH, VMLA(S), VML(AL)DAV and VMULL: what goes down the multiplier pipe."""
    return (
        (first & 0xEFF0 == 0xEEF0 and second & 0x0E00 == 0x0E00)
        or (first & 0xEF80 == 0xEE80 and second & 0x0E00 == 0x0E00)
        or (first & 0xFF80 == 0xEF00 and second & 0x0F50 == 0x0950)
        or (first & 0xEF80 == 0xEF00 and second & 0x0F50 == 0x0B40)
        or (first & 0xEF81 == 0xEE01 and second & 0x0F00 == 0x0E00)
    )


def _accumulator(kind: str, operands: str) -> tuple[str, ...]:
    registers = tuple(part.strip() for part in operands.split(","))
    return {"accumulate": registers[-1:], "long accumulate": registers[:2]}.get(kind, ())


def _register_count(operands: str) -> int:
    """How many registers a list such as "{r4, r5, pc}" or "{s16-s19}" names."""
    count = 0
    for item in filter(None, (part.strip() for part in operands[operands.find("{") + 1 : operands.find("}")].split(","))):
        first, _, last = item.partition("-")
        count += int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count


@lru_cache(maxsize=1)
def _decoder() -> Any:
    import capstone

    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB + capstone.CS_MODE_MCLASS + capstone.CS_MODE_V8)
    decoder.detail = True
    return decoder
