"""Names that act on what reads them, and what a compiler sees of a text before it looks for comments."""

from __future__ import annotations

import re

HOSTILE = {
    "spliced end": "x*\\\n/ int pwned; /*",
    "trigraph splice": "x*??/\n/ int pwned; /*",
    "trigraph line": "a??/\nb",
    "include": '*/ #include "/etc/passwd"',
    "include in a line": '*/\n#include "/etc/passwd"\n/*',
    "many marks": "a???/???/*/**//\\",
    "quotes": '"; rm -rf ~; "\'',
    "command": "$(touch pwned)",
    "backticks": "`touch pwned`",
    "separator": "${IFS};touch${IFS}pwned",
    "title": "\x1b]0;t\x07\x1b[2J",
    "C1": "\x9b2J\x9d0;t\x9c",
    "direction": "\u202egnp.\u2066a\u200f",
    "script": "<script>alert(1)</script>",
    "link": "[a](javascript:alert(1))",
    "image": "![a](http://evil.example/x.png) www.evil.example <http://evil.example>",
    "reference": "[a]: javascript:alert(1)",
    "escaped link": "\\[a\\](javascript:alert(1))",
    "entity": "&lt;b&gt;&#x5b;",
    "cell": "a|b\\|c",
    "heading": "# pwned",
    "format": "%s%n%h",
    "template": "${pwned}$pwned @pwned@",
    "line separator": "a\u2028b\u2029c\x85d",
    "NUL": "a\0b\nc\r\nd\te",
    "markup": "[bold red]a[/] [link=javascript:alert(1)]b[/link]",
    "letters": "caf\u00e9 \u4e2d\u6587 \U0001f600",
    "tags": "a\U000e0041\ufeffb\u2060",
    "long": "z" * 10_000,
}
"""What the name is hostile to -> the name."""

_TRIGRAPHS = dict(zip("=/'()!<>-", "#\\^[]|{}~", strict=True))


def seen_by_compiler(text: str, trigraphs: bool) -> str:
    """C without its comments: the first three translation phases of C99 (5.1.1.2), with runs of blanks made one."""
    if trigraphs:
        text = re.sub(r"\?\?([=/'()!<>-])", lambda found: _TRIGRAPHS[found[1]], text)
    text = re.sub(r"\\[ \t]*\n", "", text)  # gcc also splices where blanks follow
    kept = re.sub(
        r"/\*.*?(\*/|\Z)|//[^\n]*|(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')",
        lambda found: found[2] or " ",
        text,
        flags=re.DOTALL,
    )
    return "\n".join(" ".join(line.split()) for line in kept.splitlines() if line.strip())


def printable_ascii(text: str) -> bool:
    """Whether a text holds printable ASCII, line ends and tabs only."""
    return re.fullmatch(r"[\n\t -~]*", text) is not None


def harmful(text: str) -> list[str]:
    """The characters of a text that steer what shows it, by their general category and the bidirectional algorithm's list."""
    return re.findall(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]", text
    )
