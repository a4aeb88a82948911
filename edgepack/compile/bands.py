"""Several convolutions and poolings in a row, computed band by band, so that what lies between is never there as a whole.

The last layer's output is computed in bands of a few rows. For each band, every layer before it computes the rows that are new
since the band before, into a buffer that keeps the rows its next layer's windows still need; these are moved to the
buffer's beginning first. Nothing is computed twice. (MCUNetV2, Lin et al. 2021, computes patches instead, and the overlap twice.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from edgepack.compile.call import SCRATCH, Call, Overlap, Place, Step
from edgepack.compile.operators.choice import Choice, usable
from edgepack.compile.operators.shared.convolution import Windowed
from edgepack.cores import Cpu

ALIGNMENT = 8


@dataclass(frozen=True)
class Rows:
    """What a window does along the image's height."""

    in_h: int
    kernel: int
    stride: int
    dilation: int
    pad: int

    def needed(self, first: int, end: int) -> tuple[int, int]:
        """The input rows, from and to, under the output rows first … end - 1."""
        low = max(first * self.stride - self.pad, 0)
        return low, min((end - 1) * self.stride - self.pad + (self.kernel - 1) * self.dilation + 1, self.in_h)

    def above(self, first: int) -> int:
        """Rows of padding above output row `first`'s window."""
        return max(self.pad - first * self.stride, 0)


@dataclass(frozen=True)
class Work:
    """What one layer does in one round: keep some of its output's rows, and compute new ones.

    `base` is the row its output buffer begins with afterwards, `moved` the rows of it that are there already, `shift` by how
    many rows they move, `first` … `end` - 1 the new rows.
    """

    base: int
    moved: int
    shift: int
    first: int
    end: int


def rows_of(conv: Windowed) -> Rows:
    """Its numbers along the height."""
    return Rows(conv.in_shape[1], conv.kernel[0], conv.stride[0], conv.dilation[0], conv.padding.top)


def bandable(problem: object) -> bool:
    """Whether rows of this operator can be computed apart: int8, one image, no window outside the image."""
    if not isinstance(problem, Windowed) or problem.dtype != "int8" or problem.in_shape[0] != 1:
        return False
    rows = rows_of(problem)
    return all(low < high for low, high in (rows.needed(row, row + 1) for row in range(problem.out_shape[1])))


def schedule(layers: Sequence[Rows], out_h: int, band: int) -> Iterator[tuple[Work, ...]]:
    """The work of every layer in each round, the last layer computing `band` rows."""
    count = len(layers)
    done, base = [0] * count, [0] * count
    for first in range(0, out_h, band):
        ends = [0] * count
        ends[-1] = min(first + band, out_h)
        for i in range(count - 1, 0, -1):
            ends[i - 1] = max(layers[i].needed(done[i], ends[i])[1], done[i - 1]) if ends[i] > done[i] else done[i - 1]
        works = []
        for i in range(count):
            start = done[i]
            if i + 1 < count and ends[i + 1] > done[i + 1]:
                start = min(layers[i + 1].needed(done[i + 1], ends[i + 1])[0], done[i])
            elif i + 1 < count:
                start = base[i]
            works.append(Work(start, done[i] - start, start - base[i], done[i], ends[i]))
        base, done = [work.base for work in works], ends
        yield tuple(works)


