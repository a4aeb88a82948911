"""Change a model's structure: shapes, types, scales, buffers, indices, options, operators, subgraphs; every offset stays right.

Edits are made on the mutable objects of edgepack/flatbuffer/rewrite/objects.py and taken back once the file is written: reading
the objects of a model anew for each mutant would take most of the time.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgepack.compile.operators.table import OPERATORS
from edgepack.flatbuffer.options import ENUM_OF_FIELD, options_type
from edgepack.flatbuffer.rewrite.objects import pack, schema, unpack

NUMBERS = (-(1 << 31), -65536, -129, -128, -2, -1, 0, 1, 2, 3, 4, 7, 127, 128, 255, 32767, 65536, 1 << 20, 1 << 28, (1 << 31) - 1)
SCALES = (0.0, -0.0, -0.1, float("nan"), float("inf"), float("-inf"), 1e-45, 1e-38, 1e-12, 1e-6, 1.0, 1e6, 1e12, 3.4e38)
PACKING = (TypeError, ValueError, OverflowError, struct.error)
"""What the generated code raises for a number that the field's type cannot hold."""


class _NothingToChange(Exception):
    """The model has nothing of the kind that an edit changes."""


class Structure:
    """One model's objects, to be changed again and again."""

    def __init__(self, content: bytes) -> None:
        self.model = unpack(content)
        self._before: list[tuple[Any, str, Any]] = []

    def mutated(self, rng: random.Random) -> bytes | None:
        """The file with one to four properties changed; None if a changed number cannot be written."""
        try:
            left = _few(rng)
            while left:
                try:
                    rng.choices(EDITS, WEIGHTS)[0](self, rng)
                    left -= 1
                except _NothingToChange:
                    pass
            return pack(self.model)
        except PACKING:
            return None
        finally:
            for item, name, value in reversed(self._before):
                setattr(item, name, value)
            self._before.clear()

    def set(self, item: Any, name: str, value: Any) -> None:
        """Change a field, to be taken back after writing. Lists and arrays must be new ones."""
        self._before.append((item, name, getattr(item, name)))
        setattr(item, name, value)

    def graph(self, rng: random.Random) -> Any:
        """A subgraph, mostly the first."""
        graphs = self.model.subgraphs
        return graphs[0] if graphs and rng.random() < 0.8 else _one(graphs, rng)

    def operator(self, rng: random.Random) -> tuple[Any, Any]:
        """A subgraph and one of its operators."""
        graph = self.graph(rng)
        return graph, _one(graph.operators, rng)


def _few(rng: random.Random) -> int:
    return rng.choices((1, 2, 3, 4), (60, 25, 10, 5))[0]


def _one(items: Any, rng: random.Random) -> Any:
    if items is None or len(items) == 0:
        raise _NothingToChange
    return items[rng.randrange(len(items))]


def _list(numbers: Any) -> list[int]:
    return [] if numbers is None else [int(number) for number in numbers]


def _number(rng: random.Random) -> int:
    return rng.choice(NUMBERS) if rng.random() < 0.5 else rng.randrange(0, 12)


def _listed(numbers: list[Any], rng: random.Random, fresh: Callable[[], Any]) -> list[Any]:
    """The list with an entry replaced, added, dropped, doubled, exchanged for another, or with none at all."""
    numbers = list(numbers)
    what = rng.choices(("replace", "add", "drop", "double", "exchange", "empty"), (50, 15, 15, 8, 8, 4))[0]
    if what == "empty":
        return []
    if what == "add" or not numbers:
        numbers.insert(rng.randrange(len(numbers) + 1), fresh())
        return numbers
    at = rng.randrange(len(numbers))
    if what == "replace":
        numbers[at] = fresh()
    elif what == "drop":
        del numbers[at]
    elif what == "double":
        numbers.insert(at, numbers[at])
    else:
        other = rng.randrange(len(numbers))
        numbers[at], numbers[other] = numbers[other], numbers[at]
    return numbers


def _shape(model: Structure, rng: random.Random) -> None:
    tensor = _one(model.graph(rng).tensors, rng)
    name = "shape" if rng.random() < 0.9 else "shapeSignature"
    shape = _listed(_list(getattr(tensor, name)), rng, lambda: _number(rng))
    model.set(tensor, name, shape)


