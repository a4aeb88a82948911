"""A model of several subgraphs, for tests that read and mutate files."""

from __future__ import annotations

from tests.flatbuffer.build import G, O, T, build


def control_flow() -> bytes:
    """Three subgraphs, variables, custom and hybrid operators, int4 weights: what the real models lack."""
    called = G([T("x"), T("y")], [O("RELU", (0,), (1,))], (0,), (1,), name="called")
    tensors = [
        T("a"),
        T("b"),
        T("c"),
        T("state", (1, 4), variable=True, scales=[0.5], zero_points=[1]),
        T("w4", (3, 3), "INT4", raw=bytes(5), scales=[0.1, 0.2, 0.3], axis=1),
        T("d"),
        T("e"),
        T("axes", (2,), "INT32", data=[0, 1]),
        T("f"),
    ]
    operators = [
        O("IF", (0, 1), (2,), "IfOptions", {"ThenSubgraphIndex": 1, "ElseSubgraphIndex": 2}),
        O("CALL_ONCE", (), (), "CallOnceOptions", {"InitSubgraphIndex": 2}),
        O("CUSTOM:Mine", (2, 3, 4), (5,), custom=bytes(range(16))),
        O("SVDF", (5, 4, 4, -1, 3), (6,), "SVDFOptions", {"Rank": 1, "FusedActivationFunction": 1}),
        O("MEAN", (6, 7), (8,), "ReducerOptions", {"KeepDims": True}, intermediates=(3,)),
    ]
    signature = ("serving_default", {"a": 0, "b": 1}, {"f": 8}, 0)
    return build(G(tensors, operators, (0, 1), (8,)), called, called, metadata={"m": b"x" * 8}, signature=signature)