class Parts:
    """Calls of kernels for bands, each made once; and what they cost."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self._usable: dict[tuple[int, int, int, int], tuple[Choice, ...]] = {}
        self._made: dict[int, Call] = {}
        self._moves: dict[int, Call] = {}

    def band(self, conv: Windowed, first: int, end: int, room: int | None = None) -> tuple[Call, float]:
        """The call that computes these output rows from exactly the input rows they need, and its instructions.

        The cheapest of those whose scratch has no more bytes than `room`, or of the least scratch if there is none.
        """
        rows = rows_of(conv)
        low, high = rows.needed(first, end)
        key = (id(conv), high - low, end - first, rows.above(first))
        if key not in self._usable:
            part = replace(
                conv,
                in_shape=(1, high - low, *conv.in_shape[2:]),
                out_shape=(1, end - first, *conv.out_shape[2:]),
                padding=replace(conv.padding, out_h=end - first, top=rows.above(first)),
            )
            self._usable[key] = usable(conv.operator, part, self._cpu)
        choices = self._usable[key]
        fitting = (choice for choice in choices if room is None or (self._call(choice).scratch or 0) <= room)
        choice = next(fitting, None) or min(choices, key=lambda each: self._call(each).scratch or 0)
        return self._call(choice), choice.cost

    def _call(self, choice: Choice) -> Call:
        if id(choice) not in self._made:
            self._made[id(choice)] = choice.calls()[0]
        return self._made[id(choice)]

    def move(self, size: int) -> Call:
        """The call that moves so many bytes."""
        if size not in self._moves:
            self._moves[size] = Call("ep_move_rows", "ep_move_rows.h", {"bytes": size}, (), ())
        return self._moves[size]


def _line(shape: tuple[int, ...]) -> int:
    return shape[2] * shape[3]


def banded(convs: Sequence[Windowed], band: int, parts: Parts, room: int | None = None) -> tuple[Call, float]:
    """One call for these operators, each of which reads what the one before wrote, and its instructions.

    `room` is what the kernels' scratch may take, besides the rows between them.
    """
    layers, last = [rows_of(conv) for conv in convs], len(convs) - 1
    lines = [_line(conv.out_shape) for conv in convs]
    plan = list(schedule(layers, convs[-1].out_shape[1], band))
    sizes = [-(-max(work[i].end - work[i].base for work in plan) * lines[i] // ALIGNMENT) * ALIGNMENT for i in range(last)]
    starts = [sum(sizes[:i]) for i in range(last + 1)]
    rounds, cost, scratch = [], 0.0, 0
    for works in plan:
        steps: list[Step] = []
        for i, (conv, work) in enumerate(zip(convs, works, strict=True)):
            if i < last and work.moved > 0 and work.shift > 0:
                size = work.moved * lines[i]
                steps.append(
                    Step(parts.move(size), Place(SCRATCH, starts[i] + work.shift * lines[i]), Place(SCRATCH, starts[i]), 0)
                )
                cost += 20.0 + 0.7 * size
            if work.end == work.first:
                continue
            call, instructions = parts.band(conv, work.first, work.end, room)
            low = layers[i].needed(work.first, work.end)[0]
            source = (
                Place(conv.input, low * _line(conv.in_shape))
                if i == 0
                else Place(SCRATCH, starts[i - 1] + (low - works[i - 1].base) * lines[i - 1])
            )
            target = (
                Place(conv.output, work.first * lines[i])
                if i == last
                else Place(SCRATCH, starts[i] + (work.first - work.base) * lines[i])
            )
            steps.append(Step(call, source, target, starts[last]))
            cost += instructions
            scratch = max(scratch, call.scratch or 0)
        rounds.append(tuple(steps))
    source_id, target_id = convs[0].input, convs[-1].output
    behind = _distance(layers[0], plan, _line(convs[0].in_shape), lines[last])
    return Call(
        kernel="",
        header="",
        fields={},
        inputs=(source_id,),
        outputs=(target_id,),
        scratch=starts[last] + scratch,
        overlaps=(Overlap(source_id, target_id, behind),),
        rounds=tuple(rounds),
    ), cost


def _distance(first: Rows, plan: Sequence[Sequence[Work]], in_line: int, out_line: int) -> int:
    """Bytes the output must start below the input, so that no round overwrites what a later one reads."""
    worst, needed = -first.in_h * in_line, first.in_h
    for works in reversed(plan):
        if needed < first.in_h:
            worst = max(worst, works[-1].end * out_line - needed * in_line)
        if works[0].end > works[0].first:
            needed = min(needed, first.needed(works[0].first, works[0].end)[0])
    return worst


def kernel_names(call: Call) -> Mapping[str, int]:
    """The kernels of a call, and how often each is called."""
    counts: dict[str, int] = {}
    for steps in call.rounds:
        for step in steps:
            counts[step.call.kernel] = counts.get(step.call.kernel, 0) + 1
    return counts or {call.kernel: 1}
