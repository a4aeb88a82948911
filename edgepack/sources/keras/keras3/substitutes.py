"""Layers of Keras 3 that Keras 2 lacks, put together from what it has, and those that are at work only while training.

A substitute makes its layers once, so that a layer that is called twice keeps one set of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edgepack.sources.keras.keras3.call import Call, Expression, Inexpressible, layers, positive, rank, size, tf, to_type
from edgepack.sources.keras.keras3.operations.images import adaptive_pool
from edgepack.sources.keras.keras3.operations.products import attend
from edgepack.sources.keras.keras3.operations.reductions import root_mean_square_normalized

# Image augmentation that Keras 2 has no layer for; a trained model passes images through.
AUGMENTATION = frozenset(
    {
        "AugMix",
        "CutMix",
        "MixUp",
        "RandAugment",
        "RandomColorDegeneration",
        "RandomColorJitter",
        "RandomElasticTransform",
        "RandomErasing",
        "RandomGaussianBlur",
        "RandomGrayscale",
        "RandomHue",
        "RandomInvert",
        "RandomPerspective",
        "RandomPosterization",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
    }
)
_AUGMENTATION_OF_BOTH = frozenset(
    {f"Random{what}" for what in ("Brightness", "Contrast", "Flip", "Rotation", "Translation", "Zoom")}
)
# The layers with the weights of a grouped query attention, in Keras 3's order.
_ATTENTION_PARTS = ("query", "key", "gate", "value", "attention_output")

Substitute = Callable[[Mapping[str, Any]], Expression]


def _adaptive(kind: str) -> Substitute:
    def make(config: Mapping[str, Any]) -> Expression:
        if config.get("data_format") == "channels_first":
            raise Inexpressible("channels_first")
        return lambda call: adaptive_pool(kind, call.x, config["output_size"], call.name)

    return make


def _rms_normalization(config: Mapping[str, Any]) -> Expression:
    """The gain is a depthwise convolution of one tap: a weight for each channel, that trains and quantizes like others."""
    made: dict[str, Any] = {}

    def express(call: Call) -> Any:
        x, axis = call.x, config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
        if not isinstance(axis, int) or positive(axis, rank(x)) != rank(x) - 1 or rank(x) not in (2, 3, 4):
            raise Inexpressible(f"axis {axis} of {rank(x)}")
        kind = layers().DepthwiseConv2D if rank(x) == 4 else layers().DepthwiseConv1D
        gain = made.setdefault("gain", kind(1, use_bias=False, depthwise_initializer="ones", name=config["name"]))
        x = root_mean_square_normalized(x, -1, config.get("epsilon"))
        if rank(x) > 2:
            return gain(x)
        channels = size(x, -1)
        return layers().Reshape([channels], name=f"{call.name}_out")(
            gain(layers().Reshape([1, channels], name=f"{call.name}_in")(x))
        )

    return express


def _grouped_query_attention(config: Mapping[str, Any]) -> Expression:
    if config.get("sliding_window") is not None:
        raise Inexpressible("sliding_window")
    made: dict[str, Any] = {}

    def project(part: str, equation: str, x: Any, shape: list[int], activation: str | None = None) -> Any:
        bias = {"query": "uh", "gate": "uh", "attention_output": "m"}.get(part, "vh") if config.get("use_bias", True) else None
        if part not in made:
            made[part] = layers().EinsumDense(
                equation, [None, *shape], activation=activation, bias_axes=bias, name=f"{config['name']}_{part}"
            )
        return made[part](x)

    def express(call: Call) -> Any:
        query, given = call.args[0], call.get(1, "value")
        key = call.get(2, "key", given)
        if call.named.get("return_attention_scores"):
            raise Inexpressible("return_attention_scores")
        heads, groups, width = (config[name] for name in ("num_query_heads", "num_key_value_heads", "head_dim"))
        features = size(query, -1)
        mask = joint_mask(call)
        if mask is None and any(getattr(tensor, "_keras_mask", None) is not None for tensor in (query, key, given)):
            raise Inexpressible("takes its mask from an Embedding or Masking layer; give it attention_mask=… instead")
        result = attend(
            project("query", "bqm,muh->bquh", query, [heads, width]),
            project("key", "bkm,mvh->bkvh", key, [groups, width]),
            project("value", "bkm,mvh->bkvh", given, [groups, width]),
            mask=None if mask is None else tf().expand_dims(mask, 1),
            causal=bool(call.named.get("use_causal_mask")),
        )
        if config.get("use_gate"):
            gate = project("gate", "bqm,muh->bquh", query, [heads, width], "sigmoid")
            result = layers().Multiply(name=f"{call.name}_gated")([result, gate])
        return project("attention_output", "bquh,uhm->bqm", result, [features])

    return express


def joint_mask(call: Call) -> Any:
    """What an attention's masks of query, value and key, and its own, allow together: (batch, query length, key length)."""
    found = []
    for key, axis in (("query_mask", -1), ("value_mask", -2), ("key_mask", -2)):
        if call.named.get(key) is not None:
            found.append(tf().expand_dims(to_type(call.named[key], "bool"), axis))
    if call.named.get("attention_mask") is not None:
        found.append(to_type(call.named["attention_mask"], "bool"))
    result = None
    for mask in found:
        result = mask if result is None else tf().logical_and(result, mask)
    return result


