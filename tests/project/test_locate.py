"""The locator against two independent witnesses: a text search for unique names, and tomllib's idea of which keys exist."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgepack.project.locate import lines, nearest_line

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCUMENT = '''\
# a comment with [brackets] and key = "value"
alpha = 1

[first]
beta = "text with # no comment and [no] table"   # comment = here
gamma = """
not_a_key = 1
[not_a_table]
"quoted" \\""" still inside
"""
delta = \'\'\'
also_not = 2 \\\'\'\'
epsilon = [
    1,   # one
    "two, three",
    { zeta = 4, eta = [5, 6] },
]
theta.iota.kappa = 7
"quoted.key" = 8
\'literal "key"\' = 9
"esc\\u0061ped" = 10

[first.sub]
lambda = { mu = 11, "nu xi" = { omicron = 12 } }

[[step]]
pi = 13
[step.options]
rho = 14

[[step]]
sigma = 15
  [[step.inner]]
  tau = 16
  [[step.inner]]
  upsilon = 17

[ "spaced" . table ]
phi = 1979-05-27T07:32:00
chi=""
psi=\'\'
omega = """"two quotes\""""
last = true'''


def line_of(text: str) -> int:
    (found,) = [number for number, line in enumerate(DOCUMENT.splitlines(), 1) if text in line]
    return found


PATHS = [
    (("alpha",), "alpha"),
    (("first",), "[first]"),
    (("first", "beta"), "beta"),
    (("first", "gamma"), "gamma"),
    (("first", "delta"), "delta"),
    (("first", "epsilon"), "epsilon"),
    (("first", "epsilon", 0), "1,   # one"),
    (("first", "epsilon", 1), "two, three"),
    (("first", "epsilon", 2, "zeta"), "zeta"),
    (("first", "epsilon", 2, "eta", 1), "eta = [5"),
    (("first", "theta", "iota", "kappa"), "kappa"),
    (("first", "quoted.key"), "quoted.key"),
    (("first", 'literal "key"'), "literal"),
    (("first", "escaped"), "ped"),
    (("first", "sub", "lambda", "mu"), "mu ="),
    (("first", "sub", "lambda", "nu xi", "omicron"), "omicron"),
    (("step", 0, "pi"), "pi = 13"),
    (("step", 0, "options"), "[step.options]"),
    (("step", 0, "options", "rho"), "rho"),
    (("step", 1, "sigma"), "sigma"),
    (("step", 1, "inner", 0, "tau"), "tau"),
    (("step", 1, "inner", 1, "upsilon"), "upsilon"),
    (("spaced", "table", "phi"), "phi ="),
    (("spaced", "table", "chi"), "chi="),
    (("spaced", "table", "psi"), "psi="),
    (("spaced", "table", "omega"), "omega"),
    (("spaced", "table", "last"), "last"),
]


def paths_of(value, path=()):
    """Every key and index that tomllib found."""
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from paths_of(inner, (*path, key))


@pytest.mark.parametrize(("path", "text"), PATHS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_key_is_found_on_its_line(path, text):
    assert lines(DOCUMENT)[path] == line_of(text)


@pytest.mark.parametrize("document", [DOCUMENT, DOCUMENT.replace("\n", "\r\n")], ids=["unix", "windows"])
def test_exactly_the_keys_that_tomllib_sees_are_found(document):
    assert set(lines(document)) == set(paths_of(tomllib.loads(document)))


def test_windows_line_ends_do_not_change_the_lines():
    assert lines(DOCUMENT.replace("\n", "\r\n")) == lines(DOCUMENT)


def test_a_key_that_is_not_written_is_placed_on_its_table():
    found = lines("a = 1\n[table]\nb = 2\n")
    assert nearest_line(found, ("table", "missing", "deeper")) == 2
    assert nearest_line(found, ("nothing",)) is None


TEXT = st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\x7f")
KEYS = st.text(TEXT, min_size=0, max_size=6)
VALUES = st.recursive(
    st.integers(-5, 5) | st.booleans() | st.text(TEXT, max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def written(value) -> str:
    """TOML's text of a value; its strings are JSON's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)} = {written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {written(inner)}, # ]\n" for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_of_any_written_document_is_found(values):
    text = "".join(f"{written(key)} = {written(value)}\n" for key, value in values.items())
    assert tomllib.loads(text) == values
    assert set(lines(text)) == set(paths_of(values))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="[]{}=\"'\\\n#.,ab1 ", max_size=40))
def test_text_that_is_no_toml_neither_fails_nor_hangs(text):
    assert isinstance(lines(text), dict)
