"""Each language's escape, checked by that language's own reader with names that act on it."""

from __future__ import annotations

import doctest
import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from markdown_it import MarkdownIt

from edgepack.ground import escape
from tests.hostile import HOSTILE, harmful, printable_ascii, seen_by_compiler

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

every_name = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)


def test_the_examples_hold() -> None:
    assert doctest.testmod(escape).failed == 0


@pytest.mark.parametrize(
    "name", ["", "serving_default_image:0", "model/conv2d_1/Relu;model/bn/FusedBatchNormV3", "a b.c-d_e (f)"]
)
def test_usual_names_stay_as_they_are(name: str) -> None:
    for function in (
        escape.harmless,
        escape.one_line,
        escape.c_comment,
        escape.property_value,
        escape.xml_text,
        escape.markdown,
        escape.markdown_line,
        escape.terminal,
        escape.terminal_line,
        escape.terminal_markup,
    ):
        assert function(name) == name, function.__name__
    quoted = (escape.c_string, escape.kotlin_string, escape.toml_string, escape.yaml_string, escape.json_text)
    assert {function(name) for function in quoted} == {f'"{name}"'}
    assert escape.markdown_code(name) == f"`{name}`"


def _random_names() -> list[str]:
    """What comments and lines end by, in every order."""
    generator = random.Random(3)
    return ["".join(generator.choices("*/\\?\n\r a#\"'\u00e9", k=generator.randint(1, 12))) for _ in range(5000)]


def test_no_name_ends_a_comment() -> None:
    for name in [*HOSTILE.values(), *_random_names()]:
        text = escape.c_comment(name)
        assert printable_ascii(text) and "\n" not in text and "\\" not in text
        for trigraphs in (False, True):
            assert seen_by_compiler(f"int a; /* {text} */ int b;\n// {text}\nint c;", trigraphs) == "int a; int b;\nint c;", name


def test_a_comment_is_no_longer_than_a_compilers_line() -> None:
    assert len(escape.c_comment("\u00e9" * 10_000)) < 10 * escape.LONGEST_COMMENT
    assert escape.c_comment("z" * 1000) == "z" * 1000


@pytest.mark.parametrize("flag", ["-trigraphs", "-std=gnu99", "-std=c99"])
def test_a_c_string_is_the_same_bytes_to_a_compiler(flag: str, tmp_path: Path) -> None:
    names = [*HOSTILE.values(), *_random_names()[:300], "\x01" + "23", "??" * 5]
    rows = "".join(f"    {{{escape.c_string(name)}, sizeof {escape.c_string(name)} - 1}},\n" for name in names)
    (tmp_path / "a.c").write_text(
        "#include <stdio.h>\nstatic const struct { const char *text; unsigned long size; } rows[] = {\n"
        f"{rows}}};\nint main(void) {{\n    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {{\n"
        "        fwrite(rows[i].text, 1, rows[i].size, stdout);\n    }\n    return 0;\n}\n",
        encoding="ascii",
    )
    warnings = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", flag, *warnings, str(tmp_path / "a.c"), "-o", str(tmp_path / "a")], check=True)
    assert subprocess.run([str(tmp_path / "a")], capture_output=True).stdout == "".join(names).encode()


@every_name
def test_a_kotlin_string_is_the_name_and_no_template(name: str) -> None:
    literal = escape.kotlin_string(name)
    assert printable_ascii(literal)
    assert re.fullmatch(r'"(?:[^"\\$\n]|\\["\\$]|\\u[0-9a-f]{4})*"', literal)
    units = re.sub(
        r"\\(u[0-9a-f]{4}|.)", lambda found: chr(int(found[1][1:], 16)) if len(found[1]) > 1 else found[1], literal[1:-1]
    )
    assert units.encode("utf-16", "surrogatepass").decode("utf-16") == name


@every_name
def test_toml_yaml_and_json_read_the_name(name: str) -> None:
    assert tomllib.loads(f"a = {escape.toml_string(name)}\nb = 1")["a"] == name
    assert tomllib.loads(f"a = {escape.json_text([name])}")["a"] == [name]
    assert yaml.safe_load(f"a: {escape.yaml_string(name)}\nb: 1") == {"a": name, "b": 1}
    text = escape.json_text({name: name}, indent=2)
    assert json.loads(text) == {name: name} and not set(harmful(text)) - {"\U000e0041"}
    assert printable_ascii(escape.toml_string(name))