def _regrouped(model: Structure, rng: random.Random) -> None:
    """As many elements in other extents, which the content still fits."""
    tensor = _one(model.graph(rng).tensors, rng)
    shape = _list(tensor.shape)
    count = int(np.prod(shape, dtype=np.int64)) if shape else 1
    divisors = [n for n in range(1, min(count, 64) + 1) if count % n == 0] or [1]
    first = rng.choice(divisors)
    second = rng.choice([n for n in divisors if count // first % n == 0])
    full = [first, second, count // first // second]
    model.set(
        tensor, "shape", rng.choice((full, [1, *full], [first, count // first], [count], [1, 1, 1, count], [count, 1, 1, 1]))
    )


def _type(model: Structure, rng: random.Random) -> None:
    tensor = _one(model.graph(rng).tensors, rng)
    model.set(tensor, "type", rng.choice((0, 2, 3, 4, 6, 7, 9, 9, 9)) if rng.random() < 0.7 else rng.randrange(0, 20))


def _tensor_kind(model: Structure, rng: random.Random) -> None:
    """A variable, a constant of another buffer, or an unquantized tensor."""
    tensor = _one(model.graph(rng).tensors, rng)
    what = rng.randrange(4)
    if what == 0:
        model.set(tensor, "isVariable", not tensor.isVariable)
    elif what == 1:
        model.set(tensor, "quantization", None)
    elif what == 2:
        model.set(tensor, "quantization", _one(model.graph(rng).tensors, rng).quantization)
    else:
        model.set(tensor, "buffer", rng.randrange(len(model.model.buffers) + 1) if rng.random() < 0.9 else 1 << 30)


def _quantization(model: Structure, rng: random.Random) -> None:
    quantization = _one(model.graph(rng).tensors, rng).quantization
    if quantization is None:
        raise _NothingToChange
    what = rng.choices(("scale", "zeroPoint", "quantizedDimension"), (60, 30, 10))[0]
    if what == "quantizedDimension":
        model.set(quantization, what, _number(rng))
    elif what == "zeroPoint":
        zeros = _listed(
            _list(quantization.zeroPoint), rng, lambda: _number(rng) if rng.random() < 0.5 else rng.randint(-128, 127)
        )
        model.set(quantization, what, np.array(zeros, np.int64))
    else:
        scales = [] if quantization.scale is None else [float(scale) for scale in quantization.scale]
        if scales and rng.random() < 0.5:  # some orders of magnitude, all at once or one of them
            factor = 10.0 ** rng.uniform(-12, 12)
            at = rng.randrange(len(scales))
            scales = [scale * factor if rng.random() < 0.5 or i == at else scale for i, scale in enumerate(scales)]
        else:
            scales = _listed(scales, rng, lambda: rng.choice(SCALES))
        with np.errstate(over="ignore", under="ignore"):
            model.set(quantization, what, np.array(scales, np.float64).astype(np.float32))


def _buffer(model: Structure, rng: random.Random) -> None:
    buffer = _one(model.model.buffers, rng)
    data = np.array([] if buffer.data is None else buffer.data, np.uint8)
    what = rng.randrange(6)
    if what == 0:
        model.set(buffer, "data", None if rng.random() < 0.5 else data[: rng.randrange(data.size + 1)])
    elif what == 1:
        model.set(buffer, "data", np.concatenate([data, np.frombuffer(rng.randbytes(rng.randrange(1, 17)), np.uint8)]))
    elif what == 2 and data.size >= 4:
        data.view("<i4")[rng.randrange(data.size // 4)] = _number(rng) if data.size % 4 == 0 else 0
        model.set(buffer, "data", data)
    elif what == 3:
        model.set(buffer, "data", np.full_like(data, rng.choice((0, 1, 0x7F, 0x80, 0xFF))))
    else:
        at = rng.randrange(data.size + 1)
        data[at : at + 8] = np.frombuffer(rng.randbytes(len(data[at : at + 8])), np.uint8)
        model.set(buffer, "data", data)


def _numbers_given(model: Structure, rng: random.Random) -> None:
    """A small constant of integers (axes, paddings, begins, shapes): one of them becomes another."""
    small = [tensor for tensor in model.graph(rng).tensors if tensor.type in (2, 4) and tensor.buffer < len(model.model.buffers)]
    tensor = _one(small, rng)
    buffer, width = model.model.buffers[tensor.buffer], "<i4" if tensor.type == 2 else "<i8"
    data = np.array([] if buffer.data is None else buffer.data, np.uint8)
    if data.size == 0 or data.size % np.dtype(width).itemsize:
        raise _NothingToChange
    numbers = data.view(width)
    numbers[rng.randrange(numbers.size)] = _number(rng) if rng.random() < 0.7 else rng.randint(-8, 8)
    model.set(buffer, "data", data)


def _operands(model: Structure, rng: random.Random) -> None:
    graph, operator = model.operator(rng)
    name = rng.choices(("inputs", "outputs", "intermediates"), (60, 35, 5))[0]
    count = len(graph.tensors or [])

    def index() -> int:
        return rng.randrange(-1, count) if rng.random() < 0.9 else rng.choice((-2, count, 1 << 30))

    model.set(operator, name, _listed(_list(getattr(operator, name)), rng, index))


def _option(model: Structure, rng: random.Random) -> None:
    _, operator = model.operator(rng)
    options = operator.builtinOptions
    if options is None or not vars(options):
        raise _NothingToChange
    name = rng.choice(sorted(vars(options)))
    value = getattr(options, name)
    if isinstance(value, bool):
        model.set(options, name, not value)
    elif isinstance(value, float):
        model.set(options, name, rng.choice((*SCALES, 0.5)))
    elif isinstance(value, int):
        enumeration = _snake(name) in ENUM_OF_FIELD
        model.set(options, name, rng.randrange(0, 6) if enumeration and rng.random() < 0.8 else _number(rng))
    elif isinstance(value, (list, np.ndarray)):
        model.set(options, name, _listed(_list(value), rng, lambda: _number(rng)))
    else:
        model.set(operator, "builtinOptions", None)
        model.set(operator, "builtinOptionsType", 0)


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def _other_operator(model: Structure, rng: random.Random) -> None:
    """Another operator on the same operands, with the options it has by default, or those it had."""
    classes = schema()
    _, operator = model.operator(rng)
    codes = list(model.model.operatorCodes or [])
    code = classes.OperatorCodeT()
    known = [name for name in OPERATORS if hasattr(classes.BuiltinOperator, name)]
    every = [name for name in vars(classes.BuiltinOperator) if name.isupper()]
    name = rng.choice(known if rng.random() < 0.85 else every)
    code.builtinCode = getattr(classes.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = rng.choice((1, 2, 3, 0, -1, 1 << 30))
    model.set(model.model, "operatorCodes", [*codes, code])
    model.set(operator, "opcodeIndex", len(codes))
    if rng.random() < 0.9:
        kind = options_type(name)
        has = hasattr(classes.BuiltinOptions, kind) and rng.random() < 0.7
        model.set(operator, "builtinOptionsType", getattr(classes.BuiltinOptions, kind) if has else 0)
        model.set(operator, "builtinOptions", getattr(classes, f"{kind}T")() if has else None)


def _codes(model: Structure, rng: random.Random) -> None:
    _, operator = model.operator(rng)
    code = _one(model.model.operatorCodes, rng)
    what = rng.randrange(4)
    if what == 0:
        model.set(operator, "opcodeIndex", rng.choice((0, 1, len(model.model.operatorCodes), 1 << 30)))
    elif what == 1:
        model.set(code, "version", _number(rng))
    elif what == 2:
        model.set(code, "builtinCode", rng.choice((-1, 0, 32, 127, 128, 250, 1 << 30)))
    else:
        model.set(code, "customCode", "custom\n\x1b[31m")


def _order(model: Structure, rng: random.Random) -> None:
    """Operators dropped, doubled, or in another order."""
    graph, operator = model.operator(rng)
    model.set(graph, "operators", _listed(list(graph.operators), rng, lambda: operator))


def _ends(model: Structure, rng: random.Random) -> None:
    """The inputs or outputs of a subgraph: none, twice the same, constants, others."""
    graph = model.graph(rng)
    name = rng.choice(("inputs", "outputs"))
    count = len(graph.tensors or [])
    model.set(graph, name, _listed(_list(getattr(graph, name)), rng, lambda: rng.randrange(-1, count + 1)))


def _model(model: Structure, rng: random.Random) -> None:
    root = model.model
    what = rng.randrange(5)
    if what == 0:
        model.set(root, "subgraphs", _listed(list(root.subgraphs), rng, lambda: _one(root.subgraphs, rng)))
    elif what == 1:
        model.set(root, "version", rng.choice((0, 1, 2, 4, 1 << 30)))
    elif what == 2:
        model.set(root, "buffers", list(root.buffers)[: rng.randrange(len(root.buffers) + 1)])
    elif what == 3:
        tensor = _one(model.graph(rng).tensors, rng)
        model.set(tensor, "name", rng.choice(("", "a\nb", "\x1b[2J*/ #include", "/" * 300, '"; "', "\u202e", "%s%n")))
    else:
        tensor = _one(model.graph(rng).tensors, rng)
        model.set(tensor, "sparsity", schema().SparsityParametersT())


EDITS: Sequence[Callable[[Structure, random.Random], None]] = (
    _shape,
    _regrouped,
    _type,
    _tensor_kind,
    _quantization,
    _buffer,
    _numbers_given,
    _operands,
    _option,
    _other_operator,
    _codes,
    _order,
    _ends,
    _model,
)
WEIGHTS = (14, 7, 6, 5, 18, 7, 10, 10, 16, 10, 1, 3, 3, 1)