def _masking(config: Mapping[str, Any]) -> Expression:
    """Zeros in masked steps, by a choice, which has an integer form; Keras 2's layer multiplies with truth values.

    The mask itself is an operation of its own in a stored Keras 3 model. Zero alone is exact in int8: another value would be
    rounded, and no step be masked any more.
    """
    if config.get("mask_value"):
        raise Inexpressible(f"mask_value {config['mask_value']}, which int8 rounds; fill with 0 and mask 0")

    def express(call: Call) -> Any:
        kept = tf().reduce_any(tf().logical_or(tf().greater(call.x, 0.0), tf().less(call.x, 0.0)), axis=-1, keepdims=True)
        return tf().where(kept, call.x, 0.0, name=call.name)

    return express


def _passing(config: Mapping[str, Any]) -> Expression:
    return lambda call: call.x


def _pipeline(config: Mapping[str, Any]) -> Expression:
    kinds = {part["class_name"] for part in config["layers"]}
    if not kinds <= AUGMENTATION | _AUGMENTATION_OF_BOTH:
        raise Inexpressible("more than augmentation: " + ", ".join(sorted(kinds - AUGMENTATION - _AUGMENTATION_OF_BOTH)))
    return lambda call: call.x


SUBSTITUTES: dict[str, Substitute] = {
    **{f"Adaptive{kind}Pooling{count}D": _adaptive(kind) for kind in ("Average", "Max") for count in (1, 2, 3)},
    "Masking": _masking,
    "RMSNormalization": _rms_normalization,
    "GroupQueryAttention": _grouped_query_attention,
    "GroupedQueryAttention": _grouped_query_attention,
    **dict.fromkeys(AUGMENTATION, _passing),
    "Pipeline": _pipeline,
}


def left_out(model: Any) -> Iterator[str]:
    """The layers of a Keras 3 model that are at work only while training and have no counterpart, as "name (class)"."""
    for layer in model.layers:
        kind = type(layer)
        if kind.__module__.startswith("keras.") and kind.__name__ in AUGMENTATION | {"Pipeline"}:
            yield f"{layer.name} ({kind.__name__})"
        elif hasattr(layer, "layers"):
            yield from left_out(layer)


def with_weights(name: str, target: Any) -> list[Any]:
    """The Keras 2 layers of `target` that hold the weights of the Keras 3 layer `name`, in its order."""
    names = {layer.name for layer in target.layers}
    parts = [f"{name}_{part}" for part in _ATTENTION_PARTS]
    found = [name] if name in names else [part for part in parts if part in names]
    return [target.get_layer(part) for part in found]
