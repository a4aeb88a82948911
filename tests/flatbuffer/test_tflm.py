"""The list of TFLite Micro's operators, asked of the installed interpreter."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest

from edgepack.flatbuffer.schema import enumeration
from edgepack.flatbuffer.tflm import BUILTIN, CUSTOM, resolver_method
from tests.flatbuffer.build import G, O, T, build

# Each model in a process of its own: an operator that finds a kernel may abort on the tensors it is given.
ASK = """
import base64, json, os, sys
from tflite_micro.python.tflite_micro import runtime
answers = {}
for name, model in json.load(sys.stdin).items():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        try:
            runtime.Interpreter.from_bytes(base64.b64decode(model))
        except BaseException:
            pass
        os._exit(0)
    os.close(writing)
    text = b""
    while block := os.read(reading, 65536):
        text += block
    os.close(reading)
    os.waitpid(child, 0)
    answers[name] = b"Didn't find op" not in text and b"Failed to get registration" not in text
print(json.dumps(answers))
"""


def test_the_list_is_what_the_installed_interpreter_registers() -> None:
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")
    names = [name for name in enumeration("BuiltinOperator").values() if name != "CUSTOM"]
    names += [f"CUSTOM:{name}" for name in (*CUSTOM, "NoSuchOperator", "FlexConcatV2")]
    tensors = [T("x", (1, 2)), T("y", (1, 2))]
    models = {name: base64.b64encode(build(G(tensors, [O(name, (0,), (1,))], (0,), (1,)))).decode() for name in names}
    run = subprocess.run([sys.executable, "-c", ASK], input=json.dumps(models), capture_output=True, text=True, check=True)
    answers = json.loads(run.stdout.splitlines()[-1])
    registered = {name for name, found in answers.items() if found}
    assert {name for name in registered if not name.startswith("CUSTOM:")} == BUILTIN
    assert {name.removeprefix("CUSTOM:") for name in registered if name.startswith("CUSTOM:")} == CUSTOM


def test_every_method_is_an_identifier() -> None:
    methods = [resolver_method(name) for name in (*BUILTIN, *CUSTOM)]
    assert len(set(methods)) == len(methods)
    assert all(method.isidentifier() and method.startswith("Add") for method in methods)
