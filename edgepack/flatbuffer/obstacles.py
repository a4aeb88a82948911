"""What kind of file a .tflite is that is no integer model, and what to give in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edgepack.flatbuffer.conversion import optimization_modes
from edgepack.flatbuffer.decode import OPERATOR as DECODE
from edgepack.flatbuffer.model import Model, Operator, Subgraph
from edgepack.flatbuffer.names import operator_layer, result_names
from edgepack.flatbuffer.tensors import shorten
from edgepack.flatbuffer.traits import traits_of
from edgepack.ground.errors import ModelError

MOST_NAMED = 6


@dataclass(frozen=True)
class Obstacle:
    """What a file is, as the end of a sentence on the model, and what to do."""

    what: str
    instead: str
    whole: bool = True
    """Whether it is so of the model, rather than of some of its layers."""


_COMPILERS: tuple[tuple[str, str, str, str], ...] = (
    (r"ethos-u", "Vela", "Arm's Ethos-U", "Vela"),
    (r"edgetpu-custom-op", "edgetpu_compiler", "Google's Edge TPU", "edgetpu_compiler"),
    (r"neutron.*", "NXP's Neutron converter", "NXP's eIQ Neutron", "the Neutron converter"),
    (r"vsi[-_]npu", "VeriSilicon's TIM-VX", "VeriSilicon's NPU", "TIM-VX"),
    (r"(tflite_?)?hexagon.*", "Qualcomm's Hexagon delegate", "Qualcomm's Hexagon", "the Hexagon delegate"),
    (r"qnn.*|snpe.*", "Qualcomm's AI Engine", "Qualcomm's NPU", "Qualcomm's tools"),
    (r"dispatch_op", "LiteRT's ahead-of-time compiler", "a phone's NPU", "that compiler"),
    (r"(mtk|neuron|mdla|mvpu).*", "MediaTek's NeuroPilot", "MediaTek's NPU", "NeuroPilot"),
    (r"tidl.*", "TI's TIDL", "TI's accelerator", "TIDL"),
    (r"(enn|exynos|samsung).*", "Samsung's ENN", "Samsung's NPU", "ENN"),
    (r"hailo.*", "Hailo's compiler", "Hailo's accelerator", "Hailo's compiler"),
    (r"akida.*", "BrainChip's MetaTF", "BrainChip's Akida", "MetaTF"),
)
"""Custom operators that are programs of an accelerator: their name, who writes them, what runs them, and what writes the file."""

_CUSTOM_HINTS: tuple[tuple[str, str], ...] = (
    (
        r"TFLite_Detection_PostProcess",
        'End the model before it and decode boxes and scores in your own code, or deploy it with runtime = "tflm", which has a '
        "kernel.",
    ),
    (
        r"Signal.*|CIRCULAR_BUFFER",
        'Deploy it with runtime = "tflm", which has a kernel, or compute this step before the model.',
    ),
    (
        r"AudioMicrofrontend|AudioSpectrogram|Mfcc",
        "Compute the audio features before the model and give them as its input.",
    ),
    (
        r"FlexErf\w*",
        "It is TensorFlow's operator, not TFLite's: use tf.nn.gelu(x, approximate=True), and convert without SELECT_TF_OPS.",
    ),
    (r"Flex.*", "It is TensorFlow's operator, not TFLite's: build the layer of others, and convert without SELECT_TF_OPS."),
    (DECODE, "Give the .tflite from before its weights were coded."),
    (r"NumericVerify", "It belongs to the quantization debugger: convert the model without it."),
)
CUSTOM_HINT = "Replace the custom operator by built-in layers."


def compiled_for(custom_code: str) -> Obstacle | None:
    """What a custom operator says of the file when it is a program of an accelerator; None of any other.

    >>> compiled_for("ethos-u").instead
    'Give the .tflite from before Vela.'
    """
    for pattern, compiler, runs, before in _COMPILERS:
        if re.fullmatch(pattern, custom_code, re.IGNORECASE):
            what = f"was compiled by {compiler}: its operator {shorten(custom_code)!r} is a program for {runs}"
            return Obstacle(what, f"Give the .tflite from before {before}.")
    return None


def custom_hint(custom_code: str) -> str:
    """What to do about a custom operator."""
    return next((hint for pattern, hint in _CUSTOM_HINTS if re.fullmatch(pattern, custom_code)), CUSTOM_HINT)


def refuse_compiled(model: Model) -> None:
    """Raise ModelError EP-211 for a file that a compiler of some accelerator wrote: only that can run it."""
    found = _compiled(model)
    if found is not None:
        raise ModelError("EP-211", f"this .tflite {found.what}", found.instead)


def obstacle(model: Model) -> Obstacle | None:
    """Why this file is no integer model, in the words of how it was made; None when nothing of the kind is found."""
    return _compiled(model) or _custom(model) or _float(model)


def _compiled(model: Model) -> Obstacle | None:
    return next(filter(None, (compiled_for(operator.custom_code) for _, operator in _customs(model))), None)


def _custom(model: Model) -> Obstacle | None:
    """The first custom operator, but for what the compiler decodes."""
    for graph, operator in _customs(model):
        if operator.custom_code == DECODE:
            continue
        name, layer = shorten(operator.custom_code), shorten(operator_layer(graph, operator, result_names(model)))
        return Obstacle(f"has the custom operator {name!r} in layer '{layer}'", custom_hint(operator.custom_code))
    return None


def _customs(model: Model) -> Iterator[tuple[Subgraph, Operator]]:
    return ((graph, operator) for graph in model.subgraphs for operator in graph.operators if operator.name == "CUSTOM")


def uint8_model(model: Model) -> Obstacle | None:
    """What the file is if it computes in uint8 (which beside int8 is an edge), and what to do where that cannot run."""
    computes = not _computes_in_integers(model) and any(
        not traits_of(operator.name).keeps_values and graph.tensors[index].dtype == "uint8"
        for graph in model.subgraphs
        for operator in graph.operators
        for index in operator.outputs
    )
    if not computes:
        return None
    return Obstacle(
        "computes in uint8, as TensorFlow 1 wrote it",
        "Convert the Keras model again, or its SavedModel, with TensorFlow 2's converter, a representative_dataset and "
        "TFLITE_BUILTINS_INT8. Phones and Raspberry Pis run the file as it is.",
    )


def _float(model: Model) -> Obstacle | None:
    """Models that compute in float, wholly or in part, by what their weights are and what the converter was asked for."""
    again = "Quantize it fully: convert it again with a representative_dataset and supported_ops = [TFLITE_BUILTINS_INT8]"
    layers = _float_layers(model)
    if not layers:
        return None
    asked = optimization_modes(model)
    hybrid = any(weights == "int8" and _computes_in_float(graph, operator) for graph, operator, weights in _weighted(model))
    if hybrid or asked == {"dynamic range"}:
        return Obstacle(
            f"has dynamic-range quantization, which leaves activations in float: {_listed(layers)}",
            f"{again}; phones and Raspberry Pis run the file as it is.",
        )
    if "float16" in asked or any(
        tensor.dtype == "float16" and tensor.data is not None for graph in model.subgraphs for tensor in graph.tensors
    ):
        return Obstacle(f"has float16 weights and computes in float: {_listed(layers)}", f"{again}, without float16.")
    if _computes_in_integers(model):
        return Obstacle(
            f"has these layers in float: {_listed(layers)}", "Build them of layers that have an integer kernel.", whole=False
        )
    return Obstacle(f"computes in float: {_listed(layers)}", f"{again}.")


def _computes_in_integers(model: Model) -> bool:
    """Whether any computed tensor is quantized: the rest of the model was not left in float by intent."""
    return any(
        graph.tensors[index].dtype in ("int8", "int16")
        for graph in model.subgraphs
        for operator in graph.operators
        for index in (*operator.inputs, *operator.outputs)
        if index >= 0 and graph.tensors[index].data is None
    )


def _weighted(model: Model) -> Iterator[tuple[Subgraph, Operator, str]]:
    """Operators with a constant tensor of weights, and its type."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            place = traits_of(operator.name).weights
            if 0 <= place < len(operator.inputs) and operator.inputs[place] >= 0:
                weights = graph.tensors[operator.inputs[place]]
                if weights.data is not None:
                    yield graph, operator, weights.dtype


def _computes_in_float(graph: Subgraph, operator: Operator) -> bool:
    """Whether it computes with float numbers, more than converting them."""
    converts = traits_of(operator.name).converts
    return not converts and any(graph.tensors[index].dtype == "float32" for index in operator.outputs)


def _float_layers(model: Model) -> list[str]:
    """The Keras layers that compute in float, each once, with the operator."""
    found: dict[str, None] = {}
    for number, graph in enumerate(model.subgraphs):
        results = result_names(model, number)
        for operator in graph.operators:
            if _computes_in_float(graph, operator):
                found[f"'{shorten(operator_layer(graph, operator, results), 40)}' ({operator.name})"] = None
    return list(found)


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
