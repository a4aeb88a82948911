"""Training may multiply in bfloat16, where the processor has it; elsewhere it says that it did not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgepack.compress.technique import FineTuning
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import choose_loss
from edgepack.compress.training.precision import has_bfloat16, multiplying
from edgepack.compress.work import Work
from edgepack.ground.progress import SilentProgress

from .small import digits, digits_net

_OPTION = "auto_mixed_precision_onednn_bfloat16"


@pytest.mark.parametrize(
    ("cpuinfo", "has"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse2 avx512f avx512_bf16 amx_tile\n", True),
        ("processor\t: 0\nflags\t\t: fpu sse2 avx2\nbugs\t\t: bf16\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd sve bf16 i8mm\n", True),
        ("Features\t: half thumb fastmult vfp edsp neon vfpv3\n", False),
    ],
)
def test_the_processor_tells_whether_it_has_bfloat16(tmp_path: Path, cpuinfo: str, has: bool) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert has_bfloat16(tmp_path / "cpuinfo") is has
    assert not has_bfloat16(tmp_path / "missing")


def test_the_setting_ends_with_its_block() -> None:
    import tensorflow as tf

    options = tf.config.optimizer.get_experimental_options
    with pytest.raises(ZeroDivisionError), multiplying("bfloat16"):
        assert options()[_OPTION]
        raise ZeroDivisionError
    assert not options()[_OPTION]
    with multiplying("float32"):
        assert not options()[_OPTION]


def test_a_network_is_trained_in_bfloat16_or_says_that_it_was_not() -> None:
    trained, notes = [], []
    for precision in ("float32", "bfloat16"):
        model, data = digits_net(), digits()
        with SilentProgress().stage("") as task:
            work = Work(data, task)
            tuning = FineTuning(epochs=2, learning_rate=0.01, precision=precision)  # type: ignore[arg-type]
            result = fit(model, work, tuning, choose_loss(model, data, "auto"))
        assert result.accuracy is not None and result.accuracy > 0.6
        trained.append(model.get_layer("head").get_weights()[0])
        notes.append(work.notes)
    assert notes[0] == []
    assert notes[1] == ([] if has_bfloat16() else ["multiplied in float32: this processor has no bfloat16"])
    assert np.array_equal(*trained) is not has_bfloat16()
    assert trained[1].dtype == np.float32
