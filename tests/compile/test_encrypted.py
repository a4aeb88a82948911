"""Constants stored encrypted: the bits stay, nothing of the weights can be read, and another key stays within its memory."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgepack.coding import CODES, find_code
from edgepack.compile import CCode, compile_model
from edgepack.compile.encrypted import choice
from edgepack.flatbuffer import read_model
from edgepack.mcu.toolchain.decrypting import decrypting
from tests.compile.decryption import TYPE, callback, keystream
from tests.compile.harness import Case, c_text, compare, inputs_for, mismatches
from tests.compile.host import build
from tests.compile.networks import random_network
from tests.compile.on_core import run_on_core
from tests.compile.reference import run_reference
from tests.compile.sanitized import run_sanitized
from tests.compile.structured import KINDS, structured
from tests.compile.test_coded import small_too
from tests.compile.test_operators import ALL

KEY, OTHER = bytes(range(16)), bytes(range(1, 17))
CPUS = ("generic", "cortex-m0plus", "cortex-m4", "cortex-m55")
FLAGS = ("-O1",)
CLEAR = re.compile(r"\w+_WEIGHTS_SECTION EP_CONSTANTS_ALIGNED const (?!uint8_t)\w+ (\w+)\[")


def networks(seeds: range, kind: str | None = None) -> list[Case]:
    return [Case(f"seed {seed}", structured(random_network(seed), seed, kind)) for seed in seeds]


@pytest.mark.parametrize(
    ("coding", "optimize"), [("off", "balanced"), ("auto", "balanced"), ("smallest", "size"), ("smallest", "speed")]
)
def test_encrypted_networks_equal_the_reference(coding: str, optimize: str) -> None:
    assert mismatches(networks(range(500, 503)), *CPUS, optimize=optimize, coding=coding, key=KEY, flags=FLAGS) == []


@pytest.mark.parametrize("code", [code.name for code in CODES])
def test_every_code_is_read_through_its_window(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    small_too(monkeypatch)
    kinds = {"palette": "clustered", "ternary": "ternary", "runs": "sparse", "blocks": "blocks", "pairs": "ternary"}
    cases = networks(range(520, 522), kinds.get(code, "pruned and clustered" if code == "gaps" else "pruned"))
    made = compile_model(read_model(cases[0].model), "m", "cortex-m4", coding=code, key=KEY)
    kernels = {part.kernel for call in made.calls for part in call.parts()}
    assert {find_code(code).kernel, "ep_cipher_window"} <= kernels
    assert mismatches(cases, *CPUS, coding=code, key=KEY) == []


@pytest.mark.parametrize("block", [0, 1, 99])
def test_blocks_of_channels_are_decrypted_one_after_the_other(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """As a whole, in two blocks, and in as many as there can be; coded or as they are."""
    small_too(monkeypatch, block)
    every = choice.ways

    def later(*given: object) -> list[object]:
        found = list(every(*given))  # type: ignore[arg-type]
        return found[min(block, len(found) - 1) :]

    monkeypatch.setattr(choice, "ways", later)
    cases = networks(range(500, 502))
    rounds = [
        len(call.rounds)
        for case in cases
        for call in compile_model(read_model(case.model), "m", "cortex-m4", key=KEY).calls
        if any(part.kernel == "ep_decipher" for part in call.parts())
    ]
    assert max(rounds) > 1 if block else len(rounds) > 10
    for coding in ("off", "smallest"):
        assert mismatches(cases, *CPUS, coding=coding, key=KEY, flags=FLAGS) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ALL))
def test_operators_with_encrypted_constants_equal_the_reference(name: str) -> None:
    """Nothing but the first value of a state stays as it is: of one or several inputs, and inputs that are constants."""
    make, engine = ALL[name]
    cases = [Case(f"{name} seed {seed}", make(np.random.default_rng(seed)), engine) for seed in range(4)]
    assert mismatches(cases, "cortex-m4", key=KEY) == []
    for case in cases:
        code = compile_model(read_model(case.model), "m", "cortex-m4", key=KEY)
        assert all("_state_" in array for array in CLEAR.findall(code.files["m_weights.c"]))


@pytest.mark.slow
def test_no_sanitizer_complains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small_too(monkeypatch)
    models = [structured(random_network(530 + place), place, kind) for place, kind in enumerate(KINDS)]
    named = {f"m{place}_{cpu[-2:]}": (model, cpu) for place, model in enumerate(models) for cpu in CPUS}
    codes = [compile_model(read_model(model), name, cpu, coding="smallest", key=KEY) for name, (model, cpu) in named.items()]
    inputs = [inputs_for(read_model(model), 1, 5) for model in models]
    outputs = [run_reference(model, given, "tflite-ref")[0] for model, given in zip(models, inputs, strict=True)]
    expected = b"".join(array.tobytes() for each in outputs for _ in CPUS for array in each)
    every = [given[0] for given in inputs for _ in CPUS]
    assert run_sanitized(codes, every, tmp_path, KEY) == expected


@pytest.mark.slow
def test_an_emulated_core_decrypts_and_gives_the_same_bits() -> None:
    for seed, coding in ((500, "off"), (501, "smallest")):
        model = structured(random_network(seed), seed)
        code = compile_model(read_model(model), "net", "cortex-m4", coding=coding, key=KEY)
        sets = inputs_for(read_model(model), 2, seed)
        expected = run_reference(model, sets, "tflite-ref")
        found = run_on_core({**code.files, **decrypting("net", KEY)}, "cortex-m4", sets, expected)
        assert [compare(a, b) for a, b in zip(found, expected, strict=True)] == ["", ""]


def compiled(code: CCode, folder: Path) -> bytes:
    """The object files of the model."""
    for name, text in code.files.items():
        (folder / name).write_text(text)
    sources = [folder / f"{code.name}.c", folder / f"{code.name}_weights.c"]
    for source in sources:
        subprocess.run(["gcc", "-std=c99", "-O1", "-c", str(source), "-o", str(source.with_suffix(".o"))], check=True)
    return b"".join(source.with_suffix(".o").read_bytes() for source in sources)


@pytest.mark.parametrize("coding", ["off", "smallest"])
def test_no_sixteen_bytes_of_weights_are_in_the_object_files(tmp_path: Path, coding: str) -> None:
    model = read_model(structured(random_network(501), 501))
    plain = compile_model(model, "m", "cortex-m4", coding=coding)
    hidden = compile_model(model, "m", "cortex-m4", coding=coding, key=KEY)
    arrays = [tensor.data for tensor in model.subgraphs[0].tensors if tensor.data is not None and tensor.data.nbytes >= 16]
    arrays += [array for array in constants(plain) if array.nbytes >= 16]
    windows = {data[at : at + 16] for data in map(bytes_of, arrays) for at in range(len(data) - 15)}
    windows = {window for window in windows if len(set(window)) > 2}  # those that could be anything: paddings, zeros
    assert len(windows) > 5_000
    for code, holds in ((plain, True), (hidden, False)):
        (folder := tmp_path / str(holds)).mkdir()
        objects = compiled(code, folder)
        assert any(objects[at : at + 16] in windows for at in range(len(objects) - 15)) is holds
        assert KEY not in objects and all(KEY.hex() not in text.lower() for text in code.files.values())


def bytes_of(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array).tobytes()


def constants(code: CCode) -> list[np.ndarray]:
    """What NAME_weights.c holds, of the whole types."""
    found = re.findall(r"const (u?int\d+)_t \w+\[\d+\] = \{\n(.*?)\n\};", code.files["m_weights.c"], re.DOTALL)
    return [
        np.array([int(each) for each in re.findall(r"-?\d+", text)]).astype(kind) for kind, text in found if "-1)" not in text
    ]


def test_what_is_stored_decrypts_to_what_would_have_been_stored() -> None:
    """By the package cryptography, at the offsets that the structs tell."""
    model = read_model(random_network(501))
    code = compile_model(model, "m", "generic", key=KEY)
    stored = dict(re.findall(r"uint8_t (m_\w+)\[\d+\] = \{\n(.*?)\n\};", code.files["m_weights.c"], re.DOTALL))
    places = re.findall(r"\.code = (m_\w+),\n\s*\.offset = (\d+),", code.files["m.c"])
    assert len(places) == len(stored) > 2
    plain = b"".join(
        keystream(KEY, code.nonce, int(offset), bytes(map(int, re.findall(r"\d+", stored[name])))) for name, offset in places
    )
    largest = max((tensor.data for tensor in model.subgraphs[0].tensors if tensor.data is not None), key=lambda data: data.nbytes)
    row = bytes_of(largest.reshape(largest.shape[0], -1)[0])
    assert row in plain and code.encrypted >= len(plain) > largest.nbytes


def test_the_same_gives_the_same_and_another_model_or_key_another_nonce() -> None:
    first, second = (read_model(random_network(seed)) for seed in (500, 501))
    codes = [compile_model(first, "m", "cortex-m4", key=KEY) for _ in range(2)]
    assert codes[0].files == codes[1].files
    others = [compile_model(second, "m", "cortex-m4", key=KEY), compile_model(first, "m", "cortex-m4", key=OTHER)]
    changed = bytearray(random_network(500))
    at = max(changed.find(bytes_of(t.data)) for t in first.subgraphs[0].tensors if t.data is not None and t.data.size > 64)
    changed[at] ^= 1
    others.append(compile_model(read_model(bytes(changed)), "m", "cortex-m4", key=KEY))
    assert len({code.nonce for code in (codes[0], *others)}) == 4


def test_a_callback_that_fails_or_has_another_key_ends_the_run_with_minus_two_and_none_with_minus_one() -> None:
    model = read_model(random_network(500))
    code = compile_model(model, "m", key=KEY)
    host = build([code], key=KEY)[0]
    given = inputs_for(model, 1, 1)[0]
    host.run(given)
    right, calls = callback(KEY, code.nonce)[0], []

    def later(*given: int) -> int:
        calls.append(given)
        return 7 if len(calls) > 2 else right(*given)  # type: ignore[operator]

    other = callback(OTHER, code.nonce)
    for decrypt, status in (((TYPE(lambda *_: 7), None), -2), ((TYPE(later), None), -2), (other, -2), ((None, None), -1)):
        host._decrypt = decrypt
        with pytest.raises(AssertionError, match=f"status {status}$"):
            host.run(given)


def test_the_arena_grows_by_little_or_by_four_filters() -> None:
    for seed in range(500, 506):
        model = read_model(random_network(seed))
        plain, hidden = (compile_model(model, "m", "cortex-m4", key=key) for key in (None, KEY))
        weights = [tensor for tensor in model.subgraphs[0].tensors if tensor.data is not None and tensor.data.ndim > 1]
        filters = 4 * max(tensor.data.size // tensor.shape[0] for tensor in weights)
        assert hidden.arena_size - plain.arena_size <= max(2048, filters) + 1280


def test_without_a_key_nothing_changes() -> None:
    model = read_model(random_network(500))
    text = c_text(compile_model(model, "m", "cortex-m4"))
    assert "decrypt" not in text and "NONCE" not in text
