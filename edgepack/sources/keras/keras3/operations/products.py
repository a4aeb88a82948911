"""Products of tensors, and attention."""

from __future__ import annotations

from typing import Any

from edgepack.sources.keras.keras3.call import Call, Expression, Inexpressible, is_tensor, promoted, rank, size, tf, to_type
from edgepack.sources.keras.keras3.operations.einsum import einsum


def _matmul(call: Call) -> Any:
    first, second = promoted(call.values[:2])
    if rank(first) < 2 or rank(second) < 2:
        return _contracted(first, second, rank(second) - 1 if rank(second) < 2 else rank(second) - 2, call.name)
    return tf().matmul(first, second, name=call.name)


def _dot(call: Call) -> Any:
    """The last axis of one with the last but one of the other, as numpy's dot."""
    first, second = promoted(call.values[:2])
    if not hasattr(first, "shape") or not hasattr(second, "shape") or rank(first) == 0 or rank(second) == 0:
        return tf().multiply(first, second, name=call.name)
    return _contracted(first, second, max(rank(second) - 2, 0), call.name)


def _contracted(first: Any, second: Any, axis: int, name: str) -> Any:
    return tf().tensordot(first, second, [[rank(first) - 1], [axis]], name=name)


def _inner(call: Call) -> Any:
    first, second = promoted(call.values[:2])
    return _contracted(first, second, rank(second) - 1, call.name)


def _tensordot(call: Call) -> Any:
    first, second = promoted(call.values[:2])
    return tf().tensordot(first, second, call.get(2, "axes", 2), name=call.name)


def _attention(call: Call) -> Any:
    query, key, value = call.args[:3]
    if call.config.get("attn_logits_soft_cap") is not None:
        raise Inexpressible("attn_logits_soft_cap")
    scale, bias, mask = call.get(5, "scale"), call.get(3, "bias"), call.get(4, "mask")
    causal = bool(call.config.get("is_causal"))
    return attend(query, key, value, scale=scale, bias=bias, mask=mask, causal=causal)


def attend(query: Any, key: Any, value: Any, scale: Any = None, bias: Any = None, mask: Any = None, causal: bool = False) -> Any:
    """softmax(scale * query key + bias) value, for tensors of shape (batch, length, heads, size).

    Fewer heads of key and value than of query are repeated. What `mask` (batch, heads or 1, query length, key length) forbids
    gets no share.
    """
    groups = size(query, 2) // size(key, 2)
    if groups > 1:
        places = [head for head in range(size(key, 2)) for _ in range(groups)]
        key, value = tf().gather(key, places, axis=2), tf().gather(value, places, axis=2)
    query, key, value = (tf().transpose(part, [0, 2, 1, 3]) for part in (query, key, value))
    query = tf().multiply(query, size(query, 3) ** -0.5 if scale is None else scale)
    scores = tf().matmul(query, key, transpose_b=True)
    if bias is not None:
        scores = tf().add(scores, bias)
    if causal:
        queries, keys = size(scores, 2), size(scores, 3)
        allowed: Any = [[column <= row for column in range(keys)] for row in range(queries)]
        mask = allowed if mask is None else tf().logical_and(to_type(mask, "bool"), allowed)
    shares = tf().nn.softmax(scores) if mask is None else masked_softmax(scores, mask)
    return tf().transpose(tf().matmul(shares, value), [0, 2, 1, 3])


def masked_softmax(scores: Any, mask: Any) -> Any:
    """Softmax over the last axis of what `mask` allows."""
    mask = to_type(mask, "bool") if is_tensor(mask) else mask
    return tf().nn.softmax(tf().where(mask, scores, -1e9))


PRODUCTS: dict[str, Expression] = {
    "Matmul": _matmul,
    "Dot": _dot,
    "Inner": _inner,
    "Tensordot": _tensordot,
    "Einsum": einsum,
    "DotProductAttention": _attention,
}
