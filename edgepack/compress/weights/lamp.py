"""Which share of each layer to prune so that all layers together reach one: layer-adaptive magnitudes.

Lee et al. 2021, Layer-adaptive sparsity for the magnitude-based pruning (arXiv:2010.07611).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

# No layer loses more than this: the score leaves one weight in any layer, and a layer of one weight passes nothing on.
_MOST = 0.98


def layer_shares(weights: Mapping[str, NDArray[np.float32]], sparsity: float) -> dict[str, float]:
    """The share of each layer's weights to zero, by layer, so that `sparsity` of all weights together are zero.

    `weights` are flat arrays. A weight's score is its square over the sum of the squares of all weights of its layer that are at
    least as large (equation 4 of the paper): what it adds to those that would stay with it. The smallest scores over all layers
    go, but never more than 98 % of a layer; what that leaves too many goes elsewhere.

    >>> few, many = np.array([1, 1], np.float32), np.array([1] * 8, np.float32)
    >>> layer_shares({"few": few, "many": many}, 0.6)
    {'few': 0.0, 'many': 0.75}
    """
    scores = {name: _scores(values) for name, values in weights.items()}
    sizes = {name: len(values) for name, values in scores.items()}
    for name, values in scores.items():
        values[int(np.floor(sizes[name] * _MOST)) :] = np.inf
    wanted = int(np.rint(sparsity * sum(sizes.values())))
    pool = np.concatenate(list(scores.values()))
    owner = np.repeat(np.arange(len(scores)), list(sizes.values()))
    chosen = np.argsort(pool, kind="stable")[:wanted]
    counts = np.bincount(owner[chosen[np.isfinite(pool[chosen])]], minlength=len(scores))
    return {name: float(count / sizes[name]) for name, count in zip(scores, counts, strict=True)}


def _scores(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scores of a layer, smallest weight first."""
    squares = np.sort(np.square(weights, dtype=np.float64), axis=None)
    rest = np.cumsum(squares[::-1])[::-1]
    scores: NDArray[np.float64] = squares / np.maximum(rest, np.finfo(np.float64).tiny)
    return scores
