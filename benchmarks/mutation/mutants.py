"""The small changes that are made: a source file to its mutants, each one expression or statement that differs.

What cannot change behaviour, or changes only what a message says or which of several exact kernels is chosen, is left out: type
annotations, decorators, f-strings, the texts of errors, assertions made for the type checker, and the measured costs of kernels.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
OPPOSITES = {"min": "max", "minimum": "maximum", "any": "all", "floor": "ceil", "argmin": "argmax"}
OPPOSITES |= {value: key for key, value in OPPOSITES.items()}
COSTS = "_cost"  # functions so named estimate instructions: they choose among kernels that give the same bits
REPORTING = {"error", "operator_error", "warn", "stage", "finish", "shorten", "_refuse"}


@dataclass(frozen=True)
class Mutant:
    """One change: the text from `start` to `end` (characters) of `file`, which is `before`, becomes `after`."""

    file: str
    line: int
    kind: str
    start: int
    end: int
    before: str
    after: str

    @property
    def change(self) -> str:
        """What changes, on one line."""
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{before} → {after.removeprefix('(').removesuffix(')') if after.startswith('(') else after}"

    def apply(self, source: str) -> str:
        """The file's text with the change. Raises ValueError if the text is no longer what it was."""
        if source[self.start : self.end] != self.before:
            raise ValueError(f"{self.file}:{self.line} is not {self.before!r} any more")
        return source[: self.start] + self.after + source[self.end :]


def mutants_of(source: str, file: str) -> list[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))

    def position(line: int, column: int) -> int:
        """ast counts columns in bytes of UTF-8."""
        start = lines[line - 1]
        return start + len(source[start : lines[line]].encode()[:column].decode())

    found = []
    for node, kind, after in _changes(ast.parse(source)):
        start, end = position(node.lineno, node.col_offset), position(node.end_lineno or 0, node.end_col_offset or 0)
        found.append(Mutant(file, node.lineno, kind, start, end, source[start:end], after))
    return sorted(found, key=lambda mutant: (mutant.start, mutant.end, mutant.after))


Change = tuple[ast.expr | ast.stmt, str, str]


def _changes(node: ast.AST) -> Iterator[Change]:
    """What may change at this node, then below it."""
    yield from _here(node)
    for child in _below(node):
        yield from _changes(child)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    """The children in which something may change."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        if not node.name.startswith(COSTS):
            yield from (node.args, *node.body)
    elif isinstance(node, ast.ClassDef):
        yield from node.body
    elif isinstance(node, ast.arguments):
        yield from (*node.defaults, *(default for default in node.kw_defaults if default is not None))
    elif isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield node.value
    elif isinstance(node, ast.Call) and _name(node.func) == "require":
        yield from node.args[:1]
    elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        yield from node.orelse
    elif isinstance(node, ast.keyword) and node.arg == "cost":
        return
    elif not isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom) and not _reports(node):
        yield from ast.iter_child_nodes(node)


def _reports(node: ast.AST) -> bool:
    """Whether a call only says something: an error that is made, or a progress bar."""
    name = _name(node.func) if isinstance(node, ast.Call) else ""
    return name.endswith(("Error", "Warning")) or name in REPORTING


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def _here(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(left, [operator], [right]):
            for other in COMPARISONS[type(operator)]:
                yield node, "comparison", _text(ast.Compare(left, [other()], [right]))
        case ast.Constant(int() as value) if not isinstance(value, bool):
            yield node, "constant", _text(ast.Constant(value + 1))
            yield node, "constant", _text(ast.Constant(value - 1))
        case ast.BoolOp(operator, values):
            yield node, "and/or", _text(ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values))
        case ast.BinOp(left, operator, right) if type(operator) in ARITHMETIC and not _joins_text_or_types(left, right):
            yield node, "arithmetic", _text(ast.BinOp(left, ARITHMETIC[type(operator)](), right))
        case ast.AugAssign(target, operator, value) if type(operator) in ARITHMETIC:
            yield node, "arithmetic", ast.unparse(ast.AugAssign(target, ARITHMETIC[type(operator)](), value))
            yield node, "dropped", "pass"
        case ast.UnaryOp(ast.Not(), operand):
            yield node, "not", _text(operand)
        case ast.Call(ast.Name(name), arguments, keywords) if name in OPPOSITES:
            yield node, "min/max", _text(ast.Call(ast.Name(OPPOSITES[name]), arguments, keywords))
        case ast.Call(ast.Attribute(value, name), arguments, keywords) if name in OPPOSITES:
            yield node, "min/max", _text(ast.Call(ast.Attribute(value, OPPOSITES[name]), arguments, keywords))
        case ast.Expr(ast.Call() as call) if not _reports(call):
            yield node, "dropped", "pass"
        case ast.Assign([ast.Subscript() | ast.Attribute()]) | ast.Raise() | ast.Continue() | ast.Break():
            yield node, "dropped", "pass"


def _joins_text_or_types(left: ast.expr, right: ast.expr) -> bool:
    """Strings that are added or formatted, and unions of types."""
    text = any(isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str | None))
               for side in (left, right))  # fmt: skip
    return text or any(isinstance(side, ast.Name) and side.id[:1].isupper() and not side.id.isupper() for side in (left, right))


def _text(expression: ast.expr) -> str:
    """Its source; in brackets, so that it stands anywhere."""
    return f"({ast.unparse(ast.fix_missing_locations(expression))})"
