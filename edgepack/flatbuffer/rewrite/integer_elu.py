"""ELU on integers: what a converter leaves as DEQUANTIZE, ELU and QUANTIZE becomes the one int8 operator that every runtime has.

TensorFlow's quantizer does not know ELU. The int8 kernel looks the same float computation up in a table of its 256 inputs
(tensorflow/lite/kernels/activations.cc, EluPrepare), so the bits are those of the three operators.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from edgepack.flatbuffer.rewrite.objects import schema


def integer_elu(model: Any) -> bool:
    """Make one operator of every such chain of an opened model (`objects.unpack`); whether there was any."""
    kinds = schema().BuiltinOperator
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes or []]
    if kinds.ELU not in codes:
        return False
    changed = False
    for graph in model.subgraphs:
        found = _chains(graph, codes, kinds)
        for before, elu, after in found:
            elu.inputs, elu.outputs = before.inputs, after.outputs
        dropped = {id(one) for before, _, after in found for one in (before, after)}
        graph.operators = [one for one in graph.operators if id(one) not in dropped]
        _drop_tensors(graph, model)
        changed = changed or bool(found)
    return changed


def _chains(graph: Any, codes: list[int], kinds: Any) -> list[tuple[Any, Any, Any]]:
    """DEQUANTIZE from int8, ELU and QUANTIZE to int8 in a row, whose tensors nobody else reads."""
    int8 = schema().TensorType.INT8
    readers = Counter(int(index) for one in graph.operators for index in one.inputs) + Counter(map(int, graph.outputs))
    writer = {int(index): one for one in graph.operators for index in one.outputs}
    found = []
    for after in graph.operators:
        elu = writer.get(int(after.inputs[0])) if codes[after.opcodeIndex] == kinds.QUANTIZE else None
        before = writer.get(int(elu.inputs[0])) if elu is not None and codes[elu.opcodeIndex] == kinds.ELU else None
        if elu is None or before is None or codes[before.opcodeIndex] != kinds.DEQUANTIZE:
            continue
        ends = (graph.tensors[int(before.inputs[0])].type, graph.tensors[int(after.outputs[0])].type)
        if ends == (int8, int8) and readers[int(elu.inputs[0])] == readers[int(after.inputs[0])] == 1:
            found.append((before, elu, after))
    return found


def _drop_tensors(graph: Any, model: Any) -> None:
    """Leave out tensors that no operator names, and number the others anew."""
    named = {int(index) for one in graph.operators for index in (*one.inputs, *one.outputs) if index >= 0}
    named |= {int(index) for index in (*graph.inputs, *graph.outputs)}
    number = {old: new for new, old in enumerate(sorted(named))}
    number[-1] = -1
    graph.tensors = [graph.tensors[old] for old in sorted(named)]
    for one in graph.operators:
        one.inputs, one.outputs = ([number[int(index)] for index in indices] for indices in (one.inputs, one.outputs))
        if one.intermediates is not None:
            one.intermediates = [number.get(int(index), -1) for index in one.intermediates]
    graph.inputs, graph.outputs = ([number[int(index)] for index in indices] for indices in (graph.inputs, graph.outputs))
    for signature in model.signatureDefs or []:
        for entry in (*signature.inputs, *signature.outputs):
            entry.tensorIndex = number.get(entry.tensorIndex, entry.tensorIndex)
