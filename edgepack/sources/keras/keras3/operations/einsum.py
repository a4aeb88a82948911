"""einsum, as transpositions, reshapes and a matrix product: Keras 2 cannot store a call of tf.einsum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgepack.sources.keras.keras3.call import Call, Inexpressible, is_tensor, promoted, rank, tf

_SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class _Term:
    """A tensor, a letter for each of its axes, and their lengths."""

    tensor: Any
    letters: str

    @property
    def sizes(self) -> dict[str, int | None]:
        return dict(zip(self.letters, self.tensor.shape, strict=True))

    def summed(self, kept: set[str]) -> _Term:
        """Without the axes that nothing else names."""
        axes = [index for index, letter in enumerate(self.letters) if letter not in kept]
        if not axes:
            return self
        left = "".join(letter for letter in self.letters if letter in kept)
        return _Term(tf().reduce_sum(self.tensor, axis=axes), left)

    def ordered(self, letters: str) -> Any:
        """The tensor with its axes in another order."""
        if letters == self.letters:
            return self.tensor
        order = [self.letters.index(letter) for letter in letters]
        return tf().transpose(self.tensor, order) if is_tensor(self.tensor) else np.transpose(self.tensor, order)


def einsum(call: Call) -> Any:
    """The sum of products that `subscripts` describe, of one tensor or two."""
    operands = promoted(call.values)
    terms, result = _parse(call.config["subscripts"], operands)
    if any(len(set(term.letters)) < len(term.letters) for term in terms) or len(terms) > 2:
        raise Inexpressible("diagonals, or more than two tensors")
    named = [set(result) | {letter for other in terms if other is not term for letter in other.letters} for term in terms]
    terms = [term.summed(kept) for term, kept in zip(terms, named, strict=True)]
    if len(terms) == 1:
        return tf().identity(terms[0].ordered(result), name=call.name)
    return _product(terms[0], terms[1], result, call.name)


def _product(first: _Term, second: _Term, result: str, name: str) -> Any:
    shared = [letter for letter in first.letters if letter in second.letters]
    batch = "".join(letter for letter in shared if letter in result)
    inner = "".join(letter for letter in shared if letter not in result)
    rows, columns = ("".join(letter for letter in term.letters if letter not in shared) for term in (first, second))
    sizes = second.sizes | first.sizes
    shared_sizes = _lengths(batch, sizes)
    left = _shaped(first.ordered(batch + rows + inner), [*shared_sizes, _count(rows, sizes), _count(inner, sizes)])
    right = _shaped(second.ordered(batch + inner + columns), [*shared_sizes, _count(inner, sizes), _count(columns, sizes)])
    product = tf().matmul(left, right)
    found = _Term(_shaped(product, _lengths(batch + rows + columns, sizes)), batch + rows + columns)
    return tf().identity(found.ordered(result), name=name)


def _lengths(letters: str, sizes: dict[str, int | None]) -> list[int]:
    return [-1 if sizes[letter] is None else int(sizes[letter] or 0) for letter in letters]


def _count(letters: str, sizes: dict[str, int | None]) -> int:
    lengths = _lengths(letters, sizes)
    return -1 if -1 in lengths else int(np.prod(lengths))


def _shaped(tensor: Any, lengths: list[int]) -> Any:
    if lengths.count(-1) > 1:
        raise Inexpressible("two open lengths")
    if [-1 if length is None else length for length in tensor.shape] == lengths:
        return tensor
    return tf().reshape(tensor, lengths) if is_tensor(tensor) else np.reshape(tensor, lengths)


def _parse(subscripts: str, operands: list[Any]) -> tuple[list[_Term], str]:
    given, arrow, result = subscripts.replace(" ", "").partition("->")
    parts = given.split(",")
    if not arrow or len(parts) != len(operands):
        raise Inexpressible(subscripts)
    spare = [rank(tensor) - len(letters.replace("...", "")) for letters, tensor in zip(parts, operands, strict=True)]
    terms = [
        _Term(tensor, letters.replace("...", _last(count))) for letters, tensor, count in zip(parts, operands, spare, strict=True)
    ]
    return terms, result.replace("...", _last(max(spare)))


def _last(count: int) -> str:
    """Letters for the axes that "..." stands for, aligned at the end."""
    return _SPARE[len(_SPARE) - count :]