@pytest.mark.parametrize("word", ["kws", "no", "On", "NULL", "true", "a-b", "1e3", "~", "", "a: b", "a#"])
def test_a_word_of_yaml_is_text(word: str) -> None:
    assert yaml.safe_load(f"{escape.yaml_word(word)}: {escape.yaml_word(word)}") == {word: word}


def test_json_is_that_of_the_standard_library_for_letters() -> None:
    value = {"b": ["caf\u00e9 \U0001f600\n", 1.5, None], "a": {}}
    assert escape.json_text(value, 2, True) == json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_cmake_reads_one_argument(tmp_path: Path) -> None:
    names = [name for name in HOSTILE.values() if len(name) < 200]
    lines = [f'set(x {escape.cmake_string(name)})\nfile(APPEND out "${{x}}\\n")\n' for name in names]
    (tmp_path / "a.cmake").write_text("set(pwned wrong)\n" + "".join(lines), encoding="ascii")
    subprocess.run(["cmake", "-P", "a.cmake"], cwd=tmp_path, check=True)
    shown = [re.sub(r"[^ -~]", lambda found: f"<U+{ord(found[0]):04X}>", name) for name in names]
    # A list's separator stays escaped inside a variable, which is how one element with a semicolon is written.
    assert (tmp_path / "out").read_text().replace("\\;", ";").splitlines() == shown


@every_name
def test_a_property_is_one_line(name: str) -> None:
    value = escape.property_value(name)
    assert printable_ascii(value) and not re.search(r"[\n\t\\]", value)


def test_a_shell_runs_nothing_but_the_command(tmp_path: Path) -> None:
    names = [name for name in HOSTILE.values() if "\0" not in name]
    line = escape.shell_line(["printf", "%s\\n", *names])
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, cwd=tmp_path)
    assert done.stdout.decode() == "".join(f"{name}\n" for name in names) and not list(tmp_path.iterdir())


@every_name
def test_xml_holds_the_name_as_text_and_attribute(name: str) -> None:
    text = escape.xml_text(name)
    element = ET.fromstring(f'<a b="{text}">{text}</a>')
    assert not list(element) and element.text is not None
    assert element.text == escape.harmless(name) and not harmful(element.text)


@every_name
def test_markdown_makes_nothing_of_a_name(name: str) -> None:
    reader = MarkdownIt("commonmark").enable("table")
    document = (
        f"{escape.markdown_line(name)}\n\n- {escape.markdown_line(name)}\n\n| | b |\n|---|---|\n"
        f"| {escape.markdown(name)} | {escape.markdown_code(name)} |\n\n[a]\n"
    )
    tokens = [token for outer in reader.parse(document) for token in (outer, *(outer.children or ()))]
    kinds = {token.type for token in tokens}
    assert not kinds & {
        "link_open",
        "image",
        "html_inline",
        "html_block",
        "heading_open",
        "code_block",
        "fence",
        "hr",
        "softbreak",
    }
    assert sum(token.type == "list_item_open" for token in tokens) == 1
    assert sum(token.type == "td_open" for token in tokens) == 2
    assert [token.type for token in tokens].count("code_inline") == 1
    said = escape.one_line(name).replace("`", "'")
    shown = ["".join(child.content for child in token.children or ()) for token in tokens if token.type == "inline"]
    assert shown == [said.strip(), said.strip(), "", "b", said.strip(), said.strip(), "[a]"]
    assert not harmful(document)


@pytest.mark.parametrize("line", ["# a", "- a", "+ a", "* a", "1. a", "23) a", "> a", "---", "===", "~~~", "    a", "\ta"])
def test_a_line_of_markdown_stays_a_line_of_text(line: str) -> None:
    tokens = MarkdownIt("commonmark").parse(f"a\n{escape.markdown_line(line)}\n\n{escape.markdown_line(line)}\n")
    assert {token.type for token in tokens} == {"paragraph_open", "inline", "paragraph_close"}
    assert tokens[-2].content and "".join(child.content for child in tokens[-2].children or ()) == line.strip()


@every_name
def test_a_terminal_obeys_nothing(name: str) -> None:
    line, lines = escape.terminal_line(name), escape.terminal(name)
    assert line.isprintable() and len(line) == len(name)
    assert not harmful(lines) and lines.count("\n") == name.count("\n")


@every_name
def test_rich_reads_no_markup(name: str) -> None:
    from rich.text import Text

    read = Text.from_markup(f"[dim]{escape.terminal_markup(name)}[/] end")
    assert read.plain == f"{escape.terminal_line(name)} end" and [str(span.style) for span in read.spans] == ["dim"]
