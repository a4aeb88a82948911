"""Options of quantize that say nothing for a scheme are refused."""

from __future__ import annotations

import pytest

from edgepack.compress import check_recipe
from edgepack.ground.errors import ProjectError

from .small import step_tables


@pytest.mark.parametrize("scheme", ["int16x8", "float16", "dynamic"])
def test_int16_layers_are_of_an_int8_file(scheme: str) -> None:
    with pytest.raises(ProjectError, match="int16 is for single layers of an int8 file") as caught:
        check_recipe(step_tables({"step": "quantize", "scheme": scheme, "int16": ["head"]}))
    assert caught.value.code == "EP-405"
