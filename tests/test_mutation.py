"""The mutants that benchmarks/mutation makes are single changes of behaviour, and its table names tests that exist."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutation.mutants import mutants_of
from benchmarks.mutation.run import HERE, ROOMS, draw, room_mutants
from benchmarks.mutation.selection import Selection

ROOT = Path(__file__).resolve().parents[1]


def changes(source: str) -> set[tuple[str, str]]:
    return {(mutant.before, mutant.after) for mutant in mutants_of(source, "file.py")}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {("a < b", "(a <= b)"), ("a < b", "(a >= b)")}),
        ("a == b", {("a == b", "(a != b)")}),
        ("x = 3", {("3", "(4)"), ("3", "(2)")}),
        ("a and b", {("a and b", "(a or b)")}),
        ("a * b", {("a * b", "(a // b)")}),
        ("x += y", {("x += y", "x -= y"), ("x += y", "pass")}),
        ("not a", {("not a", "(a)")}),
        ("max(a, b)", {("max(a, b)", "(min(a, b))"), ("max(a, b)", "pass")}),
        ("f(a)", {("f(a)", "pass")}),
        ("x[k] = a", {("x[k] = a", "pass")}),
        ("ü = 'ü' + (a - b)", {("a - b", "(a + b)")}),
    ],
)
def test_a_change_of_each_kind(source: str, expected: set[tuple[str, str]]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring of 3 words."""',
        "x: tuple[int, 3]",
        "def f(x: A | None) -> Literal[1]: pass",
        "@cache(maxsize=4)\ndef f(): return x",
        "def _cost(x): return 3 * x",
        "k = Kernel('ep_add', lower, cost=lambda x: 3 * x)",
        "x = f'{3 * y}'",
        "assert x == 1",
        "Data = Text | Bytes",
        "if TYPE_CHECKING:\n    f()",
        "x = True",
    ],
)
def test_what_cannot_matter_stays(source: str) -> None:
    assert changes(source) == set()


def test_of_an_error_only_whether_it_is_raised_changes() -> None:
    raised = "raise ModelError('EP-1', f'{a - 1} of {b}', 'hint' * 2)"
    assert changes(f"if x:\n    {raised}") == {(raised, "pass")}
    assert changes("y = site.require(a > 0, 'needs 3' * 2, 'hint')") == {
        ("a > 0", "(a >= 0)"), ("a > 0", "(a <= 0)"), ("0", "(1)"), ("0", "(-1)"),
    }  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_every_mutant_of_a_room_is_python_that_differs(room: str) -> None:
    mutants = room_mutants(room)
    assert len(mutants) > 50
    for mutant in random.Random(1).sample(mutants, 50):
        source = (ROOT / mutant.file).read_text()
        changed = mutant.apply(source)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)), mutant
        with pytest.raises(ValueError, match="any more"):
            mutant.apply("x" + source)


def test_a_sample_is_the_same_for_a_seed_and_has_one_mutant_a_place() -> None:
    mutants = room_mutants("judge")
    first, again, other = (draw(mutants, 30, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert len({(mutant.file, mutant.start, mutant.end) for mutant in first}) == 30
    places = {(mutant.file, mutant.start, mutant.end) for mutant in mutants}
    assert len(draw(mutants, 10_000, random.Random(1))) == len(places) < len(mutants)


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_has_tests_that_exist(room: str) -> None:
    from tests.compile.test_operators import ALL

    selection = Selection(HERE / "tests.toml", room)
    for file in {mutant.file for mutant in room_mutants(room)}:
        for test in selection.tests(file):
            path, _, function = test.removeprefix("--deselect=").partition("::")
            name, _, case = function.partition("[")
            assert (ROOT / path).is_file(), test
            assert not name or f"def {name}(" in (ROOT / path).read_text(), test
            assert "test_operators" not in path or case.rstrip("]") in ALL, test


@pytest.mark.parametrize("room", ROOMS)
def test_the_table_names_no_file_that_is_gone(room: str) -> None:
    for beginning in Selection(HERE / "tests.toml", room).beginnings:
        assert not beginning or list((ROOT / "edgepack" / room).glob(f"{beginning}*")), beginning


TRIAL = """
import sys
from pathlib import Path
from benchmarks.mutation.trial import run_tests
outcome = run_tests(Path(sys.argv[1]), ["test_module.py"], float(sys.argv[2]))
print(outcome.word, outcome.failed)
"""


@pytest.mark.parametrize(
    ("value", "limit", "said"),
    [("1", 300, "survived "), ("2", 300, "killed test_module.py::test_value"), ("sum(iter(int, 1))", 3, "timeout ")],
)
def test_a_trial_tells_what_became_of_a_mutant(tmp_path: Path, value: str, limit: float, said: str) -> None:
    (tmp_path / "module.py").write_text(f"value = {value}\n")
    (tmp_path / "test_module.py").write_text("def test_value():\n    from module import value\n    assert value == 1\n")
    command = [sys.executable, "-c", TRIAL, str(tmp_path), str(limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{said}\n", done.stderr
