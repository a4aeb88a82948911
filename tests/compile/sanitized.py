"""A program of many compiled models for the sanitizers, every buffer allocated at its exact size."""

from __future__ import annotations

from edgepack.compile import CCode

FLAGS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-std=c99"]


def program(codes: list[CCode]) -> str:
    """The C of a main function: read each model's inputs from stdin, run it, write its outputs to stdout."""
    lines = ["#include <stdio.h>", "#include <stdlib.h>"]
    lines += [f'#include "{code.name}.c"\n#include "{code.name}_weights.c"' for code in codes]
    lines.append("int main(void)\n{\n    int bad = 0;")
    for code in codes:
        values = [code.graph.values[value] for value in (*code.graph.inputs, *code.graph.outputs)]
        count = len(code.graph.inputs)
        lines.append("    {\n        void *arena = NULL;")
        lines += [f"        char *b{i} = malloc({value.bytes});" for i, value in enumerate(values)]
        lines.append(f"        bad |= posix_memalign(&arena, 16, {code.arena_size});")
        lines += [f"        bad |= fread(b{i}, 1, {values[i].bytes}, stdin) != {values[i].bytes};" for i in range(count)]
        arguments = ", ".join(f"(void *)b{i}" for i in range(len(values)))
        if code.state_size:
            lines.append(f"        {code.name}_reset(arena);")
        lines.append(f"        bad |= {code.name}_run({arguments}, arena);")
        lines += [f"        fwrite(b{i}, 1, {values[i].bytes}, stdout);" for i in range(count, len(values))]
        lines += [f"        free(b{i});" for i in range(len(values))]
        lines.append("        free(arena);\n    }")
    lines.append("    return bad;\n}")
    return "\n".join(lines)
