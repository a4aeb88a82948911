"""The sentences every form of the report shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgepack.judge.verdict import Verdict
from edgepack.kinds import kind_of
from edgepack.project.units import format_seconds
from edgepack.report.format import method, share

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingRow
    from edgepack.measure.layers import LayerTimes
    from edgepack.report.report import Report
    from edgepack.report.stairs import Stairs


STEP_COLUMNS = ("step", "parameters", "MACs", "zeros", "values", "bits", "float", "int8", "deflated", "file")
"""The headings of the step table; the metric's name comes after the first."""

STEP_LEGEND = (
    "values: the most distinct codes in an output channel; bits: entropy of the codes, in bits per weight; float, int8: the"
    " weights at 4 bytes and at 1 byte each, biases at 4; deflated: those int8 weights through zlib; file: the whole .tflite"
)
"""What the headings of the step table mean."""


WEIGHT_BYTES = {"float_bytes": "float32", "int8_bytes": "int8", "stored_bytes": "as stored", "entropy_bytes": "entropy bound"}
"""The bytes of weights that may be in codes, in the order of their size, and their names."""


def headline(report: Report) -> str:
    """The result: "All 5 budgets met", or "3 of 5 budgets met, 1 missed, 1 not measured"."""
    if not report.verdicts:
        return "The target sets no budgets"
    passed, failed, unknown = (_count(report, status) for status in ("PASS", "FAIL", "NOT MEASURED"))
    total = len(report.verdicts)
    estimates = sum(verdict.on_estimate and verdict.status == "PASS" for verdict in report.verdicts)
    marked = f", {estimates} of them by an estimate" if estimates else ""
    if passed == total:
        if total == 1:
            return f"The budget is met{', by an estimate' if estimates else ''}"
        return f"All {total} budgets met{marked}"
    parts = [f"{passed} of {total} budgets met{marked}"]
    if failed:
        parts.append(f"{failed} missed")
    if unknown:
        parts.append(f"{unknown} not measured")
    return ", ".join(parts)


def tone_of(report: Report) -> str:
    """The result's colour: "fail" when a budget was missed, "part" when one is unknown or there is none, else "pass"."""
    if _count(report, "FAIL"):
        return "fail"
    return "part" if _count(report, "NOT MEASURED") or not report.verdicts else "pass"


def status_of(verdict: Verdict) -> str:
    """PASS, FAIL or NOT MEASURED; marked when it rests on an estimate."""
    return f"{verdict.status}, estimate" if verdict.on_estimate else verdict.status


def device_sentence(report: Report) -> str:
    """What the device was, and so what its figures are worth."""
    if report.real_hardware:
        return "Measured on the target's own hardware."
    if kind_of(report.target).holds == "firmware":
        return "Run on an emulator of the target's processor: instructions and bytes are exact, times are estimates."
    reason = "" if report.device is None else report.device.stand_in_reason
    what = f" ({reason})" if reason else ""
    return f"Run on a stand-in, not on the target's hardware{what}: times and memory are not the target's."


def layer_sentences(times: LayerTimes) -> tuple[str, str]:
    """How the times of single layers were measured, and how their sum compares with whole inferences."""
    total, inference, undisturbed = (format_seconds(one) for one in (times.total, times.inference, times.undisturbed))
    return (
        f"Times of layers: {times.how}; {method(times.method)}.",
        f"They add up to {total} and took {share(times.covered)} of the inferences' time; a whole one took {inference} with"
        f" the clock between them, {undisturbed} without.",
    )


def coding_sentence(rows: Sequence[CodingRow]) -> str:
    """How many weights are in codes: "4 of 6 arrays are in codes (bitmap)"."""
    coded = [row.code for row in rows if row.code]
    return f"{len(coded)} of {len(rows)} arrays are in codes ({', '.join(dict.fromkeys(coded))})"


def stairs_sentence(stairs: Stairs) -> str:
    """The staircase in a line: "weights: 47,680 B float32 -> 11,920 B int8 -> 6,702 B coded (7.1x); entropy bound 6,339 B"."""
    points = {stair.kind: stair for stair in stairs.stairs}
    file, last = points["file"], stairs.stairs[-1]
    shown = [f"{points['float'].bytes:,} B float32", f"{file.bytes:,} B {file.name.removesuffix(' .tflite')}"]
    shown += [f"{last.bytes:,} B coded"] if last.kind == "coded" else []
    why = f"; not coded: {stairs.ends}" if stairs.ends else ""
    return f"weights: {' -> '.join(shown)} ({stairs.factor:.1f}x); entropy bound {last.bound or 0:,} B{why}"


def weight_bytes(rows: Sequence[CodingRow]) -> str:
    """The sums of bytes: "float32 12,544, int8 3,280, as stored 1,700, entropy bound 653 bytes"."""
    sums = (f"{name} {sum(getattr(row, key) for row in rows):,}" for key, name in WEIGHT_BYTES.items())
    return f"{', '.join(sums)} bytes"


def model_label(report: Report) -> str:
    """Project and target: "digits on cortex-m4"."""
    return f"{report.name} on {report.target.name}"


def _count(report: Report, status: str) -> int:
    return sum(verdict.status == status for verdict in report.verdicts)
