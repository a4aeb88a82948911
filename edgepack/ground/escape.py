"""Text from outside, made harmless for each language that edgepack writes: the one place where it is done.

A model's names, a device's answers, a stored report and a path are data. Wherever one of them enters a text that something
else reads (a compiler, a shell, a browser, a terminal), it goes through the function of that language here. Texts of usual
characters come out as they are.

Generated sources hold printable ASCII only: in a comment any other character becomes its code point, such as <U+00E9>; in a
string it becomes the language's own escape, so that the string's value stays. Markdown, HTML, XML and JSON keep the letters of
all languages, but neither control characters nor those that change the direction of what follows.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any
from xml.sax import saxutils

REPLACEMENT = "\ufffd"
"""Stands where a character was that nothing should obey."""

LONGEST_COMMENT = 1000
"""Characters of one name that a comment shows. Compilers need to take lines of 4,095 characters only (C99 5.2.4.1)."""

# Control characters (ISO 6429: C0, DEL, C1), what changes the direction of writing (Unicode TR9), line and paragraph
# separators, characters that steer the display or carry hidden text, lone surrogates, and what XML 1.0 cannot hold. A tab and
# a line end are text.
_STEERING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f"
)
_HARMFUL = re.compile(f"[{_STEERING}]")
# The same as far as JSON itself leaves them as they are and one \uXXXX can name them.
_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]")

_YAML_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))  # YAML 1.1, types bool and null


def harmless(text: str) -> str:
    """Text without characters that steer what shows it; line ends and tabs stay. For HTML templates, which escape the rest.

    >>> harmless("a\\x1b]0;t\\x07b")
    'a\ufffd]0;t\ufffdb'
    """
    return _HARMFUL.sub(REPLACEMENT, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """`harmless` text without line ends and tabs, for formats that have one entry a line and no escapes."""
    return re.sub(r"[\t\n]", " ", harmless(text))


def c_comment(text: str) -> str:
    """Text for inside a comment of C, C++ or Kotlin, after `/* ` or `// ` and before a blank, a colon or the line's end.

    Trigraphs are replaced and lines spliced before comments are recognised (C99 5.1.1.2, phases 1 to 3): a comment can end
    in characters that do not look like its end. So there is no line end, no backslash and no `??` in the result, and neither
    `*/` nor `/*` (Kotlin's comments nest).

    >>> c_comment("x*\\\\\\n/ int y; ???/")
    'x*<U+005C><U+000A>/ int y; ? ? ?/'
    """
    if len(text) > LONGEST_COMMENT:
        text = f"{text[:LONGEST_COMMENT]} ..."
    plain = re.sub(r"[^ -\[\]-~]", lambda found: f"<U+{ord(found[0]):04X}>", text)
    return re.sub(r"/(?=\*)", "/ ", re.sub(r"\*(?=/)", "* ", re.sub(r"\?(?=\?)", "? ", plain)))


def c_string(text: str) -> str:
    """A C or C++ string literal, with its quotation marks, of the text in UTF-8.

    Octal escapes are three digits long at most, so that no digit behind one becomes part of it, which a hexadecimal escape
    takes (C99 6.4.4.4). A question mark behind another is escaped: two of them begin a trigraph (C99 5.2.1.1).

    >>> c_string('a"\\\\??/')
    '"a\\\\"\\\\\\\\?\\\\?/"'
    """
    parts: list[str] = []
    for byte in text.encode("utf-8", "replace"):
        character = chr(byte)
        if character in '"\\' or (character == "?" and parts and parts[-1].endswith("?")):
            parts.append(f"\\{character}")
        else:
            parts.append(character if " " <= character <= "~" else f"\\{byte:03o}")
    return f'"{"".join(parts)}"'


def kotlin_string(text: str) -> str:
    """A Kotlin string literal, with its quotation marks; a dollar sign would begin a template.

    Other characters than printable ASCII are UTF-16 units, \\uXXXX (Kotlin specification, 1.2 Lexical grammar, EscapeSeq).

    >>> kotlin_string('${a}"')
    '"\\\\${a}\\\\""'
    """
    return f'"{"".join(map(_kotlin_character, text))}"'


def _kotlin_character(character: str) -> str:
    if character in '\\"$':
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def toml_string(text: str) -> str:
    """A basic string of TOML (1.0.0, String), with its quotation marks, in printable ASCII.

    >>> toml_string('a"\\n')
    '"a\\\\"\\\\u000a"'
    """
    return f'"{"".join(map(_toml_character, text))}"'


def _toml_character(character: str) -> str:
    if character in '\\"':
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"  # no scalar value, which TOML refuses
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def yaml_string(text: str) -> str:
    """A double-quoted scalar of YAML (1.2.2, 5.7 Escaped characters), which has all escapes of TOML."""
    return toml_string(text)


def yaml_word(text: str) -> str:
    """A plain scalar of YAML for an identifier; quoted where YAML 1.1, which PyYAML and Zephyr read, takes it for no text.

    >>> yaml_word("kws"), yaml_word("no")
    ('kws', '"no"')
    """
    plain = re.fullmatch(r"[A-Za-z_][\w-]*", text, re.ASCII) and text.lower() not in _YAML_WORDS
    return text if plain else yaml_string(text)


def json_text(value: Any, indent: int | None = None, sort_keys: bool = False, allow_nan: bool = True) -> str:
    """JSON of a value, in which the letters of all languages stay and every control character is an escape.

    RFC 8259 lets DEL, C1 and characters that change the direction stand as they are; a terminal or an editor that shows the
    text would obey them. Every reader gets the same value. TOML reads numbers, texts and lists in it.

    >>> json_text("a\\u202eb\\x9b")
    '"a\\\\u202eb\\\\u009b"'
    """
    text = json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=False, allow_nan=allow_nan)
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # such characters are in strings only


def cmake_string(text: str) -> str:
    """A quoted argument of CMake, with its quotation marks (cmake-language(7), Quoted Argument).

    A dollar sign begins a reference, also in text that is configured later; a semicolon would part a list.

    >>> cmake_string("a;${b}")
    '"a\\\\;\\\\${b}"'
    """
    return '"' + re.sub(r'([\\"$@;])', r"\\\1", _code_points(text)) + '"'


def property_value(text: str) -> str:
    """A value of a .properties file as Arduino and systemd read it: the rest of the line, in printable ASCII.

    Neither knows an escape for a line's end, and a backslash at the end joins the next line (systemd.syntax(7)).
    """
    return _code_points(text).replace("\\", "/").strip()


def _code_points(text: str) -> str:
    return re.sub(r"[^ -~]", lambda found: f"<U+{ord(found[0]):04X}>", text)


def shell_line(words: Iterable[str]) -> str:
    """A command for a POSIX shell, each word quoted where it has to be (POSIX.1-2017 2.2, through `shlex`)."""
    return shlex.join(words)


def xml_text(text: str) -> str:
    """Text for an element or a quoted attribute of XML 1.0 (2.2 Characters, 2.4 Character Data and Markup)."""
    return saxutils.escape(harmless(text), {'"': "&quot;", "'": "&apos;"})


def markdown(text: object) -> str:
    """Text for inside a line or a table's cell of Markdown: no link, image, HTML, code or cell begins in it.

    By CommonMark 0.31 (2.4 Backslash escapes, 6 Inlines) and GitHub's tables and autolinks. Underscores are left alone:
    names hold them, and nothing but emphasis follows.

    >>> markdown("[a](javascript:b) | <i>")
    '\\\\[a\\\\](javascript:b) \\\\| &lt;i>'
    """
    line = one_line(str(text)).replace("\\", "\\\\").replace("`", "'")
    line = re.sub(r"&(?=#?\w+;)", "&amp;", line).replace("<", "&lt;")
    line = re.sub(r"([\[\]|*])", r"\\\1", line)
    return re.sub(r"\b(www)\.", r"\1\\.", re.sub("://", r":\\//", line), flags=re.IGNORECASE)


def markdown_line(text: object) -> str:
    """`markdown` at the beginning of a line, where it must not begin a heading, list, quotation, rule or block of code.

    >>> markdown_line("# a"), markdown_line("1. b")
    ('\\\\# a', '1\\\\. b')
    """
    return re.sub(r"^(\d*)(?=[#>+=~.)-])", r"\1\\", markdown(text).strip())


def markdown_code(text: object) -> str:
    """A code span of Markdown, with its backticks. Nothing is an escape in one, but a table's bar is one everywhere.

    >>> markdown_code("a`|b")
    "`a'\\\\|b`"
    """
    return f"`{one_line(str(text)).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def terminal(text: str) -> str:
    """Text for a terminal, in lines: what is not printable is shown as a replacement, because a terminal obeys it.

    Escape sequences begin with ESC or a C1 control (ECMA-48 5.3); Unicode's format characters reorder or hide what follows.
    """
    return "".join(character if character.isprintable() or character in "\n\t" else REPLACEMENT for character in text)


def terminal_line(text: str) -> str:
    """The same for one line: it has no line end and no tab either."""
    return "".join(character if character.isprintable() else REPLACEMENT for character in text)


def terminal_markup(text: str) -> str:
    """One line where rich reads markup: no style, no link."""
    from rich.markup import escape  # not for the workers and runners, which write files only

    return escape(terminal_line(text))
