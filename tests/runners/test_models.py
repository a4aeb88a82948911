"""Models on the host: worker processes, the reference's exact outputs, and what is said when a model cannot run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.errors import DataError, ModelError, ToolError
from edgepack.runners import RUNNER, describe_model, models, run_model, run_reference
from tests.workers.processes import stopped


def _kws(shared_models: Path) -> Path:
    return shared_models / "kws_ref_model.tflite"


def _inputs(count: int) -> np.ndarray:
    return np.random.default_rng(7).integers(-128, 128, (count, 49, 10, 1)).astype(np.int8)


def _direct_reference(model: Path, inputs: np.ndarray) -> np.ndarray:
    """The reference kernels called without any of edgepack's code, in a process of their own."""
    program = (
        "import sys, numpy as np\n"
        "from tflite_runtime.interpreter import Interpreter, OpResolverType\n"
        "i = Interpreter(model_path=sys.argv[1], experimental_op_resolver_type=OpResolverType.BUILTIN_REF)\n"
        "i.allocate_tensors()\n"
        "x = np.load(sys.argv[2]); out = []\n"
        "for row in x:\n"
        "    i.set_tensor(i.get_input_details()[0]['index'], row[None]); i.invoke()\n"
        "    out.append(i.get_tensor(i.get_output_details()[0]['index'])[0])\n"
        "np.save(sys.argv[3], np.array(out))\n"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", inputs)
        files = [str(Path(folder) / "x.npy"), str(Path(folder) / "y.npy")]
        subprocess.run([sys.executable, "-c", program, str(model), *files], check=True, stderr=subprocess.DEVNULL)
        return np.load(files[1])


def test_reference_outputs_are_those_of_the_reference_kernels_in_order(shared_models: Path) -> None:
    inputs = _inputs(70)  # more than one worker process
    assert np.array_equal(run_reference(_kws(shared_models), [inputs])[0], _direct_reference(_kws(shared_models), inputs))


def test_reference_works_after_tensorflow_style_imports_of_another_runtime(shared_models: Path) -> None:
    import ai_edge_litert.interpreter  # noqa: F401 (the two runtimes must not meet in one process)

    assert run_reference(_kws(shared_models), [_inputs(1)])[0].shape == (1, 12)


def test_optimised_kernels_stay_near_the_reference(shared_models: Path) -> None:
    inputs = _inputs(40)
    reference = run_reference(_kws(shared_models), [inputs])[0].astype(int)
    for engine in ("litert", "litert-builtin", "tflite"):
        outputs = run_model(_kws(shared_models), [inputs], engine)[0].astype(int)
        # XNNPACK was measured to differ by 22 of 255 steps on single inputs of this model, and on most inputs not at all.
        assert np.abs(outputs - reference).max() <= 40, engine
        assert np.median(np.abs(outputs - reference).max(axis=1)) <= 1, engine


def test_a_single_sample_and_no_sample(shared_models: Path) -> None:
    assert run_model(_kws(shared_models), [_inputs(1)])[0].shape == (1, 12)
    assert run_model(_kws(shared_models), [_inputs(0)])[0].shape == (0, 12)


def test_description_is_that_of_the_model(shared_models: Path) -> None:
    described = describe_model(_kws(shared_models))
    assert described["inputs"][0]["shape"] == [1, 49, 10, 1]
    assert described["outputs"][0] | {"name": ""} == {
        "name": "", "shape": [1, 12], "dtype": "int8", "scales": [0.00390625], "zero_points": [-128],
    }  # fmt: skip


def test_wrong_type_and_wrong_shape_are_data_errors(shared_models: Path) -> None:
    for inputs in ([_inputs(2).astype(np.float32)], [_inputs(2)[:, :48]], [_inputs(2), _inputs(2)], [_inputs(2), _inputs(3)]):
        with pytest.raises(DataError) as caught:
            run_model(_kws(shared_models), inputs)
        assert caught.value.code == "EP-380"


def test_broken_model_file_is_a_model_error(shared_models: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(_kws(shared_models).read_bytes()[:1000])
    for model in (broken, tmp_path / "absent.tflite"):
        with pytest.raises(ModelError) as caught:
            run_model(model, [_inputs(1)])
        assert model.name in str(caught.value)
        assert caught.value.code in ("EP-280", "EP-281")


def test_a_crashing_runtime_is_named_with_its_signal(
    shared_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = tmp_path / "run.py"
    runner.write_text("import os, sys\nprint('Check failed: tensor is small', file=sys.stderr, flush=True)\nos.abort()\n")
    monkeypatch.setattr(models, "RUNNER", runner)
    with pytest.raises(ModelError) as caught:
        run_model(_kws(shared_models), [_inputs(1)])
    assert caught.value.code == "EP-281"
    assert "SIGABRT" in str(caught.value) and "Check failed: tensor is small" in str(caught.value)


def test_a_runtime_that_hangs_is_stopped(shared_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = tmp_path / "run.py"
    pid_file = tmp_path / "pid"
    runner.write_text(f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n")
    monkeypatch.setattr(models, "RUNNER", runner)

    def describe(seconds: float) -> ModelError:
        with pytest.raises(ModelError) as caught:
            describe_model(_kws(shared_models), timeout=seconds)
        return caught.value

    assert stopped(describe, pid_file).code == "EP-282"
    assert not Path(f"/proc/{pid_file.read_text()}").exists()


def test_a_result_cut_short_is_not_a_result(shared_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = tmp_path / "run.py"
    runner.write_text("print('EDGEPACK-RESULT')\nprint('{\"inputs\": []}')\n")
    monkeypatch.setattr(models, "RUNNER", runner)
    with pytest.raises(ModelError) as caught:
        describe_model(_kws(shared_models))
    assert caught.value.code == "EP-281"


def test_a_missing_runtime_says_how_to_install_it(shared_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = tmp_path / "run.py"
    runner.write_text(RUNNER.read_text().replace("ai_edge_litert", "ai_edge_litert_that_is_absent"))
    monkeypatch.setattr(models, "RUNNER", runner)
    with pytest.raises(ToolError) as caught:
        describe_model(_kws(shared_models))
    assert caught.value.code == "EP-680" and "pip install" in caught.value.hint
