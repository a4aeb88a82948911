"""Errors stay what they are on their way from one process to another."""

from __future__ import annotations

import pickle

from edgepack.compile.operators.site import OperatorError
from edgepack.compress.option_errors import bad_value
from edgepack.compress.steps.prune import Prune
from edgepack.ground.errors import ToolError


def test_an_error_can_be_sent_to_another_process() -> None:
    plain = ToolError("EP-699", "no such tool", "install it")
    operator = OperatorError("EP-703", "CONV_2D", "another", frozenset({"int8"}))
    for error in (plain, operator, bad_value(Prune, "sparsity", "2 is too much", "give less")):
        received = pickle.loads(pickle.dumps(error))
        assert type(received) is type(error) and str(received) == str(error)
        assert vars(received) == vars(error) and received.exit_code == error.exit_code
